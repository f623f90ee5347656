"""The best hyperparameters, or each point, are trained with several seeds after the search."""

from functools import partial

import pytest

import lemur_core
from lemur_core import best, data
from lemur_core.cli.leaderboard import closing_text
from lemur_core.errors import SettingsError
from lemur_core.events import EpochEnded, Noted, TrialStarted
from lemur_core.settings import Settings
from lemur_core.trial import State

LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, LINEAR, in_process=True, threads=1, epochs=2)
POINT = {"lr": 0.01, "batch": 16, "momentum": 0.5, "width": 2, "transform": "plain"}


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def frame_of(db):
    frame = data(db=db, with_stats=True)
    frame["prm"] = [tuple(sorted(prm.items())) for prm in frame["prm"]]
    return frame


def best_epochs(frame):
    """Return the best epoch of each trial; of equal validation scores, the last."""
    ordered = frame.sort_values(["validation", "epoch"], kind="stable")
    return ordered.groupby("trial").tail(1)


def test_the_best_hyperparameters_are_trained_with_further_seeds(db):
    run(trials=3, seeds=4, db=db)
    frame = frame_of(db)
    searched = best_epochs(frame[frame["number"] <= 3])
    # As everywhere: of equal scores the later epoch, and then the first trial.
    order = ["validation", "epoch", "number"]
    best_prm = searched.sort_values(order, ascending=[False, False, True])["prm"].iloc[0]
    further = frame[frame["number"] > 3]
    assert set(further["prm"]) == {best_prm}
    assert frame[frame["prm"] == best_prm]["seed"].nunique() == 4
    assert frame["number"].max() == 6


def test_a_trial_that_ended_early_is_completed_before_further_seeds_are_trained(db):
    run(trials=1, seeds=3, estimator="soon:after=2", db=db, epochs=4)
    frame = frame_of(db)
    finished = frame[frame["state"] == "finished"]
    assert finished["seed"].nunique() == 3
    assert set(frame["seed"]) == set(finished["seed"])
    assert list(best(db=db)["seeds"]) == [3]


def test_the_seeds_are_those_of_the_best_trial_even_if_it_repeats_another(db):
    stopped = {"estimator": "soon:after=1", "checkpoint": False, "epochs": 6}
    run(trials=3, finish_best=2, db=db, **stopped)
    ordered = ["validation", "epoch"]
    top = frame_of(db).sort_values(ordered, kind="stable").iloc[-1]
    run(trials=3, finish_best=2, seeds=3, db=db, **stopped)
    frame = frame_of(db)
    further = frame[frame["number"] > 5]
    assert set(further["prm"]) == {top["prm"]}


def test_mean_and_deviation_are_those_of_pandas_and_of_best(db):
    summary = run(trials=2, seeds=5, db=db, lr="3e-2..4e-2")
    [standing] = summary.standings
    frame = frame_of(db)
    prm = frame[frame["trial"] == standing.uid]["prm"].iloc[0]
    scores = best_epochs(frame[frame["prm"] == prm])["accuracy"]
    assert scores.std() > 0
    assert (standing.seeds, len(scores)) == (5, 5)
    assert standing.accuracy_mean == pytest.approx(scores.mean(), rel=1e-12)
    assert standing.accuracy_std == pytest.approx(scores.std(ddof=1), rel=1e-12)
    row = best(db=db).iloc[0]
    assert (row["accuracy_mean"], row["accuracy_std"], row["seeds"]) == (
        standing.accuracy_mean, standing.accuracy_std, 5,
    )  # fmt: skip
    text = closing_text(summary, 1.0)
    assert f"{scores.mean():.4f} ± {scores.std():.4f}  5  " in text
    assert "  test  mean test " in text


def test_without_seeds_the_leaderboard_has_no_mean(db):
    assert "mean test" not in closing_text(run(trials=2, db=db), 1.0)


