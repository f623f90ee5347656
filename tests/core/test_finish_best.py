"""The best trials that ended early are trained to their last epoch after the search."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import lemur_core
from lemur_core import data
from lemur_core.cli.leaderboard import closing_text
from lemur_core.early_end import ENDED_EARLY, REPEATS, EarlyEnd
from lemur_core.errors import SettingsError
from lemur_core.events import EpochEnded, Noted, TrialFinished, TrialStarted
from lemur_core.search.completion import best_first
from lemur_core.settings import Settings
from lemur_core.store.writing.past_trials import PastTrial
from lemur_core.trial import Epoch, State

TOYS = Path(__file__).parent / "toys"
LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, LINEAR, in_process=True, threads=1, epochs=5, trials=3)
STOPPED = {"estimator": "soon:after=2"}


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def trials(db):
    """Return the state and the number of epochs of each trial, by number."""
    frame = data(db=db, with_stats=True)
    return {number: (rows["state"].iloc[0], len(rows)) for number, rows in frame.groupby("number")}


def curve(db, number):
    frame = data(db=db, with_stats=True)
    rows = frame[frame["number"] == number]
    return rows[["epoch", "loss", "validation", "accuracy"]].to_numpy().tolist()


def best_early(db):
    """Return the number of the trial with the highest score; of equal scores, the first."""
    frame = data(db=db, with_stats=True)
    best = frame.groupby("number")["validation"].max()
    return int(best.idxmax())


def ended_at(number, epoch):
    def watch(event):
        is_epoch = isinstance(event, EpochEnded)
        if is_epoch and (event.trial.number, event.epoch.number) == (number, epoch):
            raise KeyboardInterrupt

    return watch


def test_only_the_best_trial_that_an_estimator_ended_continues(db, tmp_path):
    run(db=str(tmp_path / "stopped.db"), **STOPPED)
    best = best_early(str(tmp_path / "stopped.db"))
    summary = run(db=db, finish_best=1, **STOPPED)
    expected = dict.fromkeys((1, 2, 3), ("converged", 2)) | {best: ("finished", 5)}
    assert trials(db) == expected
    assert summary.states == {State.FINISHED: 1, State.CONVERGED: 2}
    assert not list(Path(f"{db}-checkpoints").iterdir())


def test_a_continued_trial_has_the_numbers_of_one_that_was_never_ended(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(db=whole, trials=1)
    run(db=db, trials=1, finish_best=1, **STOPPED)
    assert curve(db, 1) == curve(whole, 1)
    assert set(data(db=db)["predicted"]) == {0.75}


def test_how_a_trial_had_ended_is_recorded(db):
    run(db=db, trials=1, finish_best=1, **STOPPED)
    [fact] = set(map(json.dumps, data(db=db, with_facts=True)[ENDED_EARLY]))
    end = EarlyEnd.of(json.loads(fact))
    assert (end.state, end.epochs) == (State.CONVERGED, 2)
    assert end.ended < data(db=db, with_stats=True)["ended"].iloc[0]


def test_the_same_command_has_nothing_left_to_do(db):
    run(db=db, finish_best=1, **STOPPED)
    before = data(db=db, with_stats=True)
    began = []
    summary = run(
        db=db, finish_best=1, **STOPPED,
        watch=lambda event: began.append(event) if isinstance(event, TrialStarted) else None,
    )  # fmt: skip
    assert (began, summary.states) == ([], {})
    assert data(db=db, with_stats=True).equals(before)


def test_further_trials_are_searched_for_as_if_none_had_continued(db):
    run(db=db, finish_best=1, **STOPPED)
    run(db=db, finish_best=1, **{**STOPPED, "trials": 4})
    assert len(trials(db)) == 4
    assert sorted(state for state, _ in trials(db).values()).count("finished") in (1, 2)


def test_more_of_the_best_are_continued_later_on_from_the_start(db):
    run(db=db, finish_best=1, **STOPPED)
    notes = []
    run(
        db=db, finish_best=2, **STOPPED,
        watch=lambda event: notes.append(event.message) if isinstance(event, Noted) else None,
    )  # fmt: skip
    frame = data(db=db, with_stats=True, with_facts=True)
    again = frame[frame["number"] == 4]
    [stopped] = set(again[REPEATS])
    first = frame[frame["trial"] == stopped]
    assert (set(first["state"]), set(again["state"])) == ({"converged"}, {"finished"})
    assert list(again["seed"].unique()) == list(first["seed"].unique())
    assert curve(db, 4)[:2] == curve(db, first["number"].iloc[0])
    [note] = notes
    assert note == (
        f"{LINEAR}: trial {first['number'].iloc[0]}, which ended early after 2 of 5 epochs, "
        "has no checkpoint and is trained from the start, as trial 4"
    )
    # It does not count as one of the trials of the search.
    run(db=db, finish_best=2, **{**STOPPED, "trials": 4})
    assert len(trials(db)) == 5


def test_trials_are_ranked_as_in_the_database():
    def past(number, *scores):
        epochs = [Epoch(at, 0.5, score, 0.5, at) for at, score in enumerate(scores, 1)]
        return PastTrial(number, str(number), number, {}, 1, State.FINISHED, "", "", tuple(epochs))

    trials = [past(1, 0.5, 0.25), past(2, 0.25, 0.5), past(3, 0.5, 0.5), past(4), past(5, 0.75)]
    assert [trial.number for trial in best_first(trials)] == [5, 2, 3, 1]


def test_a_pruned_trial_is_not_counted_as_stopped_by_the_estimator(db):
    summary = run(
        db=db, finish_best=3, epochs=6, trials=6, estimator="soon:after=1", audit=1.0,
        pruner="SuccessiveHalving", seed=2,
    )  # fmt: skip
    frame = data(db=db, with_facts=True)
    assert "pruned" in {end["state"] for end in frame[ENDED_EARLY].dropna()}
    assert summary.audit.saved == 0


def test_nothing_continues_unless_asked(db):
    run(db=db, **STOPPED)
    assert set(trials(db).values()) == {("converged", 2)}
    assert not list(Path(f"{db}-checkpoints").iterdir())


def test_only_the_checkpoints_of_the_best_are_kept(db):
    kept = []

    def watch(event):
        if isinstance(event, TrialStarted):
            kept.append({path.name for path in Path(f"{db}-checkpoints").glob("*")})

    run(db=db, finish_best=1, watch=watch, **{**STOPPED, "trials": 5})
    assert [len(folders) for folders in kept] == [0, 1, 1, 1, 1, 1]


def test_the_checkpoints_of_completed_trials_are_not_kept_for_longer_than_those_of_others(db):
    run(db=db, finish_best=2, keep_checkpoints="best", **STOPPED)
    [kept] = Path(f"{db}-checkpoints").iterdir()
    frame = data(db=db)
    of_kept = frame[frame["trial"] == kept.name]
    assert of_kept["validation"].max() == frame["validation"].max()
    assert set(of_kept["state"]) == {"finished"}


def test_without_checkpoints_the_best_trial_is_trained_again_from_the_start(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(db=whole, trials=1)
    run(db=db, trials=1, finish_best=1, checkpoint=False, **STOPPED)
    assert trials(db) == {1: ("converged", 2), 2: ("finished", 5)}
    assert curve(db, 2) == curve(whole, 1)


@pytest.mark.parametrize("epoch", [3, 4])
def test_a_trial_that_is_interrupted_while_it_continues_resumes(db, tmp_path, epoch):
    whole = str(tmp_path / "whole.db")
    run(db=whole, trials=1)
    settings = {**STOPPED, "trials": 1, "finish_best": 1}
    summary = run(db=db, watch=ended_at(1, epoch), **settings)
    assert (summary.exit_status, summary.states) == (130, {State.INTERRUPTED: 1})
    began = []
    run(
        db=db, **settings,
        watch=lambda event: began.append(event.trial) if isinstance(event, TrialStarted) else None,
    )  # fmt: skip
    [trial] = began
    assert (trial.number, len(trial.done)) == (1, epoch)
    assert curve(db, 1) == curve(whole, 1)
    assert trials(db) == {1: ("finished", 5)}


def test_a_repetition_that_is_interrupted_resumes(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(db=whole, trials=1)
    run(db=db, trials=1, **STOPPED)
    settings = {**STOPPED, "trials": 1, "finish_best": 1}
    run(db=db, watch=ended_at(2, 3), **settings)
    run(db=db, **settings)
    assert trials(db) == {1: ("converged", 2), 2: ("finished", 5)}
    assert curve(db, 2) == curve(whole, 1)


def test_an_interrupted_continuation_counts_as_a_trial_of_the_search(db):
    settings = {**STOPPED, "trials": 1}
    run(db=db, watch=ended_at(1, 3), finish_best=1, **settings)
    run(db=db, **settings)
    assert trials(db) == {1: ("interrupted", 3)}


def test_a_killed_campaign_resumes_while_a_trial_continues(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(db=whole, trials=1)
    script = f"""
