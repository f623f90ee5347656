"""A PostgreSQL server instead of a file, also when the server stops."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from lemur_core import data
from lemur_core.dataset import DatasetRecord, SplitPart
from lemur_core.entry import Entry
from lemur_core.errors import StoreError
from lemur_core.pipeline import Pipeline
from lemur_core.store import schema
from lemur_core.store.database import open_database
from lemur_core.store.datasets import on_each_data
from lemur_core.store.reading.standings import standings
from lemur_core.store.writing import holders
from lemur_core.store.writing.writer import NumberTakenError, TrialLostError, Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

PRM = {"lr": 0.1, "batch": 16, "bias": False, "act": "relu", "transform": "plain"}
ENTRY = Entry("any", __file__)
PIPELINE = Pipeline("task", "data", "score", "Net", ENTRY, ENTRY, ENTRY, {"plain": ENTRY})
FINISHED = Outcome(State.FINISHED, ())


@pytest.fixture
def engine(database):
    engine = open_database(database)
    yield engine
    engine.dispose()


def epoch(number):
    return Epoch(number, 0.1 * number, 0.75, 0.25, number * 10**12)


def counted(database, table):
    engine = open_database(database)
    with engine.connect() as connection:
        count = connection.scalar(text(f"select count(*) from {table}"))
    engine.dispose()
    return count


def test_data_gives_back_what_was_recorded(engine, database):
    writer = Writer(engine, {"torch": "2"})
    trial_id = writer.begin(Trial(PIPELINE, 1, PRM, 7, 2))
    for number in (1, 2):
        writer.record(trial_id, epoch(number))
    writer.finish(trial_id, FINISHED)
    frame = data(db=database)
    assert list(frame["prm"]) == [PRM, PRM]
    assert type(frame["prm"][0]["bias"]) is bool
    assert list(frame["duration"]) == [10**12, 2 * 10**12]
    assert list(frame["loss"]) == [0.1, 0.2]
    assert set(frame["nn_code"]) == {Path(__file__).read_text()}
    assert list(frame["state"]) == ["finished", "finished"]
    assert list(data(db=database, epoch=2, only_best_accuracy=True)["epoch"]) == [2]
    [past] = writer.past(PIPELINE, 2)
    assert (past.prm, past.epochs) == (PRM, (epoch(1), Epoch(2, 0.2, 0.75, 0.25, 2 * 10**12)))
    assert standings(engine, [PIPELINE.name])[0].prm == PRM
    with engine.connect() as connection:
        assert connection.scalar(
            schema.trial.select().with_only_columns(schema.trial.c.versions)
        ) == {"torch": "2"}


def test_trials_on_other_data_are_kept_apart(engine, database):
    writer = Writer(engine, {})
    records = [
        DatasetRecord(name, ("cat",), {"train": SplitPart(1, name)}) for name in ("one", "two")
    ]
    for number, record in enumerate([*records, None], 1):
        trial_id = writer.begin(Trial(PIPELINE, number, PRM, 7, 2, data=record))
        writer.record(trial_id, epoch(1))
    for number, record in enumerate(records, 1):
        [past] = writer.past(PIPELINE, 2, data=record)
        assert past.number == number
    label, other_label = (record.label for record in records)
    assert writer.count_elsewhere(PIPELINE, records[0]) == {other_label: 1, None: 1}
    labels = data(db=database, only_best_accuracy=True)["data"]
    assert labels.fillna("unknown").tolist() == [label, other_label, "unknown"]
    assert data(db=database, where={"data": [label]})["data"].tolist() == [label]
    [best] = standings(engine, [PIPELINE.name], on_each_data([(PIPELINE, records[1])]))
    assert best.trial == 2
    assert writer.adopt(PIPELINE, records[0]) == 1
    assert [past.number for past in writer.past(PIPELINE, 2, data=records[0])] == [1, 3]


def test_writing_twice_is_as_good_as_once(engine, database):
    writer, trial = Writer(engine, {}), Trial(PIPELINE, 1, PRM, 7, 2)
    trial_id = writer.begin(trial)
    assert writer.begin(trial) == trial_id
    with pytest.raises(NumberTakenError):
        writer.begin(Trial(PIPELINE, 1, PRM, 8, 2))
    for _ in range(2):
        writer.record(trial_id, epoch(1))
    with pytest.raises(StoreError, match="epoch 1 of trial 1 is already recorded with other"):
        writer.record(trial_id, Epoch(1, None, 0, 0, 0))
    assert (counted(database, "trial"), counted(database, "stat")) == (1, 1)


@pytest.fixture
def watched(monkeypatch):
    """Consider a writer dead after one look."""
    monkeypatch.setattr(holders, "LEASE_S", 0.0)


def test_whoever_was_silent_loses_what_is_taken_and_keeps_the_rest(engine, watched):
    owner, other = Writer(engine, {}), Writer(engine, {})
    first, second = (owner.begin(Trial(PIPELINE, number, PRM, 7, 2)) for number in (1, 2))
    past = other.past(PIPELINE, 2)[0]
    assert other.holder(past, 60).free_in_s == 0
    assert 0 <= other.holder(past, 60).silent_s < 60
    owner.record(first, epoch(1))
    assert not other.claim(past, {})
    past = other.past(PIPELINE, 2)[0]
    assert other.claim(past, {})
    with pytest.raises(TrialLostError):
        owner.record(first, epoch(2))
    owner.record(second, epoch(1))
    other.record(first, epoch(2))
    other.finish(first, FINISHED)
    assert [(trial.state, len(trial.epochs)) for trial in owner.past(PIPELINE, 2)] == [
        (State.FINISHED, 2), (State.RUNNING, 1),
    ]  # fmt: skip


def test_of_many_that_take_over_while_it_writes_one_owns_the_trial(database, engine, watched):
    """A writer that records an epoch owns the trial until its transaction ends."""
    epochs, recorded = 40, []
    with ThreadPoolExecutor(4) as pool:
        Writer(engine, {}).begin(Trial(PIPELINE, 1, PRM, 7, epochs))

        def pursue(_):
            mine = open_database(database)
            writer, got = Writer(mine, {}), 0
            while (past := writer.past(PIPELINE, epochs)[0]).state is State.RUNNING:
                writer.holder(past, 60)
                if past.owner == writer.owner or not writer.claim(past, {}):
                    continue
                try:
                    while (number := len(writer.past(PIPELINE, epochs)[0].epochs) + 1) <= epochs:
                        writer.record(past.id, epoch(number))
                        recorded.append(number)
                        got += 1
                    writer.finish(past.id, FINISHED)
                except TrialLostError:
                    continue
            writer.close()
            mine.dispose()
            return got

        counts = list(pool.map(pursue, range(4)))
    assert sorted(recorded) == list(range(1, epochs + 1))
    assert sum(counts) == epochs


def test_texts_that_the_server_cannot_hold_are_spelt_out(engine, database, tmp_path):
    code = tmp_path / "Net.py"
    code.write_text("# nul \0\n")
    net = Entry("Net", str(code))
    pipeline = Pipeline("task", "data", "score", "Net", ENTRY, ENTRY, net, {"plain": ENTRY})
    writer = Writer(engine, {})
    trial_id = writer.begin(Trial(pipeline, 1, PRM | {"na\0me": "va\0lue \ud83d"}, 7, 2))
    writer.record(trial_id, epoch(1))
    writer.finish(trial_id, Outcome(State.FAILED, (), "nul \0", "and \ud83d"))
    assert data(db=database)["nn_code"][0] == "# nul \\x00\n"
    assert data(db=database)["prm"][0] == PRM | {"na\\x00me": "va\0lue \ud83d"}
    with engine.connect() as connection:
        row = connection.execute(text("select reason, traceback from trial")).one()
    assert tuple(row) == ("nul \\x00", "and \\ud83d")
    assert len(writer.past(pipeline, 2)) == 1


def test_its_tables_may_be_made_by_many_at_once(database, crowd):
    with crowd(4, database, 0, 0):
        pass
    assert counted(database, "alembic_version") == 1
    engine = open_database(database)
    assert set(inspect(engine).get_table_names()) == set(schema.metadata.tables)
    engine.dispose()


def test_all_that_many_processes_write_is_there_once(database, crowd):
    with crowd(16, database, 4, 5):
        pass
    assert counted(database, "stat") == 16 * 4 * 5
    assert counted(database, "trial") == counted(database, "trial where state = 'finished'") == 64
    assert (counted(database, "nn"), counted(database, "prm"), counted(database, "loader")) == (
        4, 3 * 4, 1,
    )  # fmt: skip
    assert sorted(data(db=database).groupby("trial").size().unique()) == [5]


def test_nothing_is_lost_or_double_when_the_server_crashes_and_comes_back(
    server, database, crowd, tmp_path
):
    open_database(database).dispose()
    with crowd(4, database, 6, 40, 0.002) as writers:
        for recorded in (100, 400, 700):
            while counted(database, "stat") < recorded:
                assert {process.poll() for process in writers} <= {None, 0}
                time.sleep(0.02)
            server.stop()
            server.start()
    assert counted(database, "stat") == 4 * 6 * 40
    assert counted(database, "trial") == counted(database, "trial where state = 'finished'") == 24
    assert list(data(db=database).groupby("trial").size().unique()) == [40]
    assert list(tmp_path.glob("*unwritten*")) == []


def test_after_patience_what_was_recorded_waits_in_a_file(
    server, database, engine, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    writer = Writer(engine, {}, patience_s=0)
    trial = Trial(PIPELINE, 1, PRM, 7, 2)
    trial_id = writer.begin(trial)
    server.stop()
    for number in (1, 2):
        writer.record(trial_id, epoch(number))
    writer.finish(trial_id, FINISHED)
    with pytest.raises(StoreError) as caught:
        writer.begin(Trial(PIPELINE, 2, PRM, 7, 2))
    message, [file] = str(caught.value), tmp_path.glob("lemur-unwritten-*.jsonl")
    assert message.startswith(f"database postgresql+psycopg://lemur@127.0.0.1:{server.port}/")
    assert message.endswith(f"; 3 records wait in {file}: the next lemur run imports them")
    assert "\n" not in message
    assert [json.loads(line)["trial"] for line in file.read_text().splitlines()] == [trial.uid] * 3
    server.start()
    assert Writer(engine, {}).imported == 3
    frame = data(db=database)
    assert (list(frame["epoch"]), set(frame["state"])) == ([1, 2], {"finished"})
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_in_no_name_of_a_file_and_no_message(server, database):
    from sqlalchemy import create_engine

    from lemur_core.store.writing.spill import spill_file

    plain = database.replace("lemur@", "lemur:{}@").replace("postgresql:", "postgresql+psycopg:")
    files = {spill_file(create_engine(plain.format(word))) for word in ("secret", "other")}
    assert len(files) == 1
