import numpy as np
import pytest

from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators.evidence import Outlook
from lemur_estimators.hyperparameters import Prospect
from lemur_estimators.stopping import Stopping, bars


def between(lower, upper):
    """A final score that is anywhere between two, with equal probability."""
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


def test_what_cannot_be_among_the_best_is_hopeless():
    assert reason(0.2, 0.3, between(0.3, 0.5)) == "it is hopeless"
    assert reason(0.2, 0.3, between(0.3, 0.7)) == ""
    assert reason(0.2, 0.61, between(0.61, 0.9)) == ""


def test_the_longer_it_was_trained_the_more_is_asked_for():
    """A probability of 0.1: odds of 1 to 9, where 1 to 32 are hopeless at first, and 6 at last."""
    final = between(0.3, 0.3 + 0.3 / 0.9)
    assert reason(0.0, 0.3, final) == ""
    assert reason(1.0, 0.3, final) == "it is hopeless"


def test_only_what_is_above_the_high_bar_need_not_be_known_exactly():
    wide = 0.16
    assert reason(0.0, 0.72, between(0.72, 0.72 + wide)) == "the prediction has settled"
    # Above the bar of today, which may be too low.
    assert reason(0.0, 0.62, between(0.62, 0.62 + wide)) == ""
    assert reason(0.0, 0.62, between(0.62, 0.63)) == "the prediction has settled"
    assert reason(0.0, 0.72, between(0.72, 0.72 + wide), sure=0.0) == ""


def test_what_has_most_of_its_way_to_go_has_not_settled():
    """A net at 0.5 that is foretold to come to 0.998 for sure was seen to come to 0.8."""
    assert reason(0.2, 0.5, between(0.997, 0.999)) == ""
    assert reason(0.2, 0.95, between(0.997, 0.999)) == "the prediction has settled"


def test_before_it_is_ripe_only_hyperparameters_end_a_trial():
    hopeless, settled = between(0.3, 0.5), between(0.72, 0.73)
    assert reason(0.02, 0.3, hopeless, ripe=False) == ""
    assert reason(0.02, 0.72, settled, ripe=False) == ""
    assert reason(0.02, 0.3, hopeless, ripe=False, ahead=Prospect(0.01, 0.05)) == "it is hopeless"


def test_a_trial_goes_on_for_as_long_as_its_hyperparameters_promise_much():
    final, ahead = between(0.3, 0.5), Prospect(0.8, 16.0)
    assert reason(0.1, 0.3, final, ahead=ahead) == ""
    assert reason(0.95, 0.3, final, ahead=ahead) == "it is hopeless"


@pytest.mark.parametrize("count", [5, 20, 200])
def test_bars_come_together_as_more_trials_are_known(count):
    bar, high, among_others = bars(study(count), 0.2)
    assert among_others
    assert bar <= 0.8 <= high
    assert high - bar == pytest.approx(0.8 * 2 / (count + 2) + 0.5 * (0.16 / count) ** 0.5)


def test_before_there_are_two_trials_what_is_better_than_guessing_is_the_bar():
    for curves in ([], [Curve((1.0,), (0.9,))]):
        low, high, among_others = bars(TrialHistory(epochs=20, chance=0.5, curves=curves), 0.2)
        assert 0.5 < low == high < 0.65
        assert not among_others


def test_where_none_learned_the_bar_is_what_learned():
    none = TrialHistory(epochs=20, chance=0.5, curves=[Curve((1.0,), (0.5,))] * 9)
    assert bars(none, 0.2)[0] == bars(TrialHistory(epochs=20, chance=0.5), 0.2)[0]
