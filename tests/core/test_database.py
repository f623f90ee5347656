"""A database's path is a path, whatever is in its name."""

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from lemur_core import data
from lemur_core.composition import compose
from lemur_core.passwords import without_password
from lemur_core.pattern import Pattern
from lemur_core.store import care
from lemur_core.store.database import (
    folder_beside,
    open_database,
    place,
    sqlite_file,
    unchecked_engine,
)
from lemur_core.store.writing.spill import spill_file
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

ODD_NAMES = [
    "exp?seed=1.db", "run%41.db", "a#b.db", "a b.db", "back\\slash.db", "\u00fcn\u00ef.db",
    "file:z.db", "odd:__name.db", "-x.db", "a;b&c=d.db", ":memory:z.db",
]  # fmt: skip


def record(engine, toys):
    [pipeline] = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    writer = Writer(engine, {})
    trial_id = writer.begin(Trial(pipeline, 1, {"lr": 0.1, "transform": "plain"}, 7, 1))
    epoch = Epoch(1, 0.5, 0.5, 0.25, 1)
    writer.record(trial_id, epoch)
    writer.finish(trial_id, Outcome(State.FINISHED, (epoch,)))


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_is_taken_literally(toys, tmp_path, monkeypatch, name, kind):
    monkeypatch.chdir(tmp_path)
    engine = open_database(kind(name))
    record(engine, toys)
    assert {file.name for file in tmp_path.iterdir()} == {name, f"{name}-wal", f"{name}-shm"}
    assert place(engine) == name
    assert folder_beside(engine, "weights") == Path(f"{name}-weights")
    assert spill_file(engine) == tmp_path / f"{name}-unwritten.jsonl"
    assert care.info(engine).size > 0
    copy = care.backup(engine, tmp_path / f"copy of {name}")
    engine.dispose()
    for written in (kind(name), copy):
        assert list(data(db=written)["accuracy"]) == [0.25]


def test_a_file_may_be_named_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_database("./:memory:").dispose()
    Path("odd:").mkdir()
    open_database("./odd://name.db").dispose()
    assert Path("./:memory:").is_file()
    assert Path("odd:/name.db").is_file()


def test_a_path_may_start_with_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    for db in ("~/some.db", Path("~/other.db")):
        engine = open_database(db)
        assert place(engine) == str(tmp_path / Path(db).name)
        engine.dispose()
    assert {file.name for file in tmp_path.iterdir()} >= {"some.db", "other.db"}


def test_folders_of_a_database_given_by_uri_are_beside_it(tmp_path):
    db = tmp_path / "some.db"
    engine = unchecked_engine(f"sqlite:///file:{db}?mode=rwc&uri=true", create=True)
    assert folder_beside(engine, "weights") == Path(f"{db}-weights")
    engine.dispose()
    assert sqlite_file(make_url("sqlite:///file:x?mode=memory&uri=true")) is None
    assert sqlite_file(make_url("sqlite:///file:a%2541.db?uri=true")) == Path("aA.db")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@host/results", "postgresql://me@host/results"),
        ("postgresql://me:secret@host/results", "postgresql://me:***@host/results"),
        ("postgresql://me:sec:r@et@host/results", "postgresql://me:***@host/results"),
        (
            "postgresql://host/results?password=secret&sslmode=require",
            "postgresql://host/results?password=***&sslmode=require",
        ),
    ],
)
def test_no_password_is_shown(lemur, url, shown):
    assert without_password(url) == shown
    _, output, _ = lemur("doctor", "--no-torch", "--db", url)
    assert f"database    {shown}\n" in output
    assert "secret" not in place(make_url(url))
