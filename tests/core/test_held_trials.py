"""Campaigns wait for trials that others hold, and continue after losing one of their own."""

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

import lemur_core
from lemur_core.cli.wording import waiting_line
from lemur_core.events import EpochEnded, TrialFinished, TrialsHeld, Warned
from lemur_core.store.writing import holders, holding
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State

LINEAR = "img-classification_blobs_hits_Linear"
FINISHED = Outcome(State.FINISHED, ())
SETTINGS = {"trials": 3, "epochs": 4, "seed": 2}
run = partial(lemur_core.run, in_process=True, threads=1)


def rows(db, query):
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(query).fetchall()


def execute(db, statement, *values):
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(statement, values)


@pytest.fixture
def hasty(monkeypatch):
    """Leases of half a second."""
    monkeypatch.setattr(holders, "LEASE_S", 0.5)
    monkeypatch.setattr(holders, "CONFIRM_S", 0.5)
    monkeypatch.setattr(holding, "HEARTBEAT_S", 0.05)


@pytest.fixture(autouse=True)
def restless(monkeypatch):
    """A waiting campaign checks often."""
    monkeypatch.setattr("lemur_core.campaign.dispatch._POLL_S", 0.05)


def interrupted_at(number, epoch):
    def interrupt(event):
        if isinstance(event, EpochEnded) and (event.trial.number, event.epoch.number) == (
            number, epoch,
        ):  # fmt: skip
            raise KeyboardInterrupt

    return interrupt


def numbers(db):
    return rows(
        db,
        "select number, epoch, accuracy, validation, loss from stat"
        " join trial on trial.id = trial_id order by 1, 2",
    )


@pytest.fixture
def whole(tmp_path):
    run(LINEAR, **SETTINGS, db=str(tmp_path / "whole.db"))
    return numbers(tmp_path / "whole.db")


def test_a_campaign_waits_for_a_dead_owner_and_finishes_its_trial(db, hasty, whole):
    settings = SETTINGS | {"trials": 2}
    run(LINEAR, **settings, db=str(db), watch=interrupted_at(2, 3))
    # The state that a killed container leaves.
    execute(db, "update trial set state = 'running' where number = 2")
    execute(db, "update owner set host = 'alpha', process = '', beat = 'last'")
    [(uid,)] = rows(db, "select uid from trial where number = 2")
    folder = Path(f"{db}-checkpoints")
    shutil.copytree(folder / uid, folder / "kept")
    seen, places = [], []

    def watch(event):
        seen.append(event)
        if isinstance(event, EpochEnded) and event.trial.number == 2:
            places.append(event.trial.checkpoint)

    summary = run(LINEAR, **settings, db=str(db), watch=watch)
    assert summary.states == {State.FINISHED: 1}
    assert summary.exit_status == 0
    assert numbers(db) == whole[:8]
    [held] = [event for event in seen if isinstance(event, TrialsHeld)]
    assert (held.trials, held.host) == (1, "alpha")
    # Files that it may still write to the old folder affect nobody.
    assert {place.name.partition(".")[0] for place in places} == {uid}
    assert folder / uid not in places
    assert [place.name for place in folder.iterdir()] == ["kept"]


def test_a_campaign_that_lost_a_trial_continues_with_the_others(db, engine, whole):
    taker = Writer(engine, {})
    seen = []

    def watch(event):
        seen.append(event)
        if isinstance(event, EpochEnded) and (event.trial.number, event.epoch.number) == (2, 2):
            # As if the campaign had been suspended here for a while.
            execute(db, "update owner set beat = ''")
            [(trial_id,)] = rows(db, "select id from trial where number = 2")
            taken.append(trial_id)
            [past] = [
                past for past in taker.past(event.trial.pipeline, SETTINGS["epochs"])
                if past.id == trial_id
            ]  # fmt: skip
            assert taker.claim(past, {})
        if isinstance(event, TrialsHeld):
            for row in whole[6:8]:
                _, number, accuracy, validation, loss = row
                taker.record(taken[0], Epoch(number, loss, validation, accuracy, 10**9))
            taker.finish(taken[0], FINISHED)

    taken = []
    summary = run(LINEAR, **SETTINGS, db=str(db), watch=watch)
    taker.close()
    assert numbers(db) == whole
    assert summary.states == {State.FINISHED: 2}
    [lost] = [
        event.outcome for event in seen
        if isinstance(event, TrialFinished) and event.outcome.state is State.INTERRUPTED
    ]  # fmt: skip
    assert lost.reason.startswith("taken over by a campaign on host ")
    assert len(lost.epochs) == 2
    assert [event.message for event in seen if isinstance(event, Warned)] == [
        f"{LINEAR} trial 2: {lost.reason}"
    ]
    assert rows(db, "select state, count(*) from trial group by 1") == [("finished", 3)]


def test_a_campaign_that_loses_the_race_for_a_trial_starts_no_extra_trial(
    db, engine, whole, monkeypatch
):
    run(LINEAR, **SETTINGS, db=str(db), watch=interrupted_at(3, 4))
    first, claim = Writer(engine, {}), Writer.claim

    def too_late(self, past, *arguments):
        if self is not first:
            assert claim(first, past, *arguments)
        return claim(self, past, *arguments)

    def watch(event):
        if isinstance(event, TrialsHeld):
            first.finish(3, FINISHED)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "claim", too_late)
        summary = run(LINEAR, **SETTINGS, db=str(db), watch=watch)
    first.close()
    assert not summary.states
    assert numbers(db) == whole
    assert rows(db, "select state, count(*) from trial group by 1") == [("finished", 3)]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            (1, "alpha", 12.0, "10:42:05"),
            "waiting: 1 trial is held by host alpha, last seen 12.0 s ago; "
            "taken over at 10:42:05 unless it is seen again",
        ),
        (
            (2, "", 3600.0, None),
            "waiting: 2 trials are held by another campaign, last seen 1 h 00 min ago; "
            "its process is still running",
        ),
    ],
)
def test_waiting_for_trials_is_reported_in_one_line(arguments, line):
    *facts, at = arguments
    free_at = at and datetime.fromisoformat(f"2026-11-28T{at}")
    assert waiting_line(TrialsHeld(*facts, free_at)) == line
