from dataclasses import replace

import numpy as np
import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.consensus import Consensus
from lemur_estimators.evidence import Outlook
from lemur_estimators.hyperparameters import prospect

RATES = np.geomspace(1e-6, 1, 60)
BAR = 0.7


def came_to(final, **prm):
    return Curve((1.0, 20.0), (0.1, float(final)), hyperparameters=prm)


def good_at(rate):
    """Scores as small nets have them: high around 1e-2, none far from it."""
    return 0.1 + 0.8 * np.exp(-(np.log10(rate / 1e-2) ** 2))


def study(seed=0):
    """A trial for each learning rate, in no order."""
    order = np.random.default_rng(seed).permutation(len(RATES))
    return [came_to(good_at(RATES[i]), lr=float(RATES[i])) for i in order]


def said_of(curves, **prm):
    return prospect(TrialHistory(epochs=20, chance=0.1, curves=curves, hyperparameters=prm), BAR)


def test_what_has_a_rate_like_the_best_is_more_probably_one_of_them():
    good, bad = said_of(study(), lr=1.2e-2), said_of(study(), lr=1e-5)
    assert good.probability > 0.8
    assert good.odds > 10
    assert bad.probability < 0.05
    assert bad.odds < 0.2


def test_it_is_the_share_of_the_best_among_trials_that_are_near():
    """Of two names, one is good once in four, the other never; a few like any other are added."""
    named = [came_to(0.9 if i % 8 == 0 else 0.1, transform="ab"[i % 2]) for i in range(400)]
    assert said_of(named, transform="a").probability == pytest.approx(0.25, abs=0.03)
    assert said_of(named, transform="b").probability == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize("seed", range(8))
def test_hyperparameters_that_tell_nothing_say_nothing(seed):
    finals = np.random.default_rng(seed).permutation(good_at(RATES))
    shuffled = [came_to(final, lr=float(rate)) for final, rate in zip(finals, RATES, strict=True)]
    assert said_of(shuffled, lr=1e-2) is None


def test_those_of_other_nets_say_nothing():
    known = TrialHistory(
        epochs=20, chance=0.1, curves=study(), hyperparameters={"lr": 1e-5}, net="Other"
    )
    assert prospect(known, BAR) is None
    named = [replace(curve, net="Other") for curve in study()]
    assert prospect(replace(known, curves=named), BAR) == said_of(study(), lr=1e-5)


def test_too_little_is_known():
    assert said_of(study()) is None
    assert said_of(study()[:9], lr=1e-2) is None
    assert said_of([came_to(0.9, lr=rate) for rate in RATES], lr=1e-2) is None
    assert said_of([came_to(0.1, lr=rate) for rate in RATES], lr=1e-2) is None


def test_others_beside_one_that_tells_change_nothing():
    rng = np.random.default_rng(0)
    beside = [
        came_to(
            good_at(rate),
            lr=float(rate),
            batch=int(rng.choice([32, 64])),
            transform=str(rng.choice(["a", "b"])),
            nesterov=bool(rng.choice([True, False])),
        )
        for rate in rng.permutation(RATES)
    ]
    more = said_of(beside, lr=1e-5, batch=32, transform="a", nesterov=True)
    assert more == pytest.approx(said_of(study(), lr=1e-5))


def test_what_is_not_known_of_some_trials_may_be_anything():
    some = [*study(), *[came_to(0.1) for _ in range(4)]]
    assert said_of(some, lr=1.2e-2).probability > 0.8
    assert said_of(some, lr=None) == said_of(some, lr=float("nan"))
    assert 0 < said_of(some, lr=None).probability < 0.8


@pytest.mark.parametrize(("good", "bad"), [(10**400, 1), (1, -(10**400)), ("a\0", "a"), ([1], [2])])
def test_any_value_can_be_compared(good, bad):
    curves = [came_to(0.9, of=good) if i % 4 == 0 else came_to(0.1, of=bad) for i in range(40)]
    assert said_of(curves, of=good).probability > 0.8
    assert said_of(curves, of=bad).probability < 0.1


def test_a_distribution_with_other_odds_keeps_its_shape_on_both_sides():
    even = Outlook(np.linspace(0, 1, 5)[None], np.linspace(0, 1, 5)[None])
    tilted = even.tilted(0.8, 16.0)
    assert tilted.above(0.8)[0] == pytest.approx(0.8)
    assert tilted.above(0.9)[0] == pytest.approx(0.4)
    assert tilted.quantile(0.1)[0] == pytest.approx(0.4)
    assert even.tilted(1.5, 16.0) is even


def flat_until(epoch, curves, **prm):
    """When a flat trial ends, if it does before an epoch."""
    known = TrialHistory(epochs=20, chance=0.1, curves=curves, hyperparameters=prm)
    estimator = Consensus(known)
    ends = (at for at in np.arange(0.5, epoch, 0.5) if estimator.update(at, 0.1, None).converged)
    return next(ends, epoch)


def test_a_flat_trial_is_waited_for_as_its_hyperparameters_promise():
    without = flat_until(20, study())
    assert flat_until(20, study(), lr=1e-5) < 2 <= without
    assert flat_until(20, study(), lr=1e-2) > without
