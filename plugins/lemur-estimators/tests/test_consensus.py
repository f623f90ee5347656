import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import Curve, TrialHistory
from lemur_estimators import evidence
from lemur_estimators.consensus import Consensus
from lemur_estimators.evidence import GAINS, NOISES, Horizon, models, outlook
from lemur_estimators.models import logit, score_of, shapes, values
from lemur_estimators.prior import of_study, published

EPOCHS = tuple(map(float, range(1, 21)))


def finished(end, time=3.0):
    return Curve(EPOCHS, tuple(end - (end - 0.1) * math.exp(-epoch / time) for epoch in EPOCHS))


def estimates_of(scores, history, every=1.0, losses=None, **options):
    """Return the estimates for scores until the estimator converges."""
    estimator = Consensus(history, **options)
    estimates = []
    for i, score in enumerate(scores):
        estimates.append(estimator.update((i + 1) * every, score, losses[i] if losses else None))
        if estimates[-1].converged:
            break
    return estimates


def test_shapes_rise_from_0_to_1():
    curves = values(np.linspace(1, 50, 200))
    assert curves[:, 0] == pytest.approx(0, abs=1e-12)
    assert (np.diff(curves, axis=1) >= -1e-12).all()
    # A shape that begins after a plateau may not have reached 1.
    for shape, last in zip(shapes()[1:], curves[1:, -1], strict=True):
        assert last == pytest.approx(1) or shape.family == "plateau"
    families = {"exponential", "power", "logarithm", "log-power", "weibull", "hill", "plateau"}
    assert {shape.family for shape in shapes()} == families | {"flat"}


def test_logits_and_scores_are_inverse():
    scores = np.array([0.1, 0.5, 0.99])
    assert score_of(logit(scores)) == pytest.approx(scores)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


def test_evidence_and_prediction_are_those_of_a_normal_distribution():
    """Compare with SciPy's normal distribution of the sum of start, gain and noise."""
    epochs, last = np.array([1.0, 2.0, 4.0, 5.0]), 12.0
    highest = np.array([0.2, 0.35, 0.5, 0.52])
    uniform = np.zeros(math.prod(models()))
    posterior = Horizon(epochs, last).posterior(highest[None], uniform)
    z, everything = logit(highest), np.append(epochs, last)
    chosen = [(3, 2, 4), (20, 3, 5), (40, 1, 4), (9, 2, 5)]
    logs = []
    for shape, gain, noise in chosen:
        h = values(everything)[shape]
        mean = -0.5 + GAINS[gain, 0] * h
        signal = 4.0 + GAINS[gain, 1] ** 2 * np.outer(h, h)
        spread = signal[:4, :4] + NOISES[noise] ** 2 * np.eye(4)
        logs.append(0.5 * multivariate_normal(mean[:4], spread).logpdf(z))
        expected = mean[4] + signal[4, :4] @ np.linalg.solve(spread, z - mean[:4])
        index = np.ravel_multi_index((shape, gain, noise), models())
        assert posterior.means[0, index] == pytest.approx(expected)
        left = signal[4, 4] - signal[4, :4] @ np.linalg.solve(spread, signal[:4, 4])
        drift = evidence._DRIFT**2 * math.log(12 / 5)
        variance = left + NOISES[noise] ** 2 / 2 + drift
        assert posterior.spreads[index] ** 2 == pytest.approx(variance)
    indices = np.ravel_multi_index(np.transpose(chosen), models())
    weights = posterior.weights[0, indices]
    assert np.log(weights / weights[0]) == pytest.approx(np.array(logs) - logs[0], abs=1e-6)


def test_the_final_score_is_never_below_the_highest_so_far():
    posterior = Horizon(np.array([1.0, 2.0]), 20.0).posterior(
        np.array([[0.3, 0.6]]), np.log(published())
    )
    final = outlook(posterior)
    assert (final.quantile(0.0001) >= 0.6).all()
    assert final.above(0.59)[0] == 1
    assert final.above(1.0)[0] == pytest.approx(0, abs=1e-6)
    thirds = [float(final.quantile(share)[0]) for share in (0.3, 0.6, 0.9)]
    assert thirds == sorted(thirds)
    assert final.above(thirds[1])[0] == pytest.approx(0.4, abs=0.02)


