"""The writer waits for a busy database, then keeps records beside it and imports them later."""

import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from lemur_core import run
from lemur_core.composition import compose
from lemur_core.errors import StoreError
from lemur_core.events import EpochEnded
from lemur_core.pattern import Pattern
from lemur_core.store import patience
from lemur_core.store.database import unchecked_engine
from lemur_core.store.text import storable
from lemur_core.store.trouble import is_transient
from lemur_core.store.writing import spill
from lemur_core.store.writing.owner import this_process
from lemur_core.store.writing.writer import NumberTakenError, Writer
from lemur_core.trial import Epoch, Outcome, Size, State, Trial

PRM = {"lr": 0.1, "batch": 16, "transform": "plain"}
SIZE = Size(11, (1, 4), (3,))
FINISHED = Outcome(State.FINISHED, ())


@pytest.fixture
def writer(engine):
    return Writer(engine, {}, patience_s=0)


@pytest.fixture
def unwritten(db):
    return Path(f"{db}-unwritten.jsonl")


def trial(toys, number=1, **changes):
    pipeline = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])[0]
    return Trial(pipeline, number, PRM | changes, 7, 3)


def epoch(number, accuracy=0.25):
    return Epoch(number, 0.5, 0.75, accuracy, number * 10**10, size=SIZE)


def rows(db, query="select epoch, accuracy, duration from stat order by trial_id, epoch"):
    connection = sqlite3.connect(db)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def states(db):
    return [state for (state,) in rows(db, "select state from trial order by id")]


@contextmanager
def locked(db):
    connection = sqlite3.connect(db, isolation_level=None)
    try:
        connection.execute("begin exclusive")
        yield
        connection.execute("rollback")
    finally:
        connection.close()


@contextmanager
def full(engine):
    """Simulate a full disk by SQLite's own limit on pages."""

    def limit(connection, *_):
        pages = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count = {pages}")

    engine.dispose()
    event.listen(engine, "connect", limit)
    yield
    event.remove(engine, "connect", limit)
    engine.dispose()


@contextmanager
def answers_lost(engine, times=1):
    """Let commits succeed, but lose the connection before they are confirmed."""
    left = [times]

    def commit(connection):
        if left[0]:
            left[0] -= 1
            connection.connection.driver_connection.commit()
            cause = sqlite3.OperationalError("disk I/O error")
            cause.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise OperationalError("commit", None, cause)

    event.listen(engine, "commit", commit)
    yield
    event.remove(engine, "commit", commit)
    assert left == [0]


@pytest.fixture
def pauses(monkeypatch):
    """The events that replace pauses."""
    events = []
    monkeypatch.setattr(patience.time, "sleep", lambda seconds: events.pop(0)())
    return events


def test_a_locked_database_is_waited_for(toys, engine, db, pauses, unwritten, monkeypatch):
    for name in ("WAIT_FOR_LOCK_S", "_MIN_LOCK_WAIT_S"):
        monkeypatch.setattr(patience, name, 0.01)
    engine.dispose()
    event.listen(engine, "connect", lambda made, _: made.execute("pragma busy_timeout = 10"))
    writer = Writer(engine, {})
    trial_id = writer.begin(trial(toys))
    lock = sqlite3.connect(db, isolation_level=None)
    lock.execute("begin exclusive")
    pauses += [lambda: None, lambda: lock.execute("rollback")]
    writer.record(trial_id, epoch(1))
    lock.close()
    assert pauses == []
    assert len(rows(db)) == 1
    assert not unwritten.exists()


@pytest.mark.parametrize(
    ("error", "state", "lost", "passes"),
    [
        (OperationalError, None, False, True),  # no server
        (DatabaseError, None, True, True),  # psycopg2's error for a lost connection
        (DatabaseError, None, False, False),
        (OperationalError, "53100", False, True),  # disk full
        (OperationalError, "40P01", False, True),  # deadlock
        (OperationalError, "54000", False, False),  # too large for an index
        (ProgrammingError, "42P01", False, False),  # no such table
    ],
)
def test_server_errors_are_temporary_or_not(error, state, lost, passes):
    cause = Exception("no")
    cause.sqlstate = state
    assert is_transient(error("select", None, cause, connection_invalidated=lost)) is passes


