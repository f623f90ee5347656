import csv
import statistics
from pathlib import Path

import numpy as np
import pytest

from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import TrialHistory
from lemur_estimators.peng4nn import PEng4NN

PUBLISHED = Path(__file__).parents[4] / "shared/data/peng4nn"


def published(name):
    file = PUBLISHED / f"2021_02_15_{name}.csv"
    if not file.is_file():
        pytest.skip(f"the published curves are not in {PUBLISHED}")
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    return [
        (float(row["epoch"]), float(row["val_accuracy"]) / 100, float(row["val_loss"]))
        for row in rows
    ]


def until_converged(estimator, measured):
    for epoch, score, loss in measured:
        estimate = estimator.update(epoch, score, loss)
        if estimate.converged:
            return epoch, estimate
    return None, estimate


def curve(*scores, every=0.5):
    return [((i + 1) * every, score, None) for i, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("name", "epoch", "a"),
    [("13_55_26_539263", 4.0, 25.7121), ("13_56_59_917381", 5.5, 2.011)],
)
def test_published_curves_converge_when_they_do_in_the_published_program(name, epoch, a):
    program = PEng4NN(TrialHistory(epochs=20), centre="median")
    at, estimate = until_converged(program, published(name))
    assert at == epoch
    assert estimate.parameters["a"] == pytest.approx(a, abs=1e-3)
    assert estimate.score == pytest.approx(a / 100, abs=1e-5)


def test_there_is_no_prediction_from_fewer_than_the_least_points():
    estimator = PEng4NN(TrialHistory(epochs=20), least=4)
    scores = [estimator.update(*point).score for point in curve(0.1, 0.3, 0.4, 0.45)]
    assert scores[:3] == [None] * 3
    assert scores[3] is not None


def test_all_predictions_of_the_window_must_agree():
    constant = curve(*[0.3] * 12)
    for window in (1, 3, 5):
        at, _ = until_converged(PEng4NN(TrialHistory(epochs=20), window=window), constant)
        assert at == (2 + window) * 0.5


def settled(*predictions, **options):
    estimator = PEng4NN(TrialHistory(epochs=20), **options)
    estimator.predictions = list(predictions)
    return estimator._settled()


def test_predictions_agree_within_the_threshold_of_their_mean():
    # The mean of the last three is 50.2; the farthest is 0.4 away.
    assert settled(60.0, 50.0, 50.0, 50.6)
    assert settled(50.0, 50.5, 49.5)
    # The mean is 50.3; 50 is 0.3 away and 50.9 is 0.6 away.
    assert not settled(50.0, 50.0, 50.9)
    # The mean of the four is 50.5; the farthest is 0.5 away.
    assert settled(50.0, 50.0, 51.0, 51.0, window=4)


def test_predictions_agree_within_the_threshold_of_their_median_with_that_centre():
    # The median is 50; 50.6 is 0.6 away.
    assert not settled(60.0, 50.0, 50.0, 50.6, centre="median")
    assert settled(60.0, 50.0, 50.5, 49.5, centre="median")
    assert not settled(50.0, 50.51, 49.5, centre="median")


def test_equal_predictions_agree_with_a_threshold_of_0():
    # Their computed mean is 50.10000000000001.
    assert settled(50.1, 50.1, 50.1, threshold=0.0)


@pytest.mark.parametrize(("centre", "expected"), [("mean", 6.0), ("median", 7.5)])
def test_a_trial_converges_at_the_first_window_around_its_centre(centre, expected):
    noise = [0.025 * ((7 * n) % 5 - 2) for n in range(60)]
    measured = curve(*(0.6 - 0.5 * 0.8**n + noise[n] * 0.9**n for n in range(60)))
    at, _ = until_converged(PEng4NN(TrialHistory(epochs=40), centre=centre), measured)
    endless = PEng4NN(TrialHistory(epochs=40), centre=centre, window=100)
    until_converged(endless, measured)
    centre_of = {"mean": statistics.fmean, "median": statistics.median}[centre]
    windows = [endless.predictions[end - 3 : end] for end in range(3, len(endless.predictions))]
    [first, *_] = [
        number
        for number, window in enumerate(windows)
        if all(abs(prediction - centre_of(window)) <= 0.5 for prediction in window)
    ]
    # The first prediction needs three scores, and the first window three predictions.
    assert at == (first + 5) * 0.5 == expected


