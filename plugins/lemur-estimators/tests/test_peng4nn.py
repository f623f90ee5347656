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
        said = estimator.update(epoch, score, loss)
        if said.converged:
            return epoch, said
    return None, said


def curve(*scores, every=0.5):
    return [((i + 1) * every, score, None) for i, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("name", "epoch", "a"),
    [("13_55_26_539263", 4.0, 25.7121), ("13_56_59_917381", 5.5, 2.011)],
)
def test_published_curves_converge_where_the_published_program_has_them(name, epoch, a):
    program = PEng4NN(TrialHistory(epochs=20), centre="median")
    at, said = until_converged(program, published(name))
    assert at == epoch
    assert said.parameters["a"] == pytest.approx(a, abs=1e-3)
    assert said.score == pytest.approx(a / 100, abs=1e-5)


def test_there_is_no_prediction_of_fewer_points_than_are_asked_for():
    estimator = PEng4NN(TrialHistory(epochs=20), least=4)
    said = [estimator.update(*one).score for one in curve(0.1, 0.3, 0.4, 0.45)]
    assert said[:3] == [None] * 3
    assert said[3] is not None


def test_as_many_predictions_must_agree_as_the_window_has():
    constant = curve(*[0.3] * 12)
    for window in (1, 3, 5):
        at, _ = until_converged(PEng4NN(TrialHistory(epochs=20), window=window), constant)
        assert at == (2 + window) * 0.5


def settled(*predictions, **options):
    estimator = PEng4NN(TrialHistory(epochs=20), **options)
    estimator.predictions = list(predictions)
    return estimator._settled()


def test_predictions_agree_that_are_within_the_threshold_of_their_mean():
    # Of the last three the mean is 50.2; the farthest is 0.4 away.
    assert settled(60.0, 50.0, 50.0, 50.6)
    assert settled(50.0, 50.5, 49.5)
    # The mean is 50.3, of which 50 is 0.3 away and 50.9 0.6.
    assert not settled(50.0, 50.0, 50.9)
    # Of four numbers the mean is 50.5, and the farthest is 0.5 away.
    assert settled(50.0, 50.0, 51.0, 51.0, window=4)


def test_predictions_agree_that_are_within_the_threshold_of_their_median_if_that_is_asked_for():
    # The median is 50, of which 50.6 is 0.6 away.
    assert not settled(60.0, 50.0, 50.0, 50.6, centre="median")
    assert settled(60.0, 50.0, 50.5, 49.5, centre="median")
    assert not settled(50.0, 50.51, 49.5, centre="median")


def test_equal_predictions_agree_within_no_threshold_at_all():
    # Added up and divided by three, they come to 50.10000000000001.
    assert settled(50.1, 50.1, 50.1, threshold=0.0)


@pytest.mark.parametrize(("centre", "expected"), [("mean", 6.0), ("median", 7.5)])
def test_a_trial_converges_at_the_first_window_around_its_centre(centre, expected):
    noise = [0.025 * ((7 * n) % 5 - 2) for n in range(60)]
    measured = curve(*(0.6 - 0.5 * 0.8**n + noise[n] * 0.9**n for n in range(60)))
    at, _ = until_converged(PEng4NN(TrialHistory(epochs=40), centre=centre), measured)
    endless = PEng4NN(TrialHistory(epochs=40), centre=centre, window=100)
    until_converged(endless, measured)
    of = {"mean": statistics.fmean, "median": statistics.median}[centre]
    windows = [endless.predictions[end - 3 : end] for end in range(3, len(endless.predictions))]
    [first, *_] = [
        number
        for number, window in enumerate(windows)
        if all(abs(one - of(window)) <= 0.5 for one in window)
    ]
    # The first prediction is of three scores, the first window of three predictions.
    assert at == (first + 5) * 0.5 == expected


def test_what_is_beyond_a_hundred_percent_has_not_converged():
    # A line: it comes to 102.5, the bound, however long it is.
    line = [((i + 1) * 0.5, 0.02 * (i + 1), None) for i in range(30)]
    at, said = until_converged(PEng4NN(TrialHistory(epochs=20)), line)
    assert at is None
    assert said.parameters["a"] == pytest.approx(102.5)
    assert said.score == 1


def test_at_the_last_epoch_the_highest_score_is_taken():
    at, said = until_converged(
        PEng4NN(TrialHistory(epochs=2), threshold=0), curve(0.1, 0.5, 0.2, 0.3)
    )
    assert (at, said.score) == (2.0, 0.5)


def test_fewer_epochs_than_were_asked_for_may_be_predicted():
    at, _ = until_converged(
        PEng4NN(TrialHistory(epochs=20), epochs=3, threshold=0), curve(*[0.1, 0.2] * 9)
    )
    assert at == 3.0


def test_a_net_that_never_learns_is_waited_for_while_its_loss_falls():
    # It is predicted to come to 19.5 percent, less than the commonest class's 19.59.
    known = TrialHistory(epochs=20, chance=0.1959)
    losses = [2.3, 2.2, 2.1] + [2.1] * 30
    measured = [((i + 1) * 0.5, 0.195, loss) for i, loss in enumerate(losses)]
    assert until_converged(PEng4NN(known), measured)[0] == 2.5
    # The least loss is that of epoch 1.5.
    assert until_converged(PEng4NN(known, loss_check=True), measured)[0] == 6.5
    without = [(epoch, score, None) for epoch, score, _ in measured]
    assert until_converged(PEng4NN(known, loss_check=True), without)[0] == 5.5


def test_a_net_that_learns_is_not_waited_for():
    known = TrialHistory(epochs=20, chance=0.19)
    measured = [((i + 1) * 0.5, 0.195, 2 - i / 100) for i in range(20)]
    assert until_converged(PEng4NN(known, loss_check=True), measured)[0] == 2.5


def test_epochs_are_counted_from_the_first_score():
    # The same curve in whole epochs and in halves.
    scores = [0.1, 0.3, 0.4, 0.44, 0.47, 0.48, 0.484, 0.486]
    whole, half = PEng4NN(TrialHistory(epochs=50), interval=1), PEng4NN(TrialHistory(epochs=50))
    for one, other in zip(curve(*scores, every=1.0), curve(*scores), strict=True):
        assert whole.update(*one) == half.update(*other)


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


def test_percent_and_what_is_no_number_are_refused():
    for score in (25.7, -0.1, np.nan):
        with pytest.raises(SettingsError):
            PEng4NN(TrialHistory(epochs=20)).update(1, score, None)
