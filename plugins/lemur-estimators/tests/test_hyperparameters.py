from dataclasses import replace

import numpy as np
import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.consensus import Consensus
from lemur_estimators.evidence import Outlook
from lemur_estimators.hyperparameters import prospect

RATES = np.geomspace(1e-6, 1, 60)
BAR = 0.7


def trial(final, **prm):
    return Curve((1.0, 20.0), (0.1, float(final)), hyperparameters=prm)


def good_at(rate):
    """Return scores like those of small nets: high around 1e-2, low far from it."""
    return 0.1 + 0.8 * np.exp(-(np.log10(rate / 1e-2) ** 2))


def study(seed=0):
    """Return a trial for each learning rate, in random order."""
    order = np.random.default_rng(seed).permutation(len(RATES))
    return [trial(good_at(RATES[i]), lr=float(RATES[i])) for i in order]


def predict(curves, **prm):
    return prospect(TrialHistory(epochs=20, chance=0.1, curves=curves, hyperparameters=prm), BAR)


def test_a_trial_with_the_learning_rate_of_the_best_is_probably_one_of_them():
    good, bad = predict(study(), lr=1.2e-2), predict(study(), lr=1e-5)
    assert good.probability > 0.8
    assert good.odds > 10
    assert bad.probability < 0.05
    assert bad.odds < 0.2


def test_the_probability_is_the_share_of_the_best_among_similar_trials():
    """One value is good in a quarter of the trials, the other never; the prior adds a little."""
    named = [trial(0.9 if i % 8 == 0 else 0.1, transform="ab"[i % 2]) for i in range(400)]
    assert predict(named, transform="a").probability == pytest.approx(0.25, abs=0.03)
    assert predict(named, transform="b").probability == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("seed", range(8))
def test_uninformative_hyperparameters_give_no_prediction(seed):
    finals = np.random.default_rng(seed).permutation(good_at(RATES))
    shuffled = [trial(final, lr=float(rate)) for final, rate in zip(finals, RATES, strict=True)]
    assert predict(shuffled, lr=1e-2) is None


def test_trials_of_other_nets_are_not_used():
    history = TrialHistory(
        epochs=20, chance=0.1, curves=study(), hyperparameters={"lr": 1e-5}, net="Other"
    )
    assert prospect(history, BAR) is None
    named = [replace(curve, net="Other") for curve in study()]
    assert prospect(replace(history, curves=named), BAR) == predict(study(), lr=1e-5)


def test_too_few_or_uniform_trials_give_no_prediction():
    assert predict(study()) is None
    assert predict(study()[:9], lr=1e-2) is None
    assert predict([trial(0.9, lr=rate) for rate in RATES], lr=1e-2) is None
    assert predict([trial(0.1, lr=rate) for rate in RATES], lr=1e-2) is None


def test_uninformative_hyperparameters_do_not_change_a_prediction():
    rng = np.random.default_rng(0)
    beside = [
        trial(
            good_at(rate),
            lr=float(rate),
            batch=int(rng.choice([32, 64])),
            transform=str(rng.choice(["a", "b"])),
            nesterov=bool(rng.choice([True, False])),
        )
        for rate in rng.permutation(RATES)
    ]
    more = predict(beside, lr=1e-5, batch=32, transform="a", nesterov=True)
    assert more == pytest.approx(predict(study(), lr=1e-5))


def test_unknown_values_count_as_average():
    some = [*study(), *[trial(0.1) for _ in range(4)]]
    assert predict(some, lr=1.2e-2).probability > 0.8
    assert predict(some, lr=None) == predict(some, lr=float("nan"))
    assert 0 < predict(some, lr=None).probability < 0.8


@pytest.mark.parametrize(("good", "bad"), [(10**400, 1), (1, -(10**400)), ("a\0", "a"), ([1], [2])])
def test_any_value_can_be_compared(good, bad):
    curves = [trial(0.9, of=good) if i % 4 == 0 else trial(0.1, of=bad) for i in range(40)]
    assert predict(curves, of=good).probability > 0.8
    assert predict(curves, of=bad).probability < 0.1


def test_a_distribution_with_other_odds_keeps_its_shape_on_both_sides():
    even = Outlook(np.linspace(0, 1, 5)[None], np.linspace(0, 1, 5)[None])
    tilted = even.tilted(0.8, 16.0)
    assert tilted.above(0.8)[0] == pytest.approx(0.8)
    assert tilted.above(0.9)[0] == pytest.approx(0.4)
    assert tilted.quantile(0.1)[0] == pytest.approx(0.4)
    assert even.tilted(1.5, 16.0) is even


def flat_until(epoch, curves, **prm):
    """Return the epoch at which a flat trial is stopped, or ``epoch`` if it is not by then."""
    estimator = Consensus(TrialHistory(epochs=20, chance=0.1, curves=curves, hyperparameters=prm))
    times = np.arange(0.5, epoch, 0.5)
    return next((time for time in times if estimator.update(time, 0.1, None).converged), epoch)


def test_a_flat_trial_with_promising_hyperparameters_continues_longer():
    without = flat_until(20, study())
    assert flat_until(20, study(), lr=1e-5) < 2 <= without
    assert flat_until(20, study(), lr=1e-2) > without
