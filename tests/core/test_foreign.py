"""Importing runs nothing that a foreign file defines, and reports what the file lacks."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lemur_core.composition import compose
from lemur_core.errors import SettingsError, StoreError
from lemur_core.pattern import Pattern
from lemur_core.store.database import open_database, open_engine
from lemur_core.store.importing import foreign
from lemur_core.store.importing.foreign import open_foreign
from lemur_core.store.importing.intake import MOST_FAULTS
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

NAMES = ("img-classification", "cifar-10", "acc", "ResNet")
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n"


@pytest.fixture
def theirs(tmp_path):
    """A database as LEMUR creates it, with three trials."""
    file = tmp_path / "ab.nn.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table nn (name text primary key, code, id text)")
        connection.execute("create table prm (uid text, name, value object not null)")
        connection.execute(
            "create table stat (id text primary key, accuracy real, epoch integer, duration"
            " integer, task text, dataset text, metric text, nn text, transform text, prm text)"
        )
        connection.execute("insert into nn values ('ResNet', '# theirs', 'x')")
        connection.execute("insert into prm values ('a', 'lr', 0.5)")
        rows = [(f"s{n}", n / 4, n, 10**9 * n, *NAMES, "norm", "a") for n in (1, 2, 3)]
        connection.executemany("insert into stat values (?,?,?,?,?,?,?,?,?,?)", rows)
        connection.commit()
    return file


def change(file, *statements):
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def taken(file, folder):
    with open_engine(folder / "results.db", create=True) as engine:
        return import_results(engine, file)


VIEW = f"create view {{0}} as select * from other where 1 < ({ENDLESS})"


@pytest.mark.parametrize(
    ("statements", "added", "table", "reason"),
    [
        (
            ["alter table stat rename to other", VIEW.format("stat")],
            0, "stat", "is a view; only tables are read",
        ),
        (
            ["alter table prm rename to other", VIEW.format("prm")],
            0, "prm", "is a view; only tables are read",
        ),
        (
            ["drop table nn", "create virtual table nn using fts5(name, code)"],
            3, "nn", "is a virtual table; only tables are read",
        ),
        (
            ["alter table stat add column more generated always as (zeroblob(1000000000))"],
            0, "stat", "column 'more' is computed; only values are read",
        ),
        (["alter table stat drop column duration"], 0, "stat", "has no column 'duration'"),
        (["alter table prm drop column name"], 0, "prm", "has no column 'name'"),
        (
            ["drop table nn", "create table nn (name, code)", "insert into nn values (7, 8)"],
            3, "nn", "name 7: expected text",
        ),
    ],
)  # fmt: skip
def test_only_tables_are_read_and_anything_else_is_a_fault(
    theirs, tmp_path, statements, added, table, reason
):
    change(theirs, *statements)
    report = taken(theirs, tmp_path)
    assert report.faults == [(f"{theirs}, table {table}", reason)]
    assert report.added == added


@pytest.mark.parametrize(
    ("statement", "place", "reason"),
    [
        ("update nn set code = 7", "nn ResNet", "code 7: expected text; left out"),
        (
            "update nn set code = x'00ff'",
            "nn ResNet",
            "code b'\\x00\\xff': expected text; left out",
        ),
        ("insert into prm values ('a', 5, 5)", "prm 'a'", "name 5: expected text"),
    ],
)
def test_invalid_values_are_faults_and_the_others_are_imported(
    theirs, tmp_path, statement, place, reason
):
    change(theirs, statement)
    report = taken(theirs, tmp_path)
    assert report.faults == [(f"{theirs}, {place}", reason)]
    assert report.added == 3


@pytest.mark.parametrize(
    "statement",
    [
        "update stat set epoch = 'first'",
        "update stat set accuracy = 9e999",
        "update stat set duration = x'00'",
        "update stat set transform = x'00'",
        "update stat set id = zeroblob(1000) where epoch = 1",
        "update prm set value = x'00'",
    ],
)
def test_each_row_of_another_type_gives_one_line(theirs, tmp_path, statement):
    change(theirs, statement)
    report = taken(theirs, tmp_path)
    assert len(report.faults) + report.added == 3
    assert all("\n" not in line and len(line) < 300 for fault in report.faults for line in fault)


def cyclic(file):
    """Make a page of the table `stat` its own descendant, so that the table has endless rows."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executemany(
            "insert into stat values (?,?,?,?,?,?,?,?,?,?)",
            [(f"r{n}", 0.5, n, 1, *NAMES, "norm", "a") for n in range(10, 2000)],
        )
        connection.commit()
        [(root,)] = connection.execute("select rootpage from sqlite_master where name = 'stat'")
        [(size,)] = connection.execute("pragma page_size")
    content = bytearray(file.read_bytes())
    start = (root - 1) * size
    assert content[start] == 5  # an interior page: its cells start with the number of a child
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    pointers = [
        int.from_bytes(content[start + 12 + 2 * n : start + 14 + 2 * n], "big")
        for n in range(cells)
    ]
    first = content[start + pointers[0] : start + pointers[0] + 4]
    for pointer in pointers:
        content[start + pointer : start + pointer + 4] = first
    file.write_bytes(content)


