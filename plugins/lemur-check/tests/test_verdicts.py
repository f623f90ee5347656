"""Verdicts in a database: read, merged, and upgraded from an older version."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lemur_check.checked_nets import find_nets
from lemur_check.likeness import read_sketches, write_sketches
from lemur_check.sketch import WIDTH, Sketch
from lemur_check.verdicts import (
    FACT,
    CheckedNet,
    CheckedPipeline,
    find_verdicts,
    read_checked,
    write_verdict,
)
from lemur_core.code import code_hash
from lemur_core.code_facts import CodeDatabase, CodeFact, code_database
from lemur_core.errors import SettingsError
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.importers import files
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.upgrade import upgrade

OLD = Path(__file__).parents[3] / "tests" / "core" / "schemas" / "0010.sql"
PIPELINE = CheckedPipeline("t", "d", "m")
DAMAGED = {"asked": "a", "checked": "2", "facts": {}, "name": "Mine", "task": "t", "valid": True}
MINE = {"name": "Mine", "valid": True, "limits": {}, "walls": "bubblewrap"}


def write(db, *verdicts):
    def work(transaction):
        for key, code, facts, checked in verdicts:
            write_verdict(transaction, key, code, PIPELINE, facts, checked)

    with code_database(db, create=True) as database:
        # Writing it twice stores it once.
        database.run(work)
        database.run(work)


def verdicts_of(db, code, key):
    with code_database(db) as database:
        return database.run(lambda opened: find_verdicts(opened, code, key))


def nets(db, *names):
    with code_database(db) as database:
        return database.run(lambda opened: read_checked(opened, names))


def take(db, other):
    with open_engine(other) as source, open_engine(db) as engine:
        return merge(engine, source).code_facts


@pytest.fixture
def db(tmp_path):
    return tmp_path / "one.db"


def test_the_last_verdict_comes_first_and_no_limit_is_infinity(db):
    unlimited = {**MINE, "limits": {"seconds": math.inf, "processes": 32}}
    write(db, ("a", "x = 1", MINE, "1"), ("b", "x = 1", MINE, "3"), ("a", "x = 1", unlimited, "2"))
    assert verdicts_of(db, "x = 1", "a") == [unlimited, MINE]
    assert verdicts_of(db, "x = 2", "a") == []


@pytest.mark.parametrize(
    "value",
    [None, 1, "a", [], {}, {"name": "Mine"}, {**DAMAGED, "facts": 1}, {**DAMAGED, "name": 1}],
)
def test_damaged_facts_are_neither_verdicts_nor_sketches(db, value):
    write(db, ("a", "x = 1", MINE, "1"))
    facts = [CodeFact(code_hash("x = 1"), name, value, "z") for name in (FACT, "check.sketch")]
    with code_database(db) as database:
        assert database.run(lambda transaction: transaction.record(facts)) == 2
        assert database.run(read_sketches) == {}
    assert verdicts_of(db, "x = 1", "a") == [MINE]
    assert [net.hash for net in nets(db, "Mine")["Mine"]] == [code_hash("x = 1")]


def test_verdicts_are_merged_with_their_nets(db, tmp_path):
    new = tmp_path / "new.db"
    write(new)
    # The second source cannot be stored in a database.
    write(db, ("first", "x = 1", MINE, "1"), ("second", "\ud800", MINE, "1"))
    assert take(new, db) == 2
    assert take(new, db) == 0
    assert verdicts_of(new, "x = 1", "first") == verdicts_of(new, "\ud800", "second") == [MINE]
    assert nets(new, "Mine", "none") == {
        "Mine": (CheckedNet(code_hash("x = 1"), "t", "x = 1", ("bubblewrap",)),)
    }


def test_a_merged_source_of_the_same_name_does_not_take_the_name_over(db, tmp_path):
    new = tmp_path / "new.db"
    write(new, ("a", "x = 1", MINE, "1"), ("a", "x = 1", MINE, "2"))
    # Later, and in another database, without walls, as recorded by an older version.
    theirs = {"name": "Mine", "valid": True, "not_enforced": ["network"]}
    write(db, ("a", "x = 2", theirs, "3"))
    take(new, db)
    assert [(net.code, net.walls) for net in nets(new, "Mine")["Mine"]] == [
        ("x = 1", ("bubblewrap", "bubblewrap")), ("x = 2", ("none",))
    ]  # fmt: skip
    with pytest.raises(SettingsError) as raised:
        find_nets(["Mine"], str(new))
    assert str(raised.value) == (
        "net 'Mine' is 2 sources, which were merged into this database; choose one with lemur "
        "check FILE --name Mine --replace"
    )
    write(new, ("a", "x = 1", {**MINE, "replaces": [code_hash("x = 2")]}, "4"))
    assert [net.code for net in nets(new, "Mine")["Mine"]] == ["x = 1"]
    [entry] = find_nets(["Mine"], str(new))
    assert (entry.tasks, entry.summary) == (("t",), "checked behind walls")
    assert Path(entry.target).read_text() == "x = 1"


def test_verdicts_of_an_older_version_are_found_after_an_upgrade(db):
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    # An outdated database is reported when it is written to.
    assert find_nets(["Mine"], str(db)) == []
    upgrade(db)
    last, first = verdicts_of(db, "x = 1\n", "a" * 32)
    assert (last["limits"]["seconds"], first["limits"]["seconds"]) == (math.inf, 600.0)
    assert {**last, "limits": first["limits"]} == first
    [unreadable] = verdicts_of(db, "\ud800", "c" * 32)
    assert unreadable["reason"] == 'is no Python: \ud800 \0 "quoted"'
    [mine], [old] = nets(db, "Mine")["Mine"], nets(db, "Old")["Old"]
    assert (mine.code, mine.walls) == ("x = 1\n", ("bubblewrap", "bubblewrap"))
    assert (old.code, old.walls) == ("x = 2  # ä\n", ("none",))
    assert nets(db, "unreadable") == {}


def test_imported_verdicts_are_not_trusted(db, tmp_path):
    write(db, ("a", "x = 1", MINE, "1"))
    forged = Sketch("0" * 64, np.zeros(WIDTH, np.uint32))
    with open_engine(db) as engine:
        CodeDatabase(engine).run(
            lambda transaction: write_sketches(transaction, {code_hash("x = 1"): forged})
        )
        export(engine, tmp_path / "exported")
    new = tmp_path / "new.db"
    with open_engine(new, create=True) as engine:
        report = import_results(engine, tmp_path / "exported", files.read, "lemur-files")
        assert report.code_facts == 2
        assert CodeDatabase(engine).run(read_sketches) == {}
    assert verdicts_of(new, "x = 1", "a") == find_nets(["Mine"], str(new)) == []
    # It has both verdicts after it is checked here, but only one is returned.
    mine = {**MINE, "walls": "trust"}
    write(new, ("a", "x = 1", mine, "2"))
    assert verdicts_of(new, "x = 1", "a") == [mine]
    assert [net.walls for net in nets(new, "Mine")["Mine"]] == [("trust",)]
