import math

import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.consensus import Consensus
from lemur_estimators.flat import loss_of_guessing, odds_of_rising

EPOCHS = tuple(map(float, range(1, 21)))
RISEN = Curve(EPOCHS, tuple(0.8 - 0.7 * math.exp(-epoch / 3) for epoch in EPOCHS))


def never(loss):
    return Curve(EPOCHS[:6], (0.1,) * 6, (9.0, None, *[loss] * 3, math.nan))


def flat(*losses):
    return Curve(EPOCHS[: len(losses)], (0.1,) * len(losses), losses)


def test_the_loss_of_guessing_is_the_median_of_flat_trials():
    losses = [2.303, 2.304, 2.302, 2.303]
    learned = Curve(EPOCHS, RISEN.scores, (0.5,) * 20)
    curves = [*map(never, losses), learned, Curve(EPOCHS[:2], (0.1, 0.1))]
    assert loss_of_guessing(curves, 0.1) is None
    assert loss_of_guessing([*curves, never(2.29)], 0.1) == 2.303
    # Trials at 0 do not reveal the loss of guessing if guessing scores 0; nor do losses below 0.
    assert loss_of_guessing([Curve((1.0,), (0.0,), (2.3,))] * 9, 0.0) is None
    assert loss_of_guessing([never(-1.0)] * 9, 0.1) is None


def test_a_loss_below_that_of_guessing_makes_a_rise_more_probable():
    assert odds_of_rising(flat(2.29), 2.303) > 1 > odds_of_rising(flat(2.303), 2.303)
    # A loss just below is random; a loss that is not finite means that nothing is learned.
    for loss in (2.3, math.nan, math.inf):
        assert odds_of_rising(flat(loss), 2.303) == odds_of_rising(flat(3.0), 2.303)
    assert odds_of_rising(flat(2.29), None) == odds_of_rising(flat(None), 2.303) == 1
    # Within an epoch, the loss of the previous one is used.
    assert odds_of_rising(flat(2.29, None), 2.303) == odds_of_rising(flat(2.29), 2.303)


@pytest.mark.parametrize("guessing", [2.303, 4.6])
def test_a_flat_trial_continues_longer_while_its_loss_falls(guessing):
    history = TrialHistory(epochs=20, chance=0.1, curves=[*[RISEN] * 5, *[never(guessing)] * 5])

    def stopped(losses):
        estimator = Consensus(history)
        for epoch, loss in zip(EPOCHS, losses, strict=True):
            estimate = estimator.update(epoch, 0.1, loss)
            if estimate.converged:
                return estimate.reason, epoch
        raise AssertionError("flat trials are hopeless in the end")

    reason, learning = stopped([guessing * (1 - 0.002 * epoch) for epoch in EPOCHS])
    assert reason == "it is hopeless"
    assert learning >= 3 * stopped([guessing] * 20)[1]