def test_pauses_grow_and_differ_between_processes():
    longest = [max(patience._pause_s(attempt) for _ in range(50)) for attempt in (0, 3, 2000)]
    assert longest[0] < longest[1] < longest[2] <= 5
    assert len({patience._pause_s(3) for _ in range(50)}) > 1


@pytest.mark.parametrize("table", ["stat", "trial"])
def test_a_permanent_error_is_raised_at_once(toys, engine, db, pauses, unwritten, table):
    writer = Writer(engine, {})
    trial_id = writer.begin(trial(toys))
    with engine.begin() as connection:
        connection.exec_driver_sql("pragma foreign_keys = off")
        connection.exec_driver_sql(f"drop table {table}")
    engine.dispose()
    with pytest.raises(StoreError) as caught:
        writer.record(trial_id, epoch(1))
    assert str(caught.value) == f"database {db}: no such table: {table}"
    assert not unwritten.exists()


def test_after_waiting_an_epoch_and_an_end_are_kept_in_a_file(toys, writer, db, unwritten):
    started = trial(toys)
    trial_id = writer.begin(started)
    with locked(db):
        writer.record(trial_id, epoch(1))
        writer.finish(trial_id, Outcome(State.FAILED, (), "no luck", "Traceback"))
    assert rows(db) == []
    first, second = map(json.loads, unwritten.read_text().splitlines())
    assert first == {
        "trial": started.uid,
        "owner": writer.owner,
        "epoch": {
            "number": 1, "loss": 0.5, "validation": 0.75, "accuracy": 0.25,
            "duration_ns": 10**10, "scores": {}, "within": [], "size": [11, [1, 4], [3]],
            "facts": {}, "validation_loss": None,
        },
    }  # fmt: skip
    assert (second["trial"], second["end"]["state"]) == (started.uid, "failed")
    assert writer.unwritten == 2
    assert writer.unwritten_file == unwritten


def test_lines_written_by_lemur_0_1_are_imported(toys, engine, writer, unwritten):
    started = trial(toys)
    writer.begin(started)
    line = {
        "epoch": 1, "accuracy": 0.25, "validation": 0.75, "loss": None, "duration": 10**10,
        "scores": '{"f1": [0.5, 0.25]}', "within": "[[0.5, 0.125]]", "size": [11, [1, 4], [3]],
    }  # fmt: skip
    unwritten.write_text(json.dumps({"trial": started.uid, "owner": writer.owner, "epoch": line}))
    assert Writer(engine, {}).imported == 1
    [past] = writer.past(started.pipeline, started.epochs)
    assert past.epochs == (
        Epoch(1, None, 0.75, 0.25, 10**10, {"f1": (0.5, 0.25)}, ((0.5, 0.125),)),
    )
    with engine.connect() as connection:
        result = connection.exec_driver_sql("select parameters, in_shape, out_shape from trial")
        assert result.all() == [(11, "[1, 4]", "[3]")]


def test_the_next_writer_imports_the_file(toys, engine, writer, db, unwritten):
    trial_id = writer.begin(trial(toys))
    writer.record(trial_id, epoch(1))
    with locked(db):
        writer.record(trial_id, epoch(2))
        writer.finish(trial_id, Outcome(State.FAILED, (), "no luck", "Traceback"))
    following = Writer(engine, {})
    assert (writer.imported, following.imported, following.unwritten) == (0, 2, 0)
    assert rows(db) == [(1, 0.25, 10**10), (2, 0.25, 2 * 10**10)]
    assert rows(db, "select state, reason, traceback, ended is not null from trial") == [
        ("failed", "no luck", "Traceback", 1)
    ]
    assert rows(db, "select parameters, in_shape, out_shape from trial") == [(11, "[1, 4]", "[3]")]
    assert sorted(path.name for path in db.parent.iterdir() if "unwritten" in path.name) == []


def test_the_writer_imports_the_file_before_it_continues(toys, writer, db, unwritten):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1))
        writer.record(trial_id, epoch(2))
    writer.record(trial_id, epoch(3))
    assert [number for number, *_ in rows(db, "select epoch from stat order by rowid")] == [1, 2, 3]
    assert not unwritten.exists()


