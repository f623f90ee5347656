"""No password in a URL is shown, wherever it occurs and even if the URL is mistyped."""

import os
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from lemur_core import cli
from lemur_core.errors import StoreError
from lemur_core.passwords import redact, secrets_of, without_password
from lemur_core.store.database import place, unchecked_engine
from lemur_core.store.trouble import describe_error
from lemur_core.store.writing.spill import spill_file

MARK = "Sesame1234"

signs = st.text("ab1@:/?#=% +;'\"\\[]().$é", max_size=4)
passwords = st.builds("{}{}{}".format, signs, st.just(MARK), signs)
users = st.sampled_from(["", "me", "me.you", "m%20e"])
schemes = st.sampled_from(
    ["postgresql", "postgresql+psycopg", "postgres", "sqlite", "mysql+pymysql", "redis", "nodb", ""]
)
separators = st.sampled_from(["://", "//", ":///", ":////", "::/", ":/", ":"])
hosts = st.sampled_from(["", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:port", "[::1]:1"])
names = st.sampled_from(
    ["password", "PASSWORD", "passwd", "pwd", "sslpassword", "sslkey", "p%61ssword", "api_key"]
)
begins = st.builds("{}{}".format, schemes, separators).filter(
    # Without a scheme, only text with both a user and a host looks like a URL.
    lambda text: "//" in text or re.match("(postgres|mysql|redis|sqlite)", text)
)
with_user = st.builds("{}{}:{}@{}/results".format, begins, users, passwords, hosts)
with_query = st.builds(
    "{}me@{}/results?{}{}={}".format,
    begins,
    hosts,
    st.sampled_from(["", "sslmode=require&"]),
    names,
    passwords.filter(lambda text: "?" not in text and " " not in text),
)
urls = with_user.filter(lambda url: not re.match("sqlite:/{3}", url)) | with_query


@given(urls)
@example(f"//me@/results?password={MARK}/")
@example(f"//me@/results?password={MARK}\0")
@settings(max_examples=300, deadline=None)
def test_passwords_are_never_shown(url):
    assert MARK not in without_password(url)
    assert MARK not in without_password(f"--db={url}")
    secrets = secrets_of(url)
    assert MARK not in redact(f"cannot reach {url!r}, {url}", secrets)
    assert MARK not in redact(f"no host '{url.rpartition('/')[0]}'", secrets)
    engine = None
    try:
        engine = unchecked_engine(url)
    except StoreError as error:
        said_of_it = str(error)
    if engine is None:
        assert MARK not in said_of_it
        return
    assert MARK not in place(engine)
    # A driver can quote any part of the URL.
    parts = (engine.url.host, engine.url.database, engine.url.password, *engine.url.query.values())
    for part in filter(None, parts):
        assert MARK not in describe_error(
            engine, OperationalError("", {}, Exception(f"bad: '{part}'"))
        )


def test_names_of_files_do_not_depend_on_passwords(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = "postgresql://me:{0}@127.0.0.1/results?sslpassword={0}"
    first, second = (spill_file(unchecked_engine(url.format(text))) for text in ("one", "other"))
    assert first == second


def test_records_that_wait_under_an_older_name_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine = unchecked_engine("postgresql://me:one@127.0.0.1/results?sslpassword=one")
    name = engine.url.set(password=None).render_as_string().encode()
    import hashlib

    older = tmp_path / f"lemur-unwritten-{hashlib.sha256(name).hexdigest()[:12]}.jsonl"
    assert spill_file(engine) != older
    older.touch()
    assert spill_file(engine) == older


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql//me:{MARK}@host/results",
        f"postgres:/me:{MARK}@",
        f"postgres:me:{MARK}@host",
        f"nodb://me:{MARK}@host/results",
        f"postgresql://me:{MARK}@host:port/results",
        f"postgresql://me:a@{MARK}@host/results",
        f"postgresql://127.0.0.1:1/results?passwd={MARK}",
        f"sqlite:///results.db?password={MARK}",
        f"sqlite:///postgresql//me:{MARK}@host/results",
        f"me:{MARK}@host/results",
    ],
)
def test_wrong_url_prints_one_line_without_password(lemur, url, tmp_path):
    for arguments in (["data", "--db", url], ["db", "merge", url], ["list", "net", url]):
        status, out, err = lemur(*arguments)
        assert (status, out) == (2, "")
        assert re.fullmatch("lemur: error: .+\n", err)
        assert MARK not in err
    assert not [name for name in os.listdir(tmp_path) if MARK in name]


@pytest.mark.parametrize("db", [f"postgres:me:{MARK}@host", f"me:{MARK}@host"])
def test_mistyped_url_creates_no_file(db, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as caught:
        unchecked_engine(db, create=True)
    assert str(caught.value) == (
        f"database {without_password(db)!r}: expected a URL such as "
        "postgresql://me@host/results; put ./ before the path of a file"
    )
    assert unchecked_engine(f"./{db}", create=True).url.database == f"./{db}"


def test_a_traceback_has_no_password(lemur, monkeypatch):
    url = f"postgresql://me:x{MARK}@host/results"

    def fail(*_, **__):
        raise RuntimeError(f"connection to x{MARK} or {url} failed\x1b[2J")

    monkeypatch.setattr("lemur_core.store.reading.reader.data", fail)
    status, out, err = lemur("data", "--db", url)
    assert (status, out) == (1, "")
    assert err.endswith(
        "RuntimeError: connection to *** or postgresql://me:***@host/results failed\\x1b[2J\n"
    )


def test_path_is_shown_unchanged(tmp_path, monkeypatch):
    for path in ("/data/a:1@b/lemur.db", "./a:1@b.db", "runs/a:1@b.db", "a@b.db"):
        assert without_password(path) == path
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:1@b.db").touch()
    assert unchecked_engine("a:1@b.db").url.database == "a:1@b.db"


def test_the_command_line_is_shown_without_its_passwords(monkeypatch):
    monkeypatch.setattr("sys.argv", ["lemur", "data", f"--db=postgresql://me:{MARK}@host/results"])
    assert cli._redacted(f"{MARK} of me@host") == "*** of me@host"
