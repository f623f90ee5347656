"""An estimator stops trials, is recorded and audited, and never fails a trial."""

from functools import partial
from importlib import import_module

import pytest

import lemur_core
from lemur_core import data
from lemur_core.cli.leaderboard import closing_text
from lemur_core.errors import PluginError, SettingsError, UnknownNameError
from lemur_core.events import EpochEnded, TrialFinished, Warned
from lemur_core.store.database import open_engine
from lemur_core.trial import Epoch, State

# In this process, because starting processes for all these tests would take seconds.
run = partial(lemur_core.run, "img-classification_blobs_hits_Linear", in_process=True, threads=1)


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


@pytest.fixture
def heard():
    """The history and the scores that each estimator received."""
    heard = import_module("lemur_toy.estimators").Soon.received
    heard.clear()
    return heard


def run_watched(**settings):
    """Run a campaign, and return its summary and events."""
    events = []
    return run(watch=events.append, **settings), events


def outcomes(events):
    return [event.outcome for event in events if isinstance(event, TrialFinished)]


def test_a_trial_stops_when_its_estimator_converges(db):
    summary, events = run_watched(estimator="soon:after=2", trials=2, epochs=5, db=db)
    assert summary.states == {State.CONVERGED: 2}
    assert summary.exit_status == 0
    frame = data(db=db)
    assert list(frame["epoch"]) == [1, 2, 1, 2]
    assert set(frame["predicted"]) == {0.75}
    assert set(frame["state"]) == {"converged"}
    [stopped, _] = outcomes(events)
    assert (stopped.prediction.epoch, stopped.prediction.estimator) == (2.0, "soon:after=2")
    assert stopped.prediction.facts == {"parameters": {"a": 1.5}}


def test_an_estimator_receives_each_epoch_and_the_history(db, heard):
    _, events = run_watched(estimator="soon:after=9", trials=2, epochs=3, db=db)
    epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
    first, second = heard[1:]
    assert first[1:] == [(float(e.number), e.validation, e.loss) for e in epochs[:2]]
    assert (first[0].epochs, first[0].chance, first[0].curves) == (3, 0.5, [])
    [curve] = second[0].curves
    assert curve.scores == tuple(e.validation for e in epochs[:3])
    assert curve.predicted is None


def test_an_estimator_receives_the_hyperparameters_of_its_trial_and_of_earlier_ones(db, heard):
    _, events = run_watched(estimator="soon:after=9", trials=2, epochs=3, db=db)
    first, second = (event.trial.prm for event in events if isinstance(event, TrialFinished))
    assert first != second
    assert [history.hyperparameters for history, *_ in heard[1:]] == [first, second]
    assert heard[2][0].curves[0].hyperparameters == first


def test_an_estimator_does_not_receive_the_rest_of_a_continued_trial(db, heard):
    run_watched(trials=1, epochs=2, keep_checkpoints="best", db=db)
    lemur_core.run(continues="1", epochs=4, in_process=True, threads=1, db=db)
    run_watched(estimator="soon:after=9", trials=1, epochs=4, db=db)
    [(history, *_)] = heard[1:]
    assert history.curves == []


def test_an_estimator_receives_trials_of_all_nets_on_the_same_data(db, heard, tmp_path, toys):
    other = tmp_path / "Other.py"
    other.write_text(toys.get("net", "Linear").source())
    patterns = [f"img-classification_{of}_hits" for of in ("blobs", "blobs[samples=16]")]
    lemur_core.run(
        *patterns, net=["Linear", str(other)], trials=1, epochs=2, estimator="soon:after=9", db=db,
        in_process=True, threads=1,
    )  # fmt: skip
    rates = {(row.dataset, row.nn): row.prm["lr"] for row in data(db=db).itertuples()}
    of_earlier = {
        (history.net, history.hyperparameters["lr"]): [
            (curve.net, curve.hyperparameters["lr"]) for curve in history.curves
        ]
        for history, *_ in heard[1:]
    }
    assert of_earlier == {
        (net, rate): [("Linear", rates[of, "Linear"])] if net == "Other" else []
        for (of, net), rate in rates.items()
    }


def test_epochs_are_scored_as_often_as_the_estimator_asks(db, heard):
    _, events = run_watched(estimator="soon:after=1.5,interval=0.5", trials=1, epochs=5, db=db)
    assert [at for at, _, _ in heard[1][1:]] == [0.5, 1.0, 1.5]
    assert outcomes(events)[0].prediction.epoch == 1.5
    # A started epoch is trained to its end.
    assert list(data(db=db)["epoch"]) == [1, 2]
    assert heard[1][1][2] is None


def test_nothing_is_predicted_at_the_last_epoch(db):
    summary, events = run_watched(estimator="soon:after=3", audit=1.0, trials=1, epochs=3, db=db)
    assert outcomes(events)[0].prediction is None
    assert summary.audit.drawn == []


def test_an_estimator_does_not_affect_training(db, tmp_path):
    run(trials=1, epochs=3, db=db)
    run(trials=1, epochs=3, db=f"{tmp_path}/o.db", estimator="soon:after=9,interval=0.25")
    columns = ["epoch", "accuracy", "validation", "loss"]
    assert data(db=db)[columns].equals(data(db=f"{tmp_path}/o.db")[columns])


