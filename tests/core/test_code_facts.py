"""Facts about code are recorded, upgraded, merged and checked."""

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lemur_core.code import code_hash
from lemur_core.code_facts import CodeFact, NamedSource, code_database
from lemur_core.errors import FactError, StoreError
from lemur_core.store import schema
from lemur_core.store.care import check
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing import code_facts
from lemur_core.store.importing.importers import files
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.reader import filters_of
from lemur_core.store.upgrade import upgrade
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Trial

from .test_store import PRM, pipeline

OLD = Path(__file__).parent / "schemas" / "0010.sql"
ONE, TWO = code_hash("x = 1"), code_hash("x = 2")


def record(db, *facts):
    with code_database(db, create=True) as database:
        return database.run(lambda transaction: transaction.record(facts))


def read(db, name, hashes=None):
    with code_database(db) as database:
        return database.run(lambda transaction: transaction.facts(name, hashes))


def test_facts_are_stored_exactly_and_the_first_stays(db):
    value = {"b": [1, 1.0, None, True], "a": "\0 \ud800 ä", "n": 10**30}
    facts = [CodeFact(ONE, "mine.lines", value), CodeFact(ONE, "mine.lines", 2.0, "second")]
    assert record(db, *facts, CodeFact(TWO, "mine.lines", 3), CodeFact(TWO, "theirs", 4)) == 4
    assert record(db, CodeFact(ONE, "mine.lines", "another"), CodeFact("", "mine.lines", 5)) == 1
    unknown, *of_two_and_one = read(db, "mine.lines")
    assert unknown == CodeFact("", "mine.lines", 5)
    assert set(map(repr, of_two_and_one)) == {
        repr(CodeFact(ONE, "mine.lines", dict(sorted(value.items())))),
        repr(CodeFact(ONE, "mine.lines", 2.0, "second")),
        repr(CodeFact(TWO, "mine.lines", 3)),
    }
    assert read(db, "mine.lines", [TWO, code_hash("none")]) == [CodeFact(TWO, "mine.lines", 3)]
    assert read(db, "mine.lines", []) == read(db, "mine") == []


def test_the_first_of_two_equal_keys_is_recorded(db):
    assert record(db, *(CodeFact(ONE, "a", value) for value in (1, 2, 1))) == 1
    assert read(db, "a") == [CodeFact(ONE, "a", 1)]


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (CodeFact("abc", "a", 1), "fact 'a': 'abc' is not a source's SHA-256"),
        (CodeFact(ONE, "", 1), "fact name '': is empty"),
        (CodeFact(ONE, "a", math.nan), "fact 'a': is or contains nan; expected finite numbers"),
        (CodeFact(ONE, "a", 1, "\n"), "key of fact 'a': name '\\n': starts or ends with a space"),
    ],
)
def test_an_invalid_fact_is_refused_and_nothing_is_written(db, fact, message):
    with pytest.raises(FactError) as raised:
        record(db, CodeFact(ONE, "good", 1), fact)
    assert str(raised.value) == message
    assert read(db, "good") == []


def test_nets_are_found_by_name_and_their_texts_by_hash(db):
    def work(transaction):
        for name, code in (("Mine", "x = 1"), ("Mine", "x = 2"), ("Other", "x = 1")):
            transaction.add(name, code)

    with code_database(db, create=True) as database:
        database.run(work)
        database.run(work)
        nets = database.run(lambda transaction: transaction.sources())
        assert nets == [
            NamedSource("Mine", ONE), NamedSource("Mine", TWO), NamedSource("Other", ONE)
        ]  # fmt: skip
        assert database.run(lambda transaction: transaction.sources(["Other", "None"])) == nets[2:]
        assert database.run(lambda transaction: transaction.texts([TWO])) == {TWO: "x = 2"}
        with pytest.raises(StoreError):
            database.run(lambda transaction: transaction.texts([code_hash("x = 3")]))
        assert database.folder("nets").name == f"{db.name}-nets"