def test_the_file_is_imported_before_reading_or_starting_a_trial(toys, writer, db):
    started = trial(toys)
    trial_id = writer.begin(started)
    with locked(db):
        writer.record(trial_id, epoch(1))
    assert writer.past(started.pipeline, 3)[0].epochs == (epoch(1),)


def test_an_epoch_does_not_wait_for_a_lock_if_records_already_wait(
    toys, engine, db, pauses, unwritten
):
    writer = Writer(engine, {}, patience_s=0)
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1))
        writer.patience_s = 60
        # A pause would fail, because no events are left.
        writer.record(trial_id, epoch(2))
    assert writer.unwritten == 2


def test_interrupting_the_wait_loses_nothing(toys, engine, db, monkeypatch):
    writer = Writer(engine, {})
    trial_id = writer.begin(trial(toys))

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lemur_core.store.writing.holding.patiently", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.record(trial_id, epoch(1))
    assert writer.unwritten == 1
    writer.finish(trial_id, FINISHED)
    assert (len(rows(db)), states(db), writer.unwritten) == (1, ["finished"], 0)


def test_waiting_does_not_change_seeded_random_numbers():
    random.seed(1)
    before = random.getstate()
    patience._pause_s(3)
    assert random.getstate() == before


def test_a_full_disk_loses_nothing(toys, engine, writer, db, unwritten):
    trial_id = writer.begin(trial(toys))
    with full(engine):
        writer.finish(trial_id, Outcome(State.FAILED, (), "x" * 100_000))
        writer.record(trial_id, epoch(1))
        assert states(db) == ["running"]
        with pytest.raises(StoreError) as caught:
            writer.begin(trial(toys, 2))
    assert str(caught.value) == (
        f"database {db}: database or disk is full; make room: what is recorded so far is safe; "
        f"2 records wait in {unwritten}: the next lemur run imports them"
    )
    assert Writer(engine, {}).imported == 2
    assert rows(db, "select state, length(reason) from trial") == [("failed", 100_000)]
    assert len(rows(db)) == 1


def test_an_error_says_that_even_the_file_cannot_be_written(toys, writer, db, unwritten):
    trial_id = writer.begin(trial(toys))
    unwritten.mkdir()
    with locked(db), pytest.raises(StoreError) as caught:
        writer.record(trial_id, epoch(1))
    assert str(caught.value) == (
        f"database {db}: database is locked; and the record cannot be kept in {unwritten}: "
        "Is a directory"
    )


def test_a_database_in_memory_has_no_file_beside_it():
    engine = unchecked_engine("sqlite://")
    assert spill.spill_file(engine) is None
    assert Writer(engine, {}).unwritten == 0
    engine.dispose()


@pytest.mark.parametrize("times", [1, 2])
def test_a_commit_whose_confirmation_was_lost_is_made_once(toys, engine, db, pauses, times):
    writer, started = Writer(engine, {}), trial(toys)
    pauses += [lambda: None] * times * 3
    with answers_lost(engine, times):
        trial_id = writer.begin(started)
    with answers_lost(engine, times):
        writer.record(trial_id, epoch(1))
    with answers_lost(engine, times):
        writer.finish(trial_id, Outcome(State.INTERRUPTED, (), "interrupted"))
    assert pauses == []
    assert rows(db, "select uid, state from trial") == [(started.uid, "interrupted")]
    assert len(rows(db)) == 1
    past = writer.past(started.pipeline, 3)[0]
    pauses += [lambda: None] * times
    with answers_lost(engine, times):
        assert writer.claim(past, {"train": 2})
    assert not Writer(engine, {}).claim(past, {})
    [again] = writer.past(started.pipeline, 3)
    assert writer.claim(again, {})
    assert rows(db, "select state, left_out from trial") == [("running", '{"train":2}')]


def test_a_number_still_belongs_to_another_trial(toys, writer):
    writer.begin(trial(toys))
    with pytest.raises(NumberTakenError):
        writer.begin(trial(toys, lr=0.5))
    writer.begin(trial(toys, 2, lr=0.5))


