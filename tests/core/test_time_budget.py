"""A campaign whose time is over starts no trial, ends running ones, and is continued."""

from functools import partial

import pytest

import lemur_core
from lemur_core import Entry, data
from lemur_core.cli.leaderboard import closing_text
from lemur_core.errors import SettingsError
from lemur_core.events import EpochEnded
from lemur_core.settings import Settings
from lemur_core.summary import Left, Summary
from lemur_core.train import interruption
from lemur_core.train.interruption import Interruption
from lemur_core.trial import State

BLOBS = "img-classification_blobs_hits"
OTHER = Entry("Other", "lemur_toy.nets.Linear", ("img-classification",))
run = partial(
    lemur_core.run, BLOBS, entries=[OTHER], in_process=True, threads=1, trials=2, epochs=3
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1.5m", 90)]
)
def test_a_duration_has_a_unit(text, seconds):
    assert Settings.of({"time": text}).time == seconds


@pytest.mark.parametrize("given", ["10", 10, "", "m", "0s", "-5m", "10 minutes", "5m1h", "9" * 50])
def test_other_durations_are_reported(given):
    with pytest.raises(SettingsError) as caught:
        Settings.of({"time": given})
    assert str(caught.value) == (
        f"time is {given!r}; expected a duration with its unit, as in 90s, 10m or 1h30m"
    )


def test_the_deadline_is_checked_by_the_clock():
    times = iter([1.0, 9.9, 10.0])
    stopping = Interruption(print, 10.0, lambda: next(times))
    assert [stopping.stops for _ in range(3)] == [False, False, True]
    assert not stopping.is_requested
    assert not Interruption(print).stops


@pytest.fixture
def late(monkeypatch):
    """Return a function that runs a campaign whose deadline passes after an epoch of a trial."""

    def call(trial, epoch, **settings):
        over = []
        monkeypatch.setattr(interruption.Interruption, "is_late", property(lambda _: bool(over)))

        def watch(event):
            if isinstance(event, EpochEnded) and (event.trial.number, event.epoch.number) == (
                trial, epoch,
            ):  # fmt: skip
                over.append(True)

        return run(time="1h", watch=watch, **settings)

    return call


def test_a_running_trial_ends_after_its_epoch_and_is_continued(late, tmp_path, monkeypatch):
    db, whole = str(tmp_path / "results.db"), str(tmp_path / "whole.db")
    summary = late(1, 2, db=db, net="Linear")
    assert (summary.left, summary.exit_status, summary.interrupted) == (Left(2, 1, 1), 0, False)
    assert summary.states == {State.INTERRUPTED: 1}
    monkeypatch.undo()
    again = run(time="1h", db=db, net="Linear")
    assert (again.left, again.states) == (None, {State.FINISHED: 4})
    run(db=whole, net="Linear")
    columns = ["nn", "epoch", "accuracy", "validation", "loss"]
    frames = [data(db=file)[columns].sort_values(columns) for file in (db, whole)]
    assert frames[0].to_numpy().tolist() == frames[1].to_numpy().tolist()


def test_a_trial_that_has_just_ended_is_finished(late, tmp_path):
    summary = late(1, 3, db=str(tmp_path / "results.db"), net="Linear")
    assert summary.states == {State.FINISHED: 1}
    assert summary.left == Left(1, 1, 1)


def test_nothing_is_left_if_all_trials_are_done(late, tmp_path):
    summary = late(2, 3, db=str(tmp_path / "results.db"))
    assert (summary.states, summary.left) == ({State.FINISHED: 2}, None)


def test_what_is_left_is_said_in_a_line():
    texts = [closing_text(Summary(left=left), 1.0) for left in (Left(3, 1, 2), Left(0, 0, 1))]
    lines = [text.splitlines()[1] for text in texts]
    assert lines == [
        "the time is over: 3 trials of 1 pipeline left, 2 pipelines not begun; the same command "
        "continues",
        "the time is over: 1 pipeline not begun; the same command continues",
    ]
    assert "time is over" not in closing_text(Summary(), 1.0)
