"""The text of source code is stored once, by its hash, under any number of names."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from lemur_core import data
from lemur_core.entry import Entry
from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.care import check
from lemur_core.store.database import open_engine
from lemur_core.store.identity import code_hash
from lemur_core.store.importing.merge import MergeResult, merge
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.store.upgrade import upgrade
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Trial

from .test_store import PRM, pipeline, write

OLD = Path(__file__).parent / "schemas" / "0002.sql"


@pytest.fixture
def record(toys, tmp_path):
    """Return a function that records a trial for each name of a net, all with the same code."""

    def record(db, code, names, number=1):
        file = tmp_path / "Net.py"
        file.write_bytes(code.encode(errors="surrogatepass"))
        with open_engine(tmp_path / db, create=True) as engine:
            writer = Writer(engine, {})
            for name in names:
                net = replace(pipeline(toys), net=name, net_entry=Entry(name, str(file)))
                write(writer, Trial(net, number, PRM, 7, 1), [(0.5, 0.25)])
        return tmp_path / db

    return record


def rows(db, query):
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(query).fetchall()


def change(db, *statements):
    with closing(sqlite3.connect(db)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_nets_with_the_same_text_share_it(record):
    db = record("one.db", "# one\n", ["A", "B"])
    record("one.db", "# another\n", ["A"], number=2)
    first, second = code_hash("# one\n"), code_hash("# another\n")
    assert rows(db, "select name, hash from nn order by id") == [
        ("A", first), ("B", first), ("A", second),
    ]  # fmt: skip
    texts = "select text from code where hash in (select hash from nn) order by text"
    assert rows(db, texts) == [("# another\n",), ("# one\n",)]
    assert list(data(db=db)["nn_code"]) == ["# one\n", "# one\n", "# another\n"]


def test_escaped_code_is_the_same_after_a_merge(record, tmp_path):
    first, second = (record(f"{name}.db", "# nul \0\n", ["Net"]) for name in ("one", "other"))
    with open_engine(first) as target, open_engine(second) as source:
        assert merge(target, source) == MergeResult(trials=1, epochs=1)
        assert check(target) == []
    assert rows(first, "select hash from nn") == [(code_hash("# nul \0\n"),)]
    assert list(data(db=first)["nn_code"]) == ["# nul \\x00\n"] * 2


def test_missing_code_is_named(record):
    db = record("one.db", "# one\n", ["Net"])
    change(db, "delete from code where hash in (select hash from nn)")
    message = f"the source {code_hash('# one' + chr(10))} is not there; lemur db check says more"
    with pytest.raises(StoreError) as raised:
        data(db=db)
    assert str(raised.value) == message
    with (
        open_engine(db) as engine,
        engine.connect() as connection,
        pytest.raises(StoreError) as raised,
    ):
        read_stored_trial(connection, connection.scalar(select(schema.trial.c.uid)))
    assert str(raised.value) == message


def test_check_lists_all_names_of_altered_code(record):
    db = record("one.db", "# one\n", ["A", "B"])
    change(db, "update code set text = '# other' where hash in (select hash from nn)")
    with open_engine(db) as engine:
        assert check(engine) == [
            f"code {code_hash('# one' + chr(10))[:12]}, nn 'A', nn 'B' does not match its hash"
        ]


@pytest.fixture
def old(tmp_path):
    """A database of schema 0002 whose net, metric, transform and loader have the same text."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript(OLD.read_text())
    return tmp_path / "old.db"


def test_an_upgrade_stores_each_text_once(old):
    [(name, text, identity)] = rows(old, "select name, code, hash from nn")
    change(
        old,
        f"insert into nn values (2, 'B', '# b', '{code_hash('# b')}')",
        f"insert into loader values (2, 'C', '# c \\x00', '{code_hash('# c ' + chr(0))}')",
    )
    upgrade(old)
    assert sorted(rows(old, "select hash, text from code")) == sorted([
        (identity, text), (code_hash("# b"), "# b"), (code_hash("# c \0"), "# c \\x00"),
    ])  # fmt: skip
    assert rows(old, "select * from nn") == [(1, name, identity), (2, "B", code_hash("# b"))]
    with open_engine(old) as engine:
        assert check(engine) == []


@pytest.mark.parametrize("table", ["nn", "loader"])
def test_an_upgrade_prefers_the_text_that_matches_its_hash(old, table):
    [(text,)] = rows(old, "select code from metric")
    change(old, f"update {table} set code = '# altered'")
    upgrade(old)
    assert rows(old, "select text from code") == [(text,)]


def test_an_upgrade_keeps_altered_text_for_check(old):
    for table in ("nn", "metric", "transform", "loader"):
        change(old, f"update {table} set code = '# altered'")
    upgrade(old)
    assert rows(old, "select text from code") == [("# altered",)]
    with open_engine(old) as engine:
        assert len(check(engine)) == 1