def test_a_prediction_above_100_percent_has_not_converged():
    # The prediction for a line is the bound of 102.5, however long it is.
    line = [((i + 1) * 0.5, 0.02 * (i + 1), None) for i in range(30)]
    at, estimate = until_converged(PEng4NN(TrialHistory(epochs=20)), line)
    assert at is None
    assert estimate.parameters["a"] == pytest.approx(102.5)
    assert estimate.score == 1


def test_at_the_last_epoch_the_highest_score_is_returned():
    at, estimate = until_converged(
        PEng4NN(TrialHistory(epochs=2), threshold=0), curve(0.1, 0.5, 0.2, 0.3)
    )
    assert (at, estimate.score) == (2.0, 0.5)


def test_the_predicted_training_may_be_shorter_than_the_trial():
    at, _ = until_converged(
        PEng4NN(TrialHistory(epochs=20), epochs=3, threshold=0), curve(*[0.1, 0.2] * 9)
    )
    assert at == 3.0


def test_the_loss_check_waits_for_a_net_that_never_learns_while_its_loss_falls():
    # The prediction is 19.5 percent, less than the 19.59 percent of the most common class.
    history = TrialHistory(epochs=20, chance=0.1959)
    losses = [2.3, 2.2, 2.1] + [2.1] * 30
    measured = [((i + 1) * 0.5, 0.195, loss) for i, loss in enumerate(losses)]
    assert until_converged(PEng4NN(history), measured)[0] == 2.5
    # The lowest loss is that of epoch 1.5.
    assert until_converged(PEng4NN(history, loss_check=True), measured)[0] == 6.5
    without = [(epoch, score, None) for epoch, score, _ in measured]
    assert until_converged(PEng4NN(history, loss_check=True), without)[0] == 5.5


def test_the_loss_check_does_not_wait_for_a_net_that_learns():
    history = TrialHistory(epochs=20, chance=0.19)
    measured = [((i + 1) * 0.5, 0.195, 2 - i / 100) for i in range(20)]
    assert until_converged(PEng4NN(history, loss_check=True), measured)[0] == 2.5


def test_epochs_are_relative_to_the_first_score():
    # The same curve in whole and in half epochs.
    scores = [0.1, 0.3, 0.4, 0.44, 0.47, 0.48, 0.484, 0.486]
    whole, half = PEng4NN(TrialHistory(epochs=50), interval=1), PEng4NN(TrialHistory(epochs=50))
    for point, half_point in zip(curve(*scores, every=1.0), curve(*scores), strict=True):
        assert whole.update(*point) == half.update(*half_point)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "estimator option window is 0; expected 1 or more"),
        ({"centre": "mode"}, "estimator option centre is 'mode'; expected mean or median"),
        ({"least": 2}, "estimator option least is 2; expected 3 or more"),
        ({"threshold": -1.0}, "estimator option threshold is -1; expected 0 to 100"),
        ({"interval": 0.0}, "estimator option interval is 0; expected 0.01 to 1"),
        ({"patience": float("nan")}, "estimator option patience is nan; expected 0 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(SettingsError) as raised:
        PEng4NN(TrialHistory(epochs=20), **options)
    assert str(raised.value) == message


def test_scores_that_are_not_fractions_are_refused():
    for score in (25.7, -0.1, np.nan):
        with pytest.raises(SettingsError):
            PEng4NN(TrialHistory(epochs=20)).update(1, score, None)
