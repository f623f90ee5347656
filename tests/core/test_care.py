"""Database maintenance: info, check, backup, vacuum, upgrade, merge."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect

from lemur_core import data
from lemur_core.errors import NewerDatabaseError, StoreError
from lemur_core.store import schema
from lemur_core.store.care import backup, check, info, vacuum
from lemur_core.store.database import open_database, open_engine
from lemur_core.store.importing.merge import MergeResult, merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.store.upgrade import upgrade
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, State, Trial

from .test_store import PRM, pipeline, write
from .test_taking import FIRST, publish

# Written by lemur with this schema: two trials of two epochs, the second with scores.
OLD = Path(__file__).parent / "schemas" / "0002.sql"


@pytest.fixture
def old(tmp_path):
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLD.read_text())
    return file


@pytest.fixture
def filled(toys, tmp_path):
    """Return a function that creates a database of a name with a trial of two epochs."""

    def fill(name, uid="a" * 32, epochs=2, state=State.FINISHED):
        with open_engine(tmp_path / name, create=True) as engine:
            trial = Trial(pipeline(toys), 1, PRM, 7, 2, uid=uid)
            write(Writer(engine, {"torch": "2"}), trial, [(0.5, 0.25)] * epochs, state)
        return tmp_path / name

    return fill


def damage(file, statement):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def test_an_old_database_is_refused_with_advice(old):
    with pytest.raises(StoreError) as raised:
        data(db=old)
    assert str(raised.value) == (
        f"database {old}: was written by an older lemur (schema 0002; this one writes "
        f"{schema.REVISION}); lemur db upgrade keeps a copy and brings it up to date, or name "
        "another with --db"
    )


def test_an_upgrade_keeps_everything_and_a_copy(old):
    before = old.read_bytes()
    result = upgrade(old)
    assert (result.before, result.copy) == ("0002", old.with_name("old.db.0002.bak"))
    assert sqlite3.connect(result.copy).execute("select count(*) from stat").fetchone() == (4,)
    assert old.read_bytes() != before
    frame = data(db=old, with_stats=True)
    assert list(frame["accuracy"]) == [0.25, 0.25, 0.5, 0.5]
    assert list(frame["prm"])[::2] == [
        {"lr": 0.1, "batch": 16, "transform": "plain"},
        {"lr": 0.2, "batch": 16, "transform": "plain"},
    ]
    assert list(frame["scores"])[1:3] == [{}, {"f1": (0.5, 0.25)}]
    assert list(frame["number"]) == [1, 1, 2, 2]
    assert frame["data"].isna().all()
    assert frame["fingerprint"].isna().all()
    with open_engine(old) as engine:
        assert check(engine) == []


def test_an_upgraded_database_has_the_tables_of_a_new_one(old, tmp_path):
    upgrade(old)
    assert _tables(old) == _tables(_new(tmp_path / "new.db"))


def test_an_upgrade_is_done_once(old):
    upgrade(old)
    again = upgrade(old)
    assert (again.before, again.copy) == (schema.REVISION, None)


def test_the_copy_of_an_upgrade_never_replaces_another(old):
    old.with_name("old.db.0002.bak").write_text("mine")
    assert upgrade(old).copy == old.with_name("old.db.0002-2.bak")
    assert old.with_name("old.db.0002.bak").read_text() == "mine"


def test_a_failed_upgrade_changes_nothing(old):
    damage(old, "update stat set trial_id = 99 where trial_id = 2")
    with pytest.raises(StoreError, match="table stat refers to rows of trial that are not there"):
        upgrade(old)
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone() == ("0002",)
        assert "source" not in {row[1] for row in connection.execute("pragma table_list")}


def test_a_newer_database_is_not_upgraded(old):
    damage(old, "update alembic_version set version_num = '9999'")
    with pytest.raises(NewerDatabaseError):
        upgrade(old)


def test_a_database_of_another_program_is_not_upgraded(tmp_path):
    damage(tmp_path / "else.db", "create table song (title text)")
    with pytest.raises(StoreError, match="holds tables, but none of lemur's"):
        upgrade(tmp_path / "else.db")


def test_info_counts_rows_states_and_sources(filled, tmp_path):
    file = filled("one.db")
    publish(tmp_path / "stat", 1, [FIRST])
    with open_engine(file) as engine:
        import_results(engine, tmp_path / "stat")
        summary = info(engine)
    assert (summary.place, summary.revision) == (str(file), schema.REVISION)
    assert summary.rows["trial"] == 2
    assert summary.rows["stat"] == 3
    assert summary.states == {"finished": 1, "imported": 1}
    assert [(source.place, source.epochs) for source in summary.sources] == [
        (str(tmp_path / "stat"), 1)
    ]
    assert summary.size >= file.stat().st_size


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "update code set text = '# other' where hash = (select hash from nn)",
            ", nn 'Linear' does not match its hash",
        ),
        (
            "delete from code where hash = (select hash from nn)",
            "row 1 of nn refers to a missing row of code",
        ),
        ("update prm set value = '9' where name = 'lr'", "do not match their uid"),
        ("delete from prm", "of a trial are missing"),
        ("delete from stat where epoch = 1", "is finished and has 1 epochs; expected 2"),
        ("delete from nn", "row 1 of trial refers to a missing row of nn"),
    ],
)
def test_check_finds_faults(filled, statement, fault):
    file = filled("one.db")
    with open_engine(file) as engine:
        assert check(engine) == []
    damage(file, statement)
    with open_engine(file) as engine:
        faults = check(engine)
    assert len(faults) == 1
    assert fault in faults[0]


def test_a_backup_is_made_while_others_write(filled, toys, tmp_path):
    file = filled("one.db")
    engine = open_database(file)
    writer = Writer(engine, {})
    running = writer.begin(Trial(pipeline(toys), 2, PRM, 7, 2))
    with open_engine(file) as other:
        backup(other, tmp_path / "copy.db")
    writer.record(running, Epoch(1, 0.5, 0.5, 0.5, 1))
    engine.dispose()
    assert list(data(db=tmp_path / "copy.db")["epoch"]) == [1, 2]
    assert len(data(db=file)) == 3


def test_a_backup_never_overwrites_a_file(filled, tmp_path):
    (tmp_path / "copy.db").write_text("mine")
    with open_engine(filled("one.db")) as engine, pytest.raises(StoreError, match="already exists"):
        backup(engine, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_vacuum_frees_space(filled):
    file = filled("one.db")
    damage(file, "update trial set traceback = hex(randomblob(2000000))")
    damage(file, "update trial set traceback = ''")
    with open_engine(file) as engine:
        before = info(engine).size
        vacuum(engine)
        assert info(engine).size < before / 10
    assert len(data(db=file)) == 2


def test_a_merge_adds_missing_trials(filled, tmp_path):
    first, second = filled("one.db"), filled("two.db", uid="b" * 32)
    assert _merge(first, second) == MergeResult(trials=1, epochs=2)
    frame = data(db=first, with_stats=True)
    assert list(frame["trial"]) == ["a" * 32] * 2 + ["b" * 32] * 2
    # Both were trial 1 of the pipeline.
    assert list(frame["number"]) == [1, 1, 2, 2]
    assert frame["nn_code"].nunique() == 1
    assert list(frame["prm"]) == [PRM] * 4
    assert _merge(first, second) == MergeResult()
    assert data(db=first, with_stats=True).equals(frame)
    assert len(data(db=second)) == 2


def test_a_merge_ends_a_trial_that_ended_elsewhere(filled):
    interrupted = filled("here.db", epochs=1, state=State.INTERRUPTED)
    complete = filled("there.db")
    # A sample was damaged before the trial was resumed.
    damage(complete, """update trial set left_out = '{"train":1}'""")
    assert _merge(interrupted, complete) == MergeResult(trials=0, epochs=1)
    assert list(data(db=interrupted)["state"]) == ["finished", "finished"]
    with open_engine(interrupted) as engine, engine.connect() as connection:
        assert read_stored_trial(connection, "a").left_out == {"train": 1}
    assert _merge(complete, filled("old.db", epochs=1, state=State.INTERRUPTED)) == MergeResult()
    assert list(data(db=complete)["state"]) == ["finished", "finished"]


def test_imported_epochs_are_merged_once(filled, tmp_path):
    first, second = filled("one.db"), filled("two.db")
    publish(tmp_path / "stat", 1, [FIRST])
    for file in (first, second):
        with open_engine(file) as engine:
            import_results(engine, tmp_path / "stat")
    publish(tmp_path / "stat", 2, [FIRST])
    with open_engine(second) as engine:
        import_results(engine, tmp_path / "stat")
    assert _merge(first, second) == MergeResult(trials=0, epochs=1)
    assert list(data(db=first, nn="ResNet")["epoch"]) == [1, 2]
    assert data(db=first, nn="ResNet")["trial"].nunique() == 1


def test_commands_report_what_they_did(filled, old, tmp_path, lemur):
    file = filled("one.db")
    publish(tmp_path / "stat", 1, [FIRST, {"lr": 1}])
    assert lemur("db", "import", tmp_path / "stat", "--db", file) == (
        1,
        f"{tmp_path}/stat: 1 records imported, 0 already present, 1 could not be read\n",
        f"{tmp_path}/stat: {_FAULT}\n".removeprefix(f"{tmp_path}/stat: "),
    )
    status, said, _ = lemur("db", "info", "--db", file)
    assert status == 0
    assert "source      " in said
    assert lemur("db", "check", "--db", file) == (0, "sound\n", "")
    assert lemur("db", "export", "out", "--db", file) == (0, "wrote 3 records to out\n", "")
    assert lemur("db", "backup", "copy.db", "--db", file)[0] == 0
    assert lemur("db", "vacuum", "--db", file)[0] == 0
    assert lemur("db", "merge", file, "--db", "new.db") == (
        0,
        "1 trial, 3 epochs and 0 facts about code imported\n",
        "",
    )
    assert lemur("db", "upgrade", "--db", old) == (
        0,
        f"schema 0002 before, {schema.REVISION} after; "
        f"a copy of the old database is in {old}.0002.bak\n",
        "",
    )
    assert lemur("db", "upgrade", "--db", old) == (
        0,
        f"schema {schema.REVISION}: nothing to do\n",
        "",
    )
    damage(file, "delete from prm")
    assert lemur("db", "check", "--db", file)[0] == 1


_FAULT = (
    "img-classification_cifar-10_acc_ResNet/1.json, record 2: accuracy None: expected a number "
    "from 0 to 1"
)


def _merge(file, other):
    with open_engine(file) as engine, open_engine(other) as source:
        return merge(engine, source)


def _new(file):
    open_database(file).dispose()
    return file


def _tables(file):
    """Return the definition of a database's tables, without generated names."""
    with open_engine(file) as engine:
        inspector = inspect(engine)
        return {
            table: (
                sorted(
                    (each["name"], str(each["type"]), each["nullable"], each["primary_key"])
                    for each in inspector.get_columns(table)
                ),
                sorted(
                    (each["referred_table"], *each["constrained_columns"])
                    for each in inspector.get_foreign_keys(table)
                ),
                sorted(
                    tuple(each["column_names"]) for each in inspector.get_unique_constraints(table)
                ),
                sorted(
                    (each["name"], *each["column_names"]) for each in inspector.get_indexes(table)
                ),
            )
            for table in inspector.get_table_names()
        }
