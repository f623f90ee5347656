import math
from dataclasses import replace

import numpy as np
import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.consensus import Consensus
from lemur_estimators.evidence import Outlook
from lemur_estimators.progress import Progress

EPOCHS = tuple(map(float, range(1, 21)))
GUESSING = 2.303


def trial(middle, steep, epochs=20):
    """Return a trial whose loss falls around an epoch, and whose score rises a little later."""
    gone = [0.95 / (1 + math.exp((middle - epoch) / steep)) for epoch in EPOCHS]
    scores = [0.1 + 0.85 * part**1.5 for part in gone]
    losses = [GUESSING * (1 - part) for part in gone]
    return Curve(EPOCHS[:epochs], tuple(scores[:epochs]), tuple(losses[:epochs]))


FLAT = Curve(EPOCHS, (0.1,) * 20, (GUESSING,) * 20)
STUDY = [trial(middle, steep) for middle in (2, 5, 9) for steep in (0.8, 1.5)] + [FLAT] * 5


def median(outlook):
    return float(outlook.quantile(0.5)[0])


def test_losses_predict_a_rise_that_scores_do_not():
    """The losses are like those of small net 213, whose final score after 20 epochs was 0.859."""
    scores, losses = (0.09, 0.108, 0.126, 0.126, 0.131), (2.3, 2.297, 2.293, 2.286, 2.277)
    early = Curve(EPOCHS[:5], scores, losses)
    stalled = Curve(EPOCHS[:5], scores, (2.3, 2.297, *[2.293] * 3))
    progress = Progress(STUDY, GUESSING, 0.134)
    rising, flat = (progress.outlook(curve, 20.0) for curve in (early, stalled))
    assert rising.above(0.5)[0] > 1.5 * flat.above(0.5)[0]


def test_losses_affect_the_prediction_for_a_trial_that_has_learned_something():
    history = TrialHistory(epochs=20, chance=0.1, curves=STUDY)

    def predict(losses):
        estimator = Consensus(history, doubt=0.0, settled=0.0)
        for epoch, score, loss in zip(EPOCHS, (0.2, 0.22, 0.24, 0.25), losses, strict=False):
            estimate = estimator.update(epoch, score, loss)
        return estimate.score

    assert predict((2.2, 2.1, 1.9, 1.6)) > predict((2.2, 2.19, 2.19, 2.19)) + 0.05


def test_losses_of_other_nets_are_not_used():
    """They may contain other terms, for example those of an auxiliary head."""
    named = [replace(curve, net="Other") for curve in STUDY]
    assert (
        Consensus(TrialHistory(epochs=20, chance=0.1, curves=named, net="Other")).guessing
        == GUESSING
    )
    without = Consensus(TrialHistory(epochs=20, chance=0.1, curves=named, net="One"))
    assert (without.guessing, without.progress) == (None, None)


def test_a_trial_whose_loss_is_gone_is_predicted_to_stay_where_it_is():
    """It fits the training split completely, so its score rises no further."""
    overfit = Curve(EPOCHS[:5], (0.4, 0.5, 0.52, 0.52, 0.52), (0.5, 0.1, 0.02, 0.01, 0.01))
    outlook = Progress(STUDY, GUESSING, 0.1).outlook(overfit, 20.0)
    assert median(outlook) == pytest.approx(0.52, abs=0.05)
    assert outlook.above(0.51)[0] == 1


def test_unknown_losses_are_left_out_and_losses_that_are_not_finite_are_no_progress():
    progress = Progress(STUDY, GUESSING, 0.1)
    assert progress.outlook(Curve((1.0,), (0.1,), (None,)), 20.0) is None
    assert progress.outlook(Curve((1.0,), (0.1,)), 20.0) is None
    within = Curve((0.5, 1.0, 1.5), (0.1, 0.2, 0.3), (None, 2.0, None))
    whole = Curve((1.0, 1.5), (0.2, 0.3), (2.0, None))
    assert median(progress.outlook(within, 20.0)) == median(progress.outlook(whole, 20.0))
    for lost in (math.nan, math.inf, 1e30):
        strayed = Curve((1.0, 2.0), (0.1, 0.1), (2.2, lost))
        stayed = Curve((1.0, 2.0), (0.1, 0.1), (2.2, 2.2))
        assert median(progress.outlook(strayed, 20.0)) == median(progress.outlook(stayed, 20.0))


def test_a_mixture_weights_both_distributions():
    first = Outlook(np.array([[0.2, 0.4]]), np.array([[0.0, 1.0]]))
    second = Outlook(np.array([[0.2, 0.8]]), np.array([[0.5, 1.0]]))
    mixed = first.mixed(second, 0.25)
    for score in (0.2, 0.3, 0.4, 0.7, 0.9):
        expected = 0.75 * first.above(score)[0] + 0.25 * second.above(score)[0]
        assert mixed.above(score)[0] == pytest.approx(expected)