def test_each_point_is_trained_with_all_seeds(db):
    run(points=[POINT, POINT | {"lr": 0.02}], seeds=3, db=db)
    counts = frame_of(db).groupby("prm")["seed"].nunique()
    assert counts.tolist() == [3, 3]


def test_the_same_command_has_nothing_left_to_do_and_more_seeds_are_added(db):
    run(trials=2, seeds=3, db=db)
    before = frame_of(db)
    assert run(trials=2, seeds=3, db=db).states == {}
    assert frame_of(db).equals(before)
    run(trials=2, seeds=5, db=db)
    after = frame_of(db)
    assert after["number"].max() == before["number"].max() + 2
    assert set(before["seed"]) < set(after["seed"])


def test_further_seeds_are_not_counted_as_trials_of_the_search(db, tmp_path):
    run(trials=2, seeds=3, db=db)
    run(trials=3, db=db)
    alone = str(tmp_path / "alone.db")
    run(trials=2, db=alone)
    run(trials=3, db=alone)
    searched = frame_of(db)
    assert searched["number"].max() == 5
    numbers = searched.groupby("prm")["number"].min()
    assert len(numbers) == len(frame_of(alone)["prm"].unique()) == 3


def test_the_seeds_do_not_depend_on_interruptions(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(trials=2, seeds=3, db=whole)

    def watch(event):
        is_epoch = isinstance(event, EpochEnded)
        if is_epoch and (event.trial.number, event.epoch.number) == (4, 1):
            raise KeyboardInterrupt

    assert run(trials=2, seeds=3, db=db, watch=watch).exit_status == 130
    run(trials=2, seeds=3, db=db)
    columns = ["number", "epoch", "seed", "loss", "validation", "accuracy", "state"]
    assert frame_of(db)[columns].equals(frame_of(whole)[columns])


def test_further_seeds_are_trained_to_the_end_in_spite_of_an_estimator(db):
    settings = {"estimator": "soon:after=1", "trials": 2, "epochs": 3, "seeds": 3}
    summary = run(db=db, finish_best=1, **settings)
    frame = frame_of(db)
    assert sorted(frame.groupby("number")["state"].first()) == ["converged"] + ["finished"] * 3
    # Each of the two was stopped after an epoch, and one continued.
    assert (summary.audit.saved, summary.audit.expected) == (2, 6)
    [standing] = summary.standings
    assert standing.seeds == 3


def test_the_user_is_told_what_is_trained_with_several_seeds(db):
    notes = []
    run(
        trials=2, seeds=3, db=db,
        watch=lambda event: notes.append(event.message) if isinstance(event, Noted) else None,
    )  # fmt: skip
    [note] = notes
    assert note.startswith(f"{LINEAR}: the hyperparameters of trial ")
    assert note.endswith(", the best, are trained with 3 seeds in total")


def test_a_seed_that_fails_is_tried_again_by_the_next_command(db, monkeypatch):
    from lemur_core.train import attempt

    original, failed = attempt.run_trial, []

    def failing(trial, bundle, hooks=None):
        if trial.number == 2:
            failed.append(trial.seed)
            raise ZeroDivisionError("no")
        yield from original(trial, bundle, hooks)

    with monkeypatch.context() as patch:
        patch.setattr(attempt, "run_trial", failing)
        summary = run(trials=1, seeds=3, db=db)
    assert summary.states == {State.FINISHED: 2, State.FAILED: 1}
    began = []
    run(
        trials=1, seeds=3, db=db,
        watch=lambda event: began.append(event) if isinstance(event, TrialStarted) else None,
    )  # fmt: skip
    assert [event.trial.seed for event in began] == failed


@pytest.mark.parametrize("seeds", [0, -2])
def test_numbers_of_seeds_below_one_are_refused(seeds):
    with pytest.raises(SettingsError, match=f"^seeds is {seeds}; expected 1 or more$"):
        Settings(seeds=seeds)