def test_the_same_epoch_with_other_values_is_an_error(toys, writer, db):
    trial_id = writer.begin(trial(toys))
    writer.record(trial_id, epoch(1))
    writer.record(trial_id, epoch(1))
    with pytest.raises(StoreError) as caught:
        writer.record(trial_id, epoch(1, accuracy=0.5))
    assert str(caught.value) == (
        f"database {db}: epoch 1 of trial {trial_id} is already recorded with other values"
    )


def test_an_id_from_a_rolled_back_transaction_is_not_used(toys, writer, engine, db):
    with full(engine):
        writer.versions = {"torch": "x" * 100_000}
        with pytest.raises(StoreError):
            writer.begin(trial(toys))
    writer.versions = {}
    # The id that was rolled back is given to another row.
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into code values ('y', 'x')")
        for table in ("nn", "loader", "metric", "transform"):
            connection.exec_driver_sql(f"insert into {table} values (1, 'other', 'y')")
    trial_id = writer.begin(trial(toys))
    query = "select nn.name, loader.name from trial, nn, loader where nn_id=nn.id and loader_id="
    assert rows(db, f"{query}loader.id and trial.id = {trial_id}") == [("Linear", "blobs")]


def test_importing_the_file_twice_changes_nothing(toys, engine, writer, db, unwritten):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1))
        writer.finish(trial_id, FINISHED)
    content = unwritten.read_bytes()
    assert spill.import_waiting(engine) == 2
    before = rows(db, "select * from trial"), rows(db)
    unwritten.write_bytes(content)
    assert spill.import_waiting(engine) == 0
    assert (rows(db, "select * from trial"), rows(db)) == before


def test_an_existing_row_is_not_changed(toys, engine, writer, db):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1, accuracy=0.5))
    with sqlite3.connect(db) as connection:
        connection.execute(
            "insert into stat (trial_id, epoch, accuracy, validation, loss, duration)"
            " values (?, 1, 0.25, 0.75, 0.5, 7)",
            (trial_id,),
        )
    connection.close()
    assert spill.import_waiting(engine) == 0
    assert rows(db) == [(1, 0.25, 7)]


@pytest.mark.parametrize(
    ("state", "ours", "after"),
    [
        ("running", True, "finished"),
        ("interrupted", True, "finished"),
        ("running", False, "running"),
        ("abandoned", True, "abandoned"),
    ],
)
def test_an_end_ends_only_an_unfinished_trial_of_its_owner(
    toys, engine, writer, db, state, ours, after
):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.finish(trial_id, FINISHED)
    with sqlite3.connect(db) as connection:
        connection.execute(
            "update trial set state = ?, owner = iif(?, owner, 'there 1 2')", (state, ours)
        )
    connection.close()
    spill.import_waiting(engine)
    assert states(db) == [after]


def test_an_epoch_of_a_trial_that_was_taken_over_is_not_written(toys, engine, writer, db):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1))
    with sqlite3.connect(db) as connection:
        connection.execute("update trial set owner = 'there 1 2'")
    connection.close()
    assert spill.import_waiting(engine) == 0
    assert rows(db) == []


@pytest.mark.parametrize(
    "spoilt",
    [b'{"trial":"ab', b"\xff\x00", b"[1]", b'{"trial":"none","owner":"a","epoch":{"epoch":1}}'],
)
def test_an_unreadable_line_does_not_affect_the_others(toys, engine, writer, db, unwritten, spoilt):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1))
        with unwritten.open("ab") as file:
            file.write(spoilt)
        writer.record(trial_id, epoch(2))
        with unwritten.open("ab") as file:
            file.write(spoilt)
    assert Writer(engine, {}).imported == 2
    assert [number for number, *_ in rows(db)] == [1, 2]
    assert Path(f"{unwritten}.bad").read_bytes() == (spoilt + b"\n") * 2
    assert not unwritten.exists()