def test_the_search_uses_the_predicted_score(db, monkeypatch):
    seen = []
    tell = lemur_core.search.study.optuna.Study.tell
    monkeypatch.setattr(
        lemur_core.search.study.optuna.Study,
        "tell",
        lambda self, trial, value, state: (seen.append(value), tell(self, trial, value, state))[1],
    )
    run_watched(estimator="soon:score=0.125", trials=2, epochs=4, db=db)
    assert seen == [0.125, 0.125]


def test_trials_of_an_earlier_campaign_count_with_their_predicted_score(db, heard):
    run_watched(estimator="soon:score=0.125", trials=1, epochs=4, db=db)
    run_watched(estimator="soon:score=0.125", trials=2, epochs=4, db=db)
    [curve] = heard[-1][0].curves
    assert (curve.final, curve.predicted) == (0.125, 0.125)
    assert len(data(db=db)["trial"].unique()) == 2


def test_an_audited_trial_is_trained_to_the_end_and_compared_with_its_prediction(db):
    summary, events = run_watched(estimator="soon:score=0.5", audit=1.0, trials=2, epochs=4, db=db)
    assert summary.states == {State.FINISHED: 2}
    assert list(data(db=db)["epoch"]) == [1, 2, 3, 4] * 2
    assert all(outcome.prediction.audited for outcome in outcomes(events))
    best = [outcome.best.validation for outcome in outcomes(events)]
    assert summary.audit.drawn == [(0.5, measured) for measured in best]
    off = [abs(0.5 - measured) for measured in best]
    assert (
        f"  2 trained to the end as a check: mean score {sum(best) / 2:.4f}, predicted 0.5000; "
        f"mean error {sum(off) / 2:.4f}, largest {max(off):.4f}" in closing_text(summary, 1.0)
    )


def test_the_same_share_of_the_trials_is_audited_each_time(db, tmp_path):
    audited = []
    for file in ("1.db", "2.db"):
        _, events = run_watched(
            estimator="soon:after=1", audit=0.4, trials=12, epochs=2, db=f"{tmp_path}/{file}"
        )
        audited.append([outcome.prediction.audited for outcome in outcomes(events)])
    assert audited[0] == audited[1]
    assert 1 < sum(audited[0]) < 11


def test_the_saved_epochs_are_reported_at_the_end(db):
    summary, _ = run_watched(estimator="soon:after=1", trials=2, epochs=5, db=db)
    line = "estimator soon:after=1: 2 stopped, 8 of 10 epochs saved (80%)"
    assert line in closing_text(summary, 1.0)


def test_an_estimator_that_raises_is_reported_once_and_trials_continue(db):
    summary, events = run_watched(estimator="raises", trials=3, epochs=3, db=db)
    assert summary.states == {State.FINISHED: 3}
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "estimator 'raises' raised ZeroDivisionError: no curve; trials continue without it"
    ]
    assert data(db=db)["predicted"].isna().all()


@pytest.mark.parametrize("score", ["nan", "1.5", "-0.1"])
def test_a_prediction_that_is_not_a_score_is_an_error_of_the_estimator(db, score):
    summary, events = run_watched(estimator=f"soon:score={score}", trials=1, epochs=3, db=db)
    assert summary.states == {State.FINISHED: 1}
    [warning] = [event.message for event in events if isinstance(event, Warned)]
    assert f"it predicts {float(score)}; expected 0 to 1" in warning


def test_an_interrupted_trial_that_had_converged_is_not_resumed(db, monkeypatch):
    run(estimator="soon:after=2", trials=1, epochs=5, db=db)
    recorded = [
        Epoch(row.epoch, row.loss, row.validation, row.accuracy, row.duration)
        for row in data(db=db).itertuples()
    ]
    # As if it had been interrupted between its second epoch and its end.
    with open_engine(db) as engine, engine.begin() as connection:
        connection.exec_driver_sql(
            "update trial set state = 'interrupted', predicted = null, estimate = null"
        )
    monkeypatch.setattr("lemur_core.train.checkpoint.saved_epochs", lambda folder: recorded)
    summary = run(estimator="soon:after=2", trials=1, epochs=5, db=db)
    assert summary.states == {State.CONVERGED: 1}
    assert list(data(db=db)["epoch"]) == [1, 2]
    assert set(data(db=db)["predicted"]) == {0.75}


def test_options_of_an_estimator_are_shown_with_their_defaults(lemur):
    status, out, _ = lemur("show", "estimator", "soon", "--no-source")
    assert status == 0
    assert "options     after=2.0, score=0.75, interval=1.0" in out


def test_an_estimator_that_cannot_be_created_is_reported_before_training(db, heard, monkeypatch):
    monkeypatch.setattr("lemur_toy.estimators.Soon.received", None)
    assert refused(db=db, estimator="soon") == (
        "estimator 'soon' cannot be created: AttributeError: 'NoneType' object has no attribute "
        "'append'"
    )


def refused(**settings):
    with pytest.raises((PluginError, SettingsError, UnknownNameError)) as caught:
        run(trials=1, epochs=2, **settings)
    return str(caught.value)


def test_invalid_estimator_settings_are_reported_before_training(db):
    assert refused(db=db, estimator="son") == "unknown estimator 'son'. Did you mean 'soon'?"
    assert "has no option 'afer'. Did you mean 'after'?" in refused(db=db, estimator="soon:afer=1")
    assert refused(db=db, estimator="soon:after=-1") == "after is -1.0; expected 0 or more"
    assert refused(db=db, audit=0.1) == (
        "audit is of an estimator's predictions; name one with estimator"
    )
    assert refused(db=db, estimator="soon", audit=1.5) == "audit is 1.5; expected a share, 0 to 1"
