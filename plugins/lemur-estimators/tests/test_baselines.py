import optuna
import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.pruners import Halving, Hyperband, Median, Wilcoxon
from lemur_estimators.rules import Menndl, Patience

CURVES = [
    [0.1, 0.3, 0.5, 0.6, 0.62, 0.65, 0.66, 0.67, 0.67],
    [0.2, 0.25, 0.26, 0.3, 0.3, 0.3, 0.31, 0.31, 0.3],
    [0.3, 0.5, 0.6, 0.7, 0.72, 0.75, 0.76, 0.77, 0.78],
    [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    [0.25, 0.4, 0.55, 0.5, 0.6, 0.62, 0.62, 0.7, 0.71],
    [0.15, 0.2, 0.3, 0.32, 0.33, 0.34, 0.4, 0.41, 0.42],
]


def ends(make, curves=CURVES, epochs=9):
    """Return the epoch at which each trial is stopped, given the earlier trials up to there."""
    earlier, ended = [], []
    for scores in curves:
        estimator = make(TrialHistory(epochs=epochs, curves=tuple(earlier)))
        for epoch, score in enumerate(scores, 1):
            if estimator.update(epoch, score, None).converged:
                break
        earlier.append(Curve(tuple(map(float, range(1, epoch + 1))), tuple(scores[:epoch])))
        ended.append(epoch)
    return ended


def ends_in_optuna(pruner, curves=CURVES):
    study = optuna.create_study(direction="maximize", pruner=pruner)
    ended = []
    for scores in curves:
        trial = study.ask()
        for epoch, score in enumerate(scores, 1):
            trial.report(score, epoch)
            if trial.should_prune():
                break
        study.tell(trial, max(scores[:epoch]))
        ended.append(epoch)
    return ended


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_median_stops_trials_when_optuna_does():
    expected = ends_in_optuna(optuna.pruners.MedianPruner(2, 1))
    assert ends(lambda history: Median(history, startup=2, warmup=1.0)) == expected
    assert min(expected) < 9


def test_halving_stops_trials_when_optuna_does():
    expected = ends_in_optuna(optuna.pruners.SuccessiveHalvingPruner(1, 3, 0))
    assert ends(lambda history: Halving(history)) == expected
    assert min(expected) < 9


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_wilcoxon_stops_trials_when_optuna_does():
    expected = ends_in_optuna(optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=2))
    assert ends(lambda history: Wilcoxon(history)) == expected
    assert min(expected) < 9


def test_wilcoxon_does_not_warn_of_a_best_trial_that_was_stopped_early():
    best = Curve((1.0, 2.0, 3.0), (0.7, 0.8, 0.9))
    estimator = Wilcoxon(TrialHistory(epochs=9, curves=(best,)))
    assert not any(estimator.update(epoch, 0.8, None).converged for epoch in range(1, 9))


def test_hyperband_halves_within_brackets():
    def bracket(number):
        earlier = tuple(Curve((1.0,), (0.5,)) for _ in range(number))
        return Hyperband(TrialHistory(epochs=9, curves=earlier)).skipped

    # The rungs are at 1, 3 and 9 epochs: a trial of the last bracket is not compared before its
    # ninth epoch.
    brackets = [bracket(number) for number in range(40)]
    assert set(brackets) == {0, 1, 2}
    for scores, skipped, ended in zip(
        CURVES * 6, brackets, ends(lambda history: Hyperband(history), CURVES * 6), strict=False
    ):
        assert ended >= min(3**skipped, len(scores))


def test_patience_stops_a_trial_whose_score_does_not_rise():
    scores = [0.1, 0.3, 0.3, 0.29, 0.3, 0.31]
    assert ends(lambda history: Patience(history, epochs=3), [scores]) == [5]
    assert ends(lambda history: Patience(history, epochs=4), [scores]) == [6]
    assert ends(lambda history: Patience(history, epochs=2, rise=0.25), [scores]) == [3]


def test_menndl_waits_for_the_training_loss():
    estimator = Menndl(TrialHistory(epochs=30))
    losses = [2.0, 1.5, 1.6, *[1.7] * 20]
    estimates = [estimator.update(i + 1, 0.1 * (i == 4), loss) for i, loss in enumerate(losses)]
    # The lowest loss is that of the second epoch; the trial is stopped ten epochs later.
    assert [estimate.converged for estimate in estimates].index(True) == 11
    assert estimates[11].score == 0.1
    without = Menndl(TrialHistory(epochs=30))
    assert not any(without.update(i + 1, 0.1, None).converged for i in range(30))


def test_the_prediction_is_the_best_score_so_far():
    estimator = Patience(TrialHistory(epochs=9), epochs=2)
    assert [
        estimator.update(i, score, None).score for i, score in enumerate([0.1, 0.5, 0.2], 1)
    ] == [
        0.1,
        0.5,
        0.5,
    ]