@pytest.fixture
def old(tmp_path):
    """A database of schema 0010 with verdicts and sketches, as written by that version."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    return path


def rows(path, query):
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def test_an_upgrade_converts_every_verdict_and_sketch_to_facts(old):
    verdicts = rows(
        old, "select verdict.*, hash from verdict left join nn on nn.id = nn_id order by checked"
    )
    sketches = rows(old, "select * from sketch order by hash")
    assert (len(verdicts), len(sketches)) == (4, 2)
    assert upgrade(old).before == "0010"
    assert rows(old, "select name from sqlite_master where name in ('verdict', 'sketch')") == []
    migrated = sorted(read(old, "check.verdict"), key=lambda fact: fact.value["checked"])
    for fact, row in zip(migrated, verdicts, strict=True):
        facts = json.loads(row["facts"])
        if facts.get("limits", {}).get("seconds") == math.inf:
            # JSON has no infinity.
            facts["limits"]["seconds"] = None
        assert fact.value["facts"] == facts
        assert fact.value["valid"] is bool(row["valid"])
        for name in ("asked", "checked", "dataset", "metric", "name", "task"):
            assert fact.value[name] == row[name]
        # The code of one verdict could not be stored.
        assert fact.hash == (row["hash"] or "")
    assert sum(not fact.hash for fact in migrated) == 1
    assert [
        (fact.hash, fact.value["tree"], bytes.fromhex(fact.value["signature"]))
        for fact in read(old, "check.sketch")
    ] == [tuple(row.values()) for row in sketches]
    with open_engine(old) as engine:
        assert check(engine) == []


def test_facts_are_merged_with_their_code(old, tmp_path, monkeypatch):
    # Force several transactions, as for many facts.
    monkeypatch.setattr("lemur_core.store.importing.code_facts._AT_ONCE", 2)
    upgrade(old)
    new = tmp_path / "new.db"
    record(new, CodeFact(ONE, "mine", 1))
    with open_engine(old) as source, open_engine(new) as engine:
        assert merge(engine, source).code_facts == 6
        assert merge(engine, source).code_facts == 0
        assert check(engine) == []
    for name in ("check.verdict", "check.sketch"):
        assert read(new, name) == read(old, name)
    assert read(new, "mine") == [CodeFact(ONE, "mine", 1)]
    for path in (old, new):
        with code_database(path) as database:
            nets = dict(database.run(lambda transaction: transaction.sources()))
            texts = database.run(lambda transaction: transaction.texts(nets.values()))  # noqa: B023
            assert {name: texts[identity] for name, identity in nets.items()} == {
                "Mine": "x = 1\n",
                "Old": "x = 2  # ä\n",
            }


def test_an_invalid_stored_fact_is_a_fault(db, tmp_path):
    record(db, CodeFact(ONE, "mine", 1), CodeFact(TWO, "mine", 1))
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("update code_fact set value = '{' where hash = ?", [ONE])
        connection.execute("update code_fact set value = '[NaN]' where hash = ?", [TWO])
    with open_engine(db) as engine:
        assert sorted(check(engine)) == sorted(
            f"fact 'mine' of source {source}: is not what lemur writes" for source in (ONE, TWO)
        )
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("delete from code_fact where hash = ?", [ONE])
    with open_engine(db) as source, open_engine(tmp_path / "new.db", create=True) as engine:
        done = merge(engine, source)
        assert (done.code_facts, [fault.place for fault in done.attached.faults]) == (
            0, [f"fact 'mine' of source {TWO}"],
        )  # fmt: skip
        with engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(schema.code_fact)) == 0


def test_parts_of_a_large_table_are_read_in_order(db, monkeypatch):
    monkeypatch.setattr(code_facts, "_AT_ONCE", 3)
    facts = [CodeFact(code_hash(str(number)), name, number, key)
             for number in range(4) for name in ("a", "b") for key in ("", "k")]  # fmt: skip
    record(db, *facts)
    with open_engine(db) as engine:
        parts = list(code_facts.stored_code_facts(engine))
    assert [len(part.facts) for part in parts] == [3, 3, 3, 3, 3, 1]
    assert [fact for part in parts for fact in part.facts] == sorted(
        facts, key=lambda fact: (fact.name, fact.hash, fact.key)
    )


@pytest.fixture
def exported(old, tmp_path):
    """The exported files of the old database."""
    upgrade(old)
    folder = tmp_path / "exported"
    with open_engine(old) as engine:
        assert export(engine, folder) == (0, [])
    return folder


def test_facts_and_code_are_exported_and_imported(old, exported, db, lemur):
    assert lemur("db", "import", exported, "--format", "lemur-files", "--db", db) == (
        0,
        f"{exported}: 0 records imported, 0 already present\n6 facts about code imported\n",
        "",
    )
    for name in ("check.verdict", "check.sketch"):
        theirs = read(db, name)
        assert {fact.origin for fact in theirs} == {str(exported)}
        assert [fact._replace(origin=None) for fact in theirs] == read(old, name)
    with code_database(db) as database:
        # Imported code does not become a net that can be trained by name.
        assert database.run(lambda transaction: transaction.sources()) == []
        texts = database.run(lambda transaction: transaction.texts({code_hash("x = 1\n")}))
    assert list(texts.values()) == ["x = 1\n"]
    with open_engine(db) as engine:
        assert check(engine) == []
        assert import_results(engine, exported, files.read, "lemur-files").code_facts == 0


def test_a_recorded_fact_replaces_an_imported_one_but_not_vice_versa(exported, db):
    [theirs] = [
        CodeFact(**json.loads(line))
        for line in (exported / "lemur" / "code_facts.jsonl").read_text().splitlines()
        if '"check.sketch"' in line and code_hash("x = 1\n") in line
    ]
    mine = theirs._replace(value="mine")
    with open_engine(db, create=True) as engine:
        assert import_results(engine, exported, files.read, "lemur-files").code_facts == 6
    assert record(db, mine) == 1
    assert read(db, "check.sketch", [mine.hash]) == [mine]
    with open_engine(db) as engine:
        assert import_results(engine, exported, files.read, "lemur-files").code_facts == 0
    assert read(db, "check.sketch", [mine.hash]) == [mine]


def test_the_origin_of_a_fact_is_merged(exported, db, tmp_path):
    with open_engine(db, create=True) as engine:
        import_results(engine, exported, files.read, "lemur-files")
        with open_engine(tmp_path / "new.db", create=True) as new:
            assert merge(new, engine).code_facts == 6
    assert read(tmp_path / "new.db", "check.verdict") == read(db, "check.verdict")


def test_facts_imported_during_a_merge_keep_their_origin(exported, db, tmp_path, monkeypatch):
    read_parts = code_facts.stored_code_facts

    def import_then_read(engine):
        import_results(engine, exported, files.read, "lemur-files")
        return read_parts(engine)

    monkeypatch.setattr(code_facts, "stored_code_facts", import_then_read)
    with (
        open_engine(db, create=True) as engine,
        open_engine(tmp_path / "new.db", create=True) as new,
    ):
        assert merge(new, engine).code_facts == 6
    assert {fact.origin for fact in read(tmp_path / "new.db", "check.sketch")} == {str(exported)}


@pytest.mark.parametrize(
    "conditions",
    [
        {"trial": {"nn": "A"}}, {"epoch": 1}, {"nn_prefixes": ("A",)}, {"where": {"lr": 0.1}},
        {"collection": "zoo"}, {"also": Filters(epoch=1)},
    ],
)  # fmt: skip
def test_filters_are_empty_only_if_there_is_no_condition(conditions):
    assert not Filters(**conditions).is_empty
    assert Filters(trial={"nn": None}, also=Filters()).is_empty
    assert {*conditions} <= {field.name for field in fields(Filters)}


def test_invalid_lines_of_an_exported_folder_are_left_out(exported, db):
    folder = exported / "lemur"
    (folder / "code.jsonl").write_text(
        json.dumps({"hash": ONE, "text": "x = 2"})
        + "\n"
        + json.dumps({"hash": code_hash("\ud800"), "text": "\ud800"})
    )
    lines = [{"hash": [], "name": "a", "key": "", "value": 1}, {"hash": ONE}, 7,
             {"hash": ONE, "name": "a", "key": "", "value": 1}]  # fmt: skip
    (folder / "code_facts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with open_engine(db, create=True) as engine:
        report = import_results(engine, exported, files.read, "lemur-files")
        assert report.code_facts == 1
        assert sorted(fault.reason for fault in report.faults) == [
            "does not match its hash", "does not match its hash",
            "fact 'a': '[]' is not a source's SHA-256",
            "is not a line of code_facts.jsonl", "is not a line of code_facts.jsonl",
        ]  # fmt: skip
        with engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(schema.code)) == 0


def test_a_filtered_export_contains_the_facts_about_its_nets(toys, db, tmp_path):
    linear = pipeline(toys)
    code = linear.net_entry.code()
    with open_engine(db, create=True) as engine:
        writer = Writer(engine, {})
        trial_id = writer.begin(Trial(linear, 1, PRM, 0, 1))
        writer.record(trial_id, Epoch(1, None, 0.5, 0.5, 1))
        record(db, CodeFact(code_hash(code), "mine", 1), CodeFact(ONE, "mine", 2))
        for name, filters in (
            ("all", Filters()), ("any", filters_of()), ("some", Filters(trial={"nn": "Linear"})),
            ("none", Filters(epoch=2)),
        ):  # fmt: skip
            export(engine, tmp_path / name, filters)
    written = {
        name: [json.loads(line)["value"] for line in file.read_text().splitlines()]
        for name in ("all", "any", "some")
        for file in [tmp_path / name / "lemur" / "code_facts.jsonl"]
    }
    assert {name: sorted(values) for name, values in written.items()} == {
        "all": [1, 2], "any": [1, 2], "some": [1]
    }  # fmt: skip
    assert not (tmp_path / "none" / "lemur").exists()