def test_lines_that_the_database_cannot_store_are_kept_separately(
    toys, engine, writer, db, unwritten
):
    started = trial(toys)
    writer.begin(started)
    line = {"owner": writer.owner, "epoch": {"epoch": 1, "validation": 0, "loss": None}}
    line["epoch"] |= {"accuracy": float("nan"), "duration": 0}
    unwritten.write_text(
        json.dumps({"trial": started.uid} | line) + "\n" + json.dumps({"trial": "other"} | line)
    )
    assert spill.import_waiting(engine) == 0
    assert Path(f"{unwritten}.bad").read_text().count("\n") == 2


def test_the_file_of_a_dead_importer_is_imported(toys, engine, writer, db, unwritten):
    trial_id = writer.begin(trial(toys))
    program = (
        "from lemur_core.store.writing.owner import *; print(this_process(), flush=True); input()"
    )
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    living, dead = (subprocess.Popen([sys.executable, "-c", program], **pipe) for _ in range(2))
    lives, died = (process.stdout.readline().strip() for process in (living, dead))
    dead.communicate("\n")
    for number, taker in enumerate((died, this_process(), lives), 1):
        with locked(db):
            writer.record(trial_id, epoch(number))
        writer.holding.has_waiting = False
        os.rename(unwritten, f"{unwritten}.taken-by-{quote(taker, '')}-{number}")
    assert Writer(engine, {}).imported == 2
    assert [number for number, *_ in rows(db)] == [1, 2]
    assert writer.unwritten == 1
    living.communicate("\n")
    assert Writer(engine, {}).imported == 1


def test_a_database_that_fails_during_the_import_loses_nothing(toys, engine, writer, db):
    trial_id = writer.begin(trial(toys))
    with locked(db):
        writer.record(trial_id, epoch(1))
        with pytest.raises(StoreError, match=r"is locked; 1 record waits in .*-unwritten.jsonl: "):
            Writer(engine, {}, patience_s=0)
    assert Writer(engine, {}).imported == 1
    assert len(rows(db)) == 1


def test_a_line_appended_while_the_file_is_claimed_is_appended_again(tmp_path, monkeypatch):
    file, taken = tmp_path / "unwritten.jsonl", tmp_path / "taken"
    write, times = os.write, []

    def late(handle, text):
        if not times:
            # The file was claimed, read and removed just before.
            file.rename(taken)
            taken.unlink()
        times.append(text)
        return write(handle, text)

    monkeypatch.setattr(os, "write", late)
    spill.spill(file, {"trial": "a"})
    assert file.read_text() == '{"trial":"a"}\n'


def test_texts_that_a_database_cannot_store_are_escaped(toys, writer, db):
    trial_id = writer.begin(trial(toys, **{"na\0me": "va\0lue \ud83d"}))
    writer.finish(trial_id, Outcome(State.FAILED, (), "nul \0 and \ud83d", "\0"))
    assert rows(db, "select reason, traceback from trial") == [("nul \\x00 and \\ud83d", "\\x00")]
    assert writer.past(trial(toys).pipeline, 3)[0].prm["na\\x00me"] == "va\0lue \ud83d"
    assert storable("plain 😀") == "plain 😀"


def test_a_campaign_reports_unwritten_records_and_the_next_imports_them(db, unwritten, monkeypatch):
    monkeypatch.setattr(Writer.__init__, "__defaults__", (0,))
    settings = {"trials": 1, "epochs": 3, "db": str(db), "in_process": True, "threads": 1}
    with ExitStack() as stack:

        def lock_then_stop(event):
            if isinstance(event, EpochEnded) and event.epoch.number == 1:
                stack.enter_context(locked(db))
            elif isinstance(event, EpochEnded):
                raise KeyboardInterrupt

        summary = run("img-classification_blobs_hits_Linear", **settings, watch=lock_then_stop)
        # An epoch, and the interruption of the trial.
        assert summary.left_out == [
            "2 records could not be written to the database; "
            f"they are stored in {unwritten} for the next lemur run"
        ]
    events = []
    summary = run("img-classification_blobs_hits_Linear", **settings, watch=events.append)
    assert summary.states == {State.FINISHED: 1}
    assert not summary.left_out
    assert events[0].message == "imported 2 records that an earlier run could not write"
    assert [number for number, *_ in rows(db)] == [1, 2, 3]
    assert [e.epoch.number for e in events if isinstance(e, EpochEnded)] == [3]
