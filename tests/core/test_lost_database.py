"""A database that is removed, replaced or damaged during use is noticed, and nothing is lost.

SQLite itself would continue to write to the file that it has opened.
"""

import json
import os
import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pytest

import lemur_core
from lemur_core import recording
from lemur_core.composition import compose
from lemur_core.errors import StoreError
from lemur_core.events import EpochEnded
from lemur_core.pattern import Pattern
from lemur_core.store.database import open_database
from lemur_core.store.trouble import LostError
from lemur_core.store.writing import holders
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, LINEAR, in_process=True, threads=1, trials=2, epochs=3)


@pytest.fixture
def unwritten(db):
    return Path(f"{db}-unwritten.jsonl")


@pytest.fixture
def begun(toys, engine):
    """A writer, and the id of a trial of which it wrote an epoch."""
    writer = Writer(engine, {})
    trial_id = writer.begin(trial(toys))
    writer.record(trial_id, epoch(1))
    return writer, trial_id


def trial(toys, number=1):
    [pipeline] = compose(toys, [Pattern.parse(LINEAR)])
    return Trial(pipeline, number, {"lr": 0.1, "batch": 16, "transform": "plain"}, 7, 3)


def epoch(number):
    return Epoch(number, 0.5, 0.75, 0.25, number * 10**10)


def rows(db, query="select trial_id, epoch, accuracy from stat order by 1, 2"):
    connection = sqlite3.connect(db)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def remove(db):
    db.unlink()


def move(db):
    db.rename(db.with_name("moved.db"))


def replace(db):
    other = db.with_name("other.db")
    open_database(other).dispose()
    other.rename(db)


def empty(db):
    os.truncate(db, 0)


def remove_log(db):
    Path(f"{db}-wal").unlink()


def overwrite(db):
    """Overwrite the file with another database, keeping the inode."""
    other = db.with_name("other.db")
    open_database(other).dispose()
    shutil.copyfile(other, db)


def spoil(db):
    with db.open("r+b") as file:
        file.write(b"no database" * 1000)


LOSSES = {
    remove: "was removed or moved while it was in use",
    move: "was removed or moved while it was in use",
    replace: "was replaced by another file while it was in use",
    empty: "was emptied while it was in use",
    remove_log: "had its write-ahead log {db}-wal removed or replaced while it was in use",
}


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_a_lost_database_is_noticed_at_the_next_record_which_is_saved(
    begun, db, unwritten, lose, toys
):
    writer, trial_id = begun
    lose(db)
    with pytest.raises(LostError) as caught:
        writer.record(trial_id, epoch(2))
    what = LOSSES[lose].format(db=db)
    assert str(caught.value) == (
        f"database {db}: {what}; 1 record waits in {unwritten}: "
        "the next lemur run with this database imports them"
    )
    with pytest.raises(LostError):
        writer.finish(trial_id, Outcome(State.FINISHED, ()))
    with pytest.raises(StoreError, match=f"{what}; 2 records wait in "):
        writer.begin(trial(toys, 2))
    unwritten_lines = [json.loads(line) for line in unwritten.read_text().splitlines()]
    assert [line["epoch"]["number"] for line in unwritten_lines if "epoch" in line] == [2]
    if lose is move:
        assert rows(db.with_name("moved.db")) == [(trial_id, 1, 0.25)]
    # No file was created at the path.
    assert db.exists() == (lose not in (remove, move))


@pytest.mark.parametrize("spoilt", [overwrite, spoil], ids=lambda spoilt: spoilt.__name__)
def test_an_overwritten_database_gets_no_records_of_the_old_one(begun, db, unwritten, spoilt):
    writer, trial_id = begun
    writer.finish(trial_id, Outcome(State.INTERRUPTED, ()))
    writer.engine.dispose()
    spoilt(db)
    with pytest.raises(LostError):
        writer.record(trial_id, epoch(2))
    assert writer.unwritten == 1


def test_saved_records_are_written_when_the_database_is_back(toys, begun, db, unwritten):
    writer, trial_id = begun
    move(db)
    with pytest.raises(LostError):
        writer.record(trial_id, epoch(2))
    writer.engine.dispose()
    with pytest.raises(StoreError) as caught:
        run(db=str(db))
    assert str(caught.value) == (
        f"database {db}: there is no such file, but 1 record waits for it in {unwritten}; "
        "restore the database, or remove that file to start from scratch"
    )
    db.with_name("moved.db").rename(db)
    engine = open_database(db)
    assert Writer(engine, {}).imported == 1
    engine.dispose()
    assert rows(db) == [(1, 1, 0.25), (1, 2, 0.25)]