def spoilt(file):
    with closing(sqlite3.connect(file)) as connection:
        [(root,)] = connection.execute("select rootpage from sqlite_master where name = 'stat'")
        [(size,)] = connection.execute("pragma page_size")
    content = bytearray(file.read_bytes())
    content[(root - 1) * size : root * size] = b"\xff" * size
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [cyclic, spoilt])
def test_damaged_pages_are_faults_and_not_read(theirs, tmp_path, damage):
    damage(theirs)
    report = taken(theirs, tmp_path)
    assert report.added == 0
    assert 1 <= len(report.faults) <= 5
    for place, reason in report.faults:
        assert place == f"{theirs}, table stat"
        assert reason.startswith("is damaged: ")
        assert "\n" not in reason


def test_a_table_yields_no_more_rows_than_the_limit(theirs, tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "MOST_ROWS", 2)
    with pytest.raises(SettingsError) as caught:
        taken(theirs, tmp_path)
    assert str(caught.value) == f"{theirs}: has more than 2 rows in a table"


def test_a_query_may_not_take_longer_than_the_limit(theirs, monkeypatch):
    change(theirs, *["insert into prm select uid, name, value from prm"] * 12)
    with open_foreign(theirs, ["prm"]) as file:
        monkeypatch.setattr(foreign, "LONGEST_S", 0.0)
        with pytest.raises(SettingsError, match="takes longer to read than 0 s"):
            list(file.rows("select a.uid from prm a, prm b, prm c, prm d where a.uid = 'b'"))


@pytest.mark.parametrize(
    "query",
    ["select * from other", "select randomblob(9)", "pragma user_version", "delete from stat"],
)
def test_only_the_requested_tables_can_be_read(theirs, query):
    change(theirs, "create table other (x)")
    with open_foreign(theirs, ["stat"]) as file, pytest.raises(sqlite3.DatabaseError) as caught:
        list(file.rows(query))
    assert "not authorized" in str(caught.value) or "prohibited" in str(caught.value)


@pytest.mark.parametrize("where", ["pipe", "folder/a_b_c_d/1.json", "/dev/zero"])
def test_pipes_and_devices_are_refused_without_waiting(lemur, tmp_path, where):
    place = tmp_path / where
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        os.mkfifo(place)
    argument = tmp_path / "folder" if "folder" in where else place
    status, out, err = lemur("db", "import", argument, "--db", "x.db")
    if argument == place:
        assert (status, err) == (2, f"lemur: error: {place}: is no file or folder\n")
    else:
        assert (status, err) == (1, "a_b_c_d/1.json: cannot be read: is not a regular file\n")
        assert out == f"{argument}: 0 records imported, 0 already present, 1 could not be read\n"


def test_the_first_of_many_faults_are_printed_and_the_others_counted(lemur, tmp_path):
    folder = tmp_path / "stat" / "_".join(NAMES)
    folder.mkdir(parents=True)
    count = MOST_FAULTS + 500
    (folder / "1.json").write_text(json.dumps([1] * count))
    status, out, err = lemur("db", "import", tmp_path / "stat", "--db", "x.db")
    lines = err.splitlines()
    assert (status, len(lines)) == (1, 21)
    assert lines[0] == f"{folder.name}/1.json, record 1: 1: expected an object"
    assert lines[-1] == f"{tmp_path / 'stat'}: {count - 20:,} more faults"
    assert out.endswith(f"{count:,} could not be read\n")
    faults = taken(tmp_path / "stat", tmp_path).faults
    assert (len(faults), faults.total) == (MOST_FAULTS, count)


@pytest.fixture
def own(toys, tmp_path):
    """A database that lemur wrote."""
    engine = open_database(tmp_path / "own.db")
    [pipeline] = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    writer = Writer(engine, {})
    trial_id = writer.begin(Trial(pipeline, 1, {"lr": 0.1, "transform": "plain"}, 7, 1))
    epoch = Epoch(1, 0.5, 0.5, 0.25, 1)
    writer.record(trial_id, epoch)
    writer.finish(trial_id, Outcome(State.FINISHED, (epoch,)))
    engine.dispose()
    return tmp_path / "own.db"


@pytest.mark.parametrize(
    ("statements", "line"),
    [
        (
            ["alter table stat rename to other", "create view stat as select * from other"],
            "{}, table stat: is a view; only tables are read",
        ),
        (
            ["alter table prm add column more generated always as (zeroblob(1000000000))"],
            "{}, table prm: column 'more' is computed; only values are read",
        ),
        (
            ["update code set text = x'00ff'"],
            "{}, table code: column 'text' has a value of type blob; expected text",
        ),
        (["alter table stat drop column within"], "{}, table stat: has no column 'within'"),
        (
            ["update prm set value = 'nonsense'"],
            "database {}: holds a value that lemur does not write (JSONDecodeError: Expecting "
            "value: line 1 column 1 (char 0))",
        ),
    ],
)
def test_a_database_that_lemur_did_not_write_is_not_merged(own, tmp_path, statements, line):
    change(own, "pragma foreign_keys = off", *statements)
    with open_engine(own) as source, open_engine(tmp_path / "all.db", create=True) as engine:
        with pytest.raises(StoreError) as caught:
            merge(engine, source)
        assert str(caught.value) == line.format(own)


def test_a_value_that_lemur_does_not_write_is_an_error_of_the_database(own, lemur):
    change(own, "update prm set value = 'nonsense'")
    line = "a value cannot be read: JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    assert lemur("db", "check", "--db", own) == (1, f"{line}\n1 faults\n", "")


def test_a_database_that_lemur_wrote_is_merged(own, tmp_path):
    with open_engine(own) as source, open_engine(tmp_path / "all.db", create=True) as engine:
        assert merge(engine, source).trials == 1
    assert Path(own).stat().st_size > 0