def test_a_smooth_curve_is_predicted_within_the_interval():
    truth = finished(0.8, time=4.0)
    history = TrialHistory(epochs=20)
    estimate = estimates_of(truth.scores[:8], history, settled=0.0, doubt=0.0)[-1]
    assert estimate.lower <= truth.final <= estimate.upper
    assert estimate.score == pytest.approx(truth.final, abs=0.05)


def test_hopeless_trials_are_stopped_early_and_promising_ones_are_not():
    history = TrialHistory(
        epochs=20, chance=0.1, curves=[finished(end) for end in (0.8, 0.85, 0.9, 0.82)]
    )
    poor = estimates_of(finished(0.3, time=1.0).scores, history)
    assert poor[-1].reason == "it is hopeless"
    assert len(poor) < 8
    assert poor[-1].probability < 0.08
    best = estimates_of(finished(0.97).scores, history)
    assert all(estimate.reason != "it is hopeless" for estimate in best)
    assert best[-1].score > 0.9


def test_a_trial_that_rises_late_is_not_hopeless():
    """It is flat for three epochs, like some earlier trials, and then better than all of them."""
    late = Curve(EPOCHS, (0.1,) * 3 + tuple(0.85 - 0.7 * 0.6**i for i in range(17)))
    history = TrialHistory(
        epochs=20, chance=0.1, curves=[finished(0.7), late, finished(0.75), late]
    )
    scores = [0.1, 0.11, 0.1, 0.3, 0.6, 0.8, 0.88, *[0.92] * 13]
    estimates = estimates_of(scores, history)
    assert all(estimate.reason != "it is hopeless" for estimate in estimates)


def test_a_trial_that_never_learns_is_stopped_without_earlier_trials():
    estimates = estimates_of([0.1] * 20, TrialHistory(epochs=20, chance=0.1), doubt=0.1)
    assert estimates[-1].reason == "it is hopeless"
    assert len(estimates) < 20


@pytest.mark.parametrize("doubt", [0.03, 0.3, 1.0])
def test_a_trial_above_the_bar_is_never_hopeless(doubt):
    history = TrialHistory(epochs=20, chance=0.1, curves=[finished(0.5)] * 4)
    estimates = estimates_of(
        finished(0.9).scores, history, doubt=doubt, settled=0.0, sure=0.0, least=10.0
    )
    assert estimates[-1].reason == "20 epochs are over"


def test_a_trial_that_learns_nothing_is_not_among_the_best_even_if_no_trial_has_learned():
    history = TrialHistory(epochs=20, chance=0.1, curves=[Curve(EPOCHS, (0.1,) * 20)] * 6)
    estimates = estimates_of([0.1] * 20, history, settled=0.0)
    assert estimates[-1].reason == "it is hopeless"


def test_without_doubt_no_trial_is_hopeless_and_without_width_none_settles():
    history = TrialHistory(epochs=20, chance=0.1, curves=[finished(0.9)] * 3)
    estimates = estimates_of([0.1] * 20, history, doubt=0.0, settled=0.0, sure=0.0)
    assert len(estimates) == 20
    assert estimates[-1].reason == "20 epochs are over"


def test_at_the_last_epoch_the_measured_score_is_returned():
    estimates = estimates_of(
        [0.1, 0.4, 0.3], TrialHistory(epochs=3, curves=[Curve((1.0,), (0.35,))]), settled=0.0
    )
    assert estimates[-1][:5] == (True, 0.4, 0.4, 0.4, 1.0)


def test_earlier_trials_that_rose_late_make_late_rises_more_probable():
    late = Curve(EPOCHS, (0.1,) * 8 + tuple(0.9 - 0.7 * 0.5**i for i in range(12)))
    plateau = [index for index, shape in enumerate(shapes()) if shape.family == "plateau"]

    def share(weights):
        return weights.reshape(models())[plateau].sum()

    assert share(of_study([late] * 20)) > 1.5 * share(of_study([]))
    assert of_study([late]).sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["keep", "doubt", "settled", "certain", "sure"])
def test_shares_out_of_range_are_refused(name):
    with pytest.raises(SettingsError) as raised:
        Consensus(TrialHistory(epochs=20), **{name: 1.5})
    assert str(raised.value) == f"estimator option {name} is 1.5; expected 0 to 1"


def test_epochs_need_not_be_uniform():
    estimator = Consensus(TrialHistory(epochs=20))
    for epoch, score in ((0.5, 0.1), (3.0, 0.4), (3.25, 0.41), (11.0, 0.6)):
        estimate = estimator.update(epoch, score, None)
    assert estimate.lower <= estimate.score <= estimate.upper