import os, lemur_core
from lemur_core.events import EpochEnded
def watch(event):
    if isinstance(event, EpochEnded) and event.epoch.number == 4:
        os._exit(7)
lemur_core.run({LINEAR!r}, in_process=True, threads=1, epochs=5, trials=1, db={db!r},
    estimator="soon:after=2", finish_best=1, watch=watch)
"""
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path)
    assert killed.returncode == 7
    assert trials(db) == {1: ("running", 4)}
    run(db=db, trials=1, finish_best=1, **STOPPED)
    assert trials(db) == {1: ("finished", 5)}
    assert curve(db, 1) == curve(whole, 1)


def test_a_lost_checkpoint_leaves_the_early_end_and_repeats_the_trial(db, tmp_path):
    settings = {**STOPPED, "trials": 1, "finish_best": 1}
    run(db=db, watch=ended_at(1, 4), **settings)
    for file in Path(f"{db}-checkpoints").rglob("*.json"):
        file.unlink()
    run(db=db, **settings)
    assert trials(db) == {1: ("converged", 4), 2: ("finished", 5)}
    assert set(data(db=db)["predicted"].dropna()) == {0.75}


def test_a_trial_that_fails_while_it_continues_stays_as_it_had_ended(db, monkeypatch):
    from lemur_core.train import attempt

    original = attempt.run_trial

    def failing(trial, bundle, hooks=None):
        for epoch in original(trial, bundle, hooks):
            if epoch.number == 4:
                raise ZeroDivisionError("no more")
            yield epoch

    settings = {**STOPPED, "trials": 1, "finish_best": 1}
    with monkeypatch.context() as patch:
        patch.setattr(attempt, "run_trial", failing)
        summary = run(db=db, **settings)
    assert (summary.exit_status, summary.states[State.FAILED]) == (1, 1)
    assert trials(db) == {1: ("converged", 3)}
    assert set(data(db=db, with_stats=True)["reason"]) == {"ZeroDivisionError: no more"}
    assert set(data(db=db)["predicted"]) == {0.75}
    run(db=db, **settings)
    assert trials(db) == {1: ("finished", 5)}


def test_the_best_trial_that_a_pruner_ended_continues(db):
    settings = {"pruner": "Median", "sampler": "Random", "trials": 8, "epochs": 3, "seed": 3}
    run(db=db, finish_best=0, lr="1e-5..1 log", **settings)
    pruned = [number for number, (state, _) in trials(db).items() if state == "pruned"]
    assert pruned
    run(db=db, finish_best=1, lr="1e-5..1 log", **settings)
    again = data(db=db, with_stats=True)
    again = again[again["number"] > 8]
    assert set(again["state"]) == {"finished"}
    assert again["epoch"].tolist() == [1, 2, 3]


def test_epochs_of_a_continued_trial_are_not_counted_as_saved(db):
    summary = run(db=db, finish_best=1, **STOPPED)
    # 3 trials of 5 epochs; each was stopped after 2, and one got its other 3.
    audit = summary.audit
    assert (audit.stopped, audit.saved, audit.expected) == (3, 6, 15)
    assert summary.audit.saved == 15 - len(data(db=db))
    [(predicted, measured)] = audit.completed
    frame = data(db=db)
    finished = frame[frame["state"] == "finished"]
    assert (predicted, measured) == (0.75, finished["validation"].max())
    text = closing_text(summary, 1.0)
    assert "estimator soon:after=2: 3 stopped, 6 of 15 epochs saved (40%)" in text
    assert "trials: 1 finished, 2 ended early" in text


def test_epochs_of_a_repetition_are_not_counted_as_saved(db):
    summary = run(db=db, finish_best=1, checkpoint=False, **STOPPED)
    assert summary.audit.saved == 15 - len(data(db=db)) == 4


def test_the_leaderboard_says_which_scores_are_of_trials_that_ended_early(db, tmp_path):
    text = closing_text(run(db=db, **STOPPED), 1.0)
    assert "  epoch  state        seconds" in text
    assert "  ended early  " in text
    assert "converged" not in text
    finished = closing_text(run(db=str(tmp_path / "finished.db"), finish_best=1, **STOPPED), 1.0)
    board, _, _ = finished.partition("trials:")
    assert "state" not in board
    assert "ended early" not in board


def test_points_that_ended_early_continue_too(db):
    point = {"lr": 0.01, "batch": 16, "momentum": 0.5, "width": 2, "transform": "plain"}
    lemur_core.run(
        LINEAR, in_process=True, threads=1, epochs=4, points=[point, point | {"lr": 0.1}],
        db=db, finish_best=2, **STOPPED,
    )  # fmt: skip
    assert trials(db) == {1: ("finished", 4), 2: ("finished", 4)}


def test_a_trial_that_ended_as_the_search_went_on_is_not_trained_on_before_the_search_ends(db):
    order = []

    def watch(event):
        if isinstance(event, TrialStarted | TrialFinished):
            order.append((type(event).__name__, event.trial.number))

    run(db=db, finish_best=3, watch=watch, **STOPPED)
    assert [number for name, number in order if name == "TrialStarted"][:3] == [1, 2, 3]
    assert sorted(number for name, number in order[6:] if name == "TrialStarted") == [1, 2, 3]


def test_a_negative_number_is_refused():
    with pytest.raises(SettingsError, match="^finish_best is -1; expected 0 or more$"):
        Settings(finish_best=-1)
