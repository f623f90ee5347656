import numpy as np
import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.evidence import Outlook
from lemur_estimators.hyperparameters import Prospect
from lemur_estimators.stopping import Stopping, bars


def between(lower, upper):
    """Return the uniform distribution of a final score between two scores."""
    return Outlook(np.array([[lower, upper]]), np.array([[0.0, 1.0]]))


def stopping(**changed):
    defaults = {"doubt": 0.03, "settled": 0.01, "certain": 0.99, "sure": 0.15}
    return Stopping(**{"bar": 0.6, "high_bar": 0.7, "among_others": True} | defaults | changed)


def reason(done, highest, final, *, ripe=True, ahead=None, **changed):
    return stopping(**changed).reason(done, highest, final, ripe=ripe, ahead=ahead)


def study(count):
    return TrialHistory(
        epochs=20, curves=[Curve((1.0,), (end,)) for end in np.linspace(0, 1, count)]
    )


def test_a_trial_that_cannot_be_among_the_best_is_hopeless():
    assert reason(0.2, 0.3, between(0.3, 0.5)) == "it is hopeless"
    assert reason(0.2, 0.3, between(0.3, 0.7)) == ""
    assert reason(0.2, 0.61, between(0.61, 0.9)) == ""


def test_the_odds_of_a_hopeless_trial_grow_during_training():
    """The odds are 1 to 9; a trial is hopeless below 1 to 32 at first, below 6 to 32 at last."""
    final = between(0.3, 0.3 + 0.3 / 0.9)
    assert reason(0.0, 0.3, final) == ""
    assert reason(1.0, 0.3, final) == "it is hopeless"


def test_only_predictions_above_the_high_bar_may_be_inexact():
    wide = 0.16
    assert reason(0.0, 0.72, between(0.72, 0.72 + wide)) == "the prediction has settled"
    # Above the bar, which may be too low.
    assert reason(0.0, 0.62, between(0.62, 0.62 + wide)) == ""
    assert reason(0.0, 0.62, between(0.62, 0.63)) == "the prediction has settled"
    assert reason(0.0, 0.72, between(0.72, 0.72 + wide), sure=0.0) == ""


def test_a_prediction_far_above_the_highest_score_has_not_settled():
    """A net at 0.5 whose prediction of 0.998 seemed certain was seen to end at 0.8."""
    assert reason(0.2, 0.5, between(0.997, 0.999)) == ""
    assert reason(0.2, 0.95, between(0.997, 0.999)) == "the prediction has settled"


def test_only_hyperparameters_stop_a_trial_before_it_is_ripe():
    hopeless, settled = between(0.3, 0.5), between(0.72, 0.73)
    assert reason(0.02, 0.3, hopeless, ripe=False) == ""
    assert reason(0.02, 0.72, settled, ripe=False) == ""
    assert reason(0.02, 0.3, hopeless, ripe=False, ahead=Prospect(0.01, 0.05)) == "it is hopeless"


def test_promising_hyperparameters_let_a_trial_continue_early_in_its_training():
    final, ahead = between(0.3, 0.5), Prospect(0.8, 16.0)
    assert reason(0.1, 0.3, final, ahead=ahead) == ""
    assert reason(0.95, 0.3, final, ahead=ahead) == "it is hopeless"


@pytest.mark.parametrize("count", [5, 20, 200])
def test_bars_converge_with_the_number_of_trials(count):
    bar, high, among_others = bars(study(count), 0.2)
    assert among_others
    assert bar <= 0.8 <= high
    assert high - bar == pytest.approx(0.8 * 2 / (count + 2) + 0.5 * (0.16 / count) ** 0.5)


def test_with_fewer_than_two_trials_the_bar_is_just_better_than_guessing():
    for curves in ([], [Curve((1.0,), (0.9,))]):
        low, high, among_others = bars(TrialHistory(epochs=20, chance=0.5, curves=curves), 0.2)
        assert 0.5 < low == high < 0.65
        assert not among_others


def test_if_no_trial_has_learned_the_bar_is_just_better_than_guessing():
    none = TrialHistory(epochs=20, chance=0.5, curves=[Curve((1.0,), (0.5,))] * 9)
    assert bars(none, 0.2)[0] == bars(TrialHistory(epochs=20, chance=0.5), 0.2)[0]
