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


def said_of(scores, known, every=1.0, losses=None, **options):
    estimator = Consensus(known, **options)
    found = []
    for i, score in enumerate(scores):
        found.append(estimator.update((i + 1) * every, score, losses[i] if losses else None))
        if found[-1].converged:
            break
    return found


def test_shapes_rise_from_nothing_to_their_gain():
    grid = np.linspace(1, 50, 200)
    found = values(grid)
    assert found[:, 0] == pytest.approx(0, abs=1e-12)
    assert (np.diff(found, axis=1) >= -1e-12).all()
    # What begins after a plateau is on its way still.
    for shape, last in zip(shapes()[1:], found[1:, -1], strict=True):
        assert last == pytest.approx(1) or shape.family == "plateau"
    families = {"exponential", "power", "logarithm", "log-power", "weibull", "hill", "plateau"}
    assert {shape.family for shape in shapes()} == families | {"flat"}


def test_logits_and_scores_are_inverse():
    scores = np.array([0.1, 0.5, 0.99])
    assert score_of(logit(scores)) == pytest.approx(scores)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()


def test_evidence_and_prediction_are_those_of_a_normal_distribution():
    """With SciPy's multivariate normal: start, gain and noise written out as one covariance."""
    epochs, last = np.array([1.0, 2.0, 4.0, 5.0]), 12.0
    highest = np.array([0.2, 0.35, 0.5, 0.52])
    uniform = np.zeros(math.prod(models()))
    found = Horizon(epochs, last).posterior(highest[None], uniform)
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
        place = np.ravel_multi_index((shape, gain, noise), models())
        assert found.means[0, place] == pytest.approx(expected)
        left = signal[4, 4] - signal[4, :4] @ np.linalg.solve(spread, signal[:4, 4])
        drift = evidence._DRIFT**2 * math.log(12 / 5)
        assert found.spreads[place] ** 2 == pytest.approx(left + NOISES[noise] ** 2 / 2 + drift)
    places = np.ravel_multi_index(np.transpose(chosen), models())
    weights = found.weights[0, places]
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


def test_a_steady_curve_is_foretold():
    """Half of what is to come, with an interval that holds it."""
    truth = finished(0.8, time=4.0)
    said = said_of(truth.scores[:8], TrialHistory(epochs=20), settled=0.0, doubt=0.0)[-1]
    assert said.lower <= truth.final <= said.upper
    assert said.score == pytest.approx(truth.final, abs=0.05)


def test_the_hopeless_are_ended_early_and_the_promising_are_not():
    known = TrialHistory(
        epochs=20, chance=0.1, curves=[finished(end) for end in (0.8, 0.85, 0.9, 0.82)]
    )
    poor = said_of(finished(0.3, time=1.0).scores, known)
    assert poor[-1].reason == "it is hopeless"
    assert len(poor) < 8
    assert poor[-1].probability < 0.08
    best = said_of(finished(0.97).scores, known)
    assert all(one.reason != "it is hopeless" for one in best)
    assert best[-1].score > 0.9


def test_a_late_bloomer_is_not_lost():
    """Flat for three epochs, as some in the study were before, and then better than all."""
    late = Curve(EPOCHS, (0.1,) * 3 + tuple(0.85 - 0.7 * 0.6**i for i in range(17)))
    known = TrialHistory(epochs=20, chance=0.1, curves=[finished(0.7), late, finished(0.75), late])
    scores = [0.1, 0.11, 0.1, 0.3, 0.6, 0.8, 0.88, *[0.92] * 13]
    assert all(one.reason != "it is hopeless" for one in said_of(scores, known))


def test_what_never_learns_is_ended_alone():
    said = said_of([0.1] * 20, TrialHistory(epochs=20, chance=0.1), doubt=0.1)
    assert said[-1].reason == "it is hopeless"
    assert len(said) < 20


@pytest.mark.parametrize("doubt", [0.03, 0.3, 1.0])
def test_what_is_above_the_bar_is_never_hopeless_however_long_it_was_trained(doubt):
    known = TrialHistory(epochs=20, chance=0.1, curves=[finished(0.5)] * 4)
    said = said_of(finished(0.9).scores, known, doubt=doubt, settled=0.0, sure=0.0, least=10.0)
    assert said[-1].reason == "20 epochs are over"


def test_what_learns_nothing_is_not_among_the_best_where_nothing_learned():
    known = TrialHistory(epochs=20, chance=0.1, curves=[Curve(EPOCHS, (0.1,) * 20)] * 6)
    said = said_of([0.1] * 20, known, settled=0.0)
    assert said[-1].reason == "it is hopeless"


def test_without_doubt_nothing_is_hopeless_and_without_width_nothing_settles():
    known = TrialHistory(epochs=20, chance=0.1, curves=[finished(0.9)] * 3)
    said = said_of([0.1] * 20, known, doubt=0.0, settled=0.0, sure=0.0)
    assert len(said) == 20
    assert said[-1].reason == "20 epochs are over"


def test_at_the_last_epoch_what_was_measured_is_said():
    said = said_of(
        [0.1, 0.4, 0.3], TrialHistory(epochs=3, curves=[Curve((1.0,), (0.35,))]), settled=0.0
    )
    assert said[-1][:5] == (True, 0.4, 0.4, 0.4, 1.0)


def test_a_study_whose_curves_bloom_late_makes_late_blooming_more_probable():
    late = Curve(EPOCHS, (0.1,) * 8 + tuple(0.9 - 0.7 * 0.5**i for i in range(12)))
    plateau = [place for place, shape in enumerate(shapes()) if shape.family == "plateau"]

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
        said = estimator.update(epoch, score, None)
    assert said.lower <= said.score <= said.upper
