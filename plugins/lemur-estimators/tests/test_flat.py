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


def test_the_loss_of_guessing_is_that_of_most_flat_trials():
    ends = [2.303, 2.304, 2.302, 2.303]
    learned_it = Curve(EPOCHS, RISEN.scores, (0.5,) * 20)
    curves = [*map(never, ends), learned_it, Curve(EPOCHS[:2], (0.1, 0.1))]
    assert loss_of_guessing(curves, 0.1) is None
    assert loss_of_guessing([*curves, never(2.29)], 0.1) == 2.303
    # Where guessing has no score, 0 is no sign of it; nor is a loss that is not above 0.
    assert loss_of_guessing([Curve((1.0,), (0.0,), (2.3,))] * 9, 0.0) is None
    assert loss_of_guessing([never(-1.0)] * 9, 0.1) is None


def test_what_is_below_the_loss_of_guessing_is_more_probable_to_rise():
    assert odds_of_rising(flat(2.29), 2.303) > 1 > odds_of_rising(flat(2.303), 2.303)
    # A hair below is no more than chance; a loss that is no number says that nothing is learned.
    for loss in (2.3, math.nan, math.inf):
        assert odds_of_rising(flat(loss), 2.303) == odds_of_rising(flat(3.0), 2.303)
    assert odds_of_rising(flat(2.29), None) == odds_of_rising(flat(None), 2.303) == 1
    # That of the epoch before holds within the next.
    assert odds_of_rising(flat(2.29, None), 2.303) == odds_of_rising(flat(2.29), 2.303)


@pytest.mark.parametrize("seen", [2.303, 4.6])
def test_what_is_flat_is_waited_for_while_its_loss_says_that_it_learns(seen):
    known = TrialHistory(epochs=20, chance=0.1, curves=[*[RISEN] * 5, *[never(seen)] * 5])

    def waited(losses):
        estimator = Consensus(known)
        for epoch, loss in zip(EPOCHS, losses, strict=True):
            said = estimator.update(epoch, 0.1, loss)
            if said.converged:
                return said.reason, epoch
        raise AssertionError("flat trials are hopeless in the end")

    reason, learning = waited([seen * (1 - 0.002 * epoch) for epoch in EPOCHS])
    assert reason == "it is hopeless"
    assert learning >= 3 * waited([seen] * 20)[1]