def test_records_of_another_database_are_kept_and_reported(begun, db, unwritten):
    writer, trial_id = begun
    replace(db)
    with pytest.raises(LostError):
        writer.record(trial_id, epoch(2))
    writer.engine.dispose()
    events = []
    summary = run(db=str(db), trials=1, epochs=1, watch=events.append)
    assert events[0].message == (
        "1 record of an earlier run belongs to no trial of this database, or is damaged; "
        f"kept in {unwritten}.bad"
    )
    assert summary.exit_status == 0
    assert Path(f"{unwritten}.bad").read_text().count("\n") == 1


def test_a_campaign_resumes_with_the_same_numbers(tmp_path, db, monkeypatch):
    # The lost campaign ended in this process, which is still running.
    monkeypatch.setattr(holders, "LEASE_S", 0.5)
    monkeypatch.setattr(holders, "CONFIRM_S", 0.5)
    whole = tmp_path / "whole.db"
    run(db=str(whole))

    def watch(event):
        if isinstance(event, EpochEnded) and (event.trial.number, event.epoch.number) == (2, 1):
            move(db)

    with pytest.raises(LostError, match="was removed or moved while it was in use; 1 record"):
        run(db=str(db), watch=watch)
    db.with_name("moved.db").rename(db)
    assert run(db=str(db)).states == {State.FINISHED: 1}
    assert rows(db) == rows(whole)


def test_a_training_outside_lemur_continues_without_its_database(db, unwritten):
    def train():
        with recording("t_d_m_N", {"lr": 0.1}, db=db) as trial:
            remove(db)
            for _ in range(3):
                trial.epoch(validation=0.5, accuracy=0.25)
            trial.record({"note": 1})

    with (
        pytest.warns(UserWarning, match="1 record waits in") as warned,
        pytest.raises(LostError, match="5 records wait in"),
    ):
        train()
    assert len(warned) == 1
    assert len(unwritten.read_text().splitlines()) == 5


def test_a_copy_of_the_file_alone_contains_each_finished_trial(begun, toys, db):
    writer, trial_id = begun
    writer.record(trial_id, epoch(2))
    writer.finish(trial_id, Outcome(State.CONVERGED, ()))
    copy = shutil.copy(db, db.with_name("copy.db"))
    assert rows(copy) == [(1, 1, 0.25), (1, 2, 0.25)]
    assert rows(copy, "select state from trial") == [("converged",)]
    # Readers of the previous content neither block nor are blocked.
    reader = sqlite3.connect(db, isolation_level=None)
    reader.execute("begin")
    assert reader.execute("select count(*) from trial").fetchone() == (1,)
    other = writer.begin(trial(toys, 2))
    writer.finish(other, Outcome(State.FAILED, (), "no luck"))
    assert reader.execute("select count(*) from trial").fetchone() == (1,)
    reader.close()
    third = writer.begin(trial(toys, 3))
    writer.finish(third, Outcome(State.FAILED, (), "no luck"))
    copy = shutil.copy(db, db.with_name("copy of it.db"))
    assert rows(copy, "select state from trial") == [("converged",), ("failed",), ("failed",)]


@pytest.mark.parametrize(
    ("db", "line"),
    [
        ("", "database '': expected the path of a file, or a URL"),
        (
            ":memory:",
            "database ':memory:': would be lost when the command ends; expected a file, "
            "./:memory: for one of this name",
        ),
        *(
            (
                url,
                f"database {url!r}: is in memory, and lost when the command ends; expected a file",
            )
            for url in ("sqlite://", "sqlite:///file:x?mode=memory&uri=true")
        ),
    ],
)
def test_results_are_not_written_where_they_would_be_lost(lemur, tmp_path, db, line):
    for command in (["run", LINEAR], ["db", "import", tmp_path]):
        assert lemur(*command, "--db", db) == (2, "", f"lemur: error: {line}\n")
    assert list(tmp_path.iterdir()) == []
