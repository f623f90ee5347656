"""The evidence of a curve's first scores for each model, and the predicted final score.

A model is a shape, a prior of its gain, and a level of noise. Start and gain have normal priors;
therefore the evidence and the prediction of a model have closed forms. The prediction for a curve
is the mixture of the predictions of all models.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from lemur_estimators.models import Array, logit, score_of, values

# The priors of the gain, in logits: mean and standard deviation.
GAINS = np.array([(0.15, 0.15), (0.5, 0.3), (1.2, 0.5), (2.5, 1.0), (5.0, 2.0)])
NOISES = np.array([0.01, 0.02, 0.04, 0.08, 0.16, 0.32])
_START, _START_SPREAD = -0.5, 2.0
# The noise of neighbouring scores is correlated, so each score counts only partly.
_COUNTS_FOR = 0.5
# Additional uncertainty, in logits, which grows with the remaining time.
_DRIFT = 0.1
# The number of models with the highest probability that are used for a prediction.
_TAKEN = 96
# Points between the present score (0) and the highest possible score (1), denser near the present.
PLACES = np.linspace(0, 1, 49) ** 2


class Posterior(NamedTuple):
    """The probabilities and predictions of the models, given the first scores of some curves.

    Attributes:
        weights: The probability of each model, shape ``(curves, models)``.
        means: The logit that each model predicts for the last epoch, same shape.
        spreads: The standard deviations of these predictions, shape ``(models,)``.
        now: The highest score so far, 0 to 1, shape ``(curves,)``.
    """

    weights: Array
    means: Array
    spreads: Array
    now: Array


class Outlook(NamedTuple):
    """The distribution of the final score of each curve.

    Attributes:
        scores: Increasing scores, 0 to 1, shape ``(curves, places)``; the first is the highest so
            far.
        below: The probability that the final score is at most each of these, same shape.
    """

    scores: Array
    below: Array

    def quantile(self, share: float) -> Array:
        """Return the quantile of the final score, shape ``(curves,)``."""
        pairs = zip(self.scores, self.below, strict=True)
        return np.array([np.interp(share, below, scores) for scores, below in pairs])

    def interval(self) -> tuple[float, float, float]:
        """Return the 90 % interval of the final score of the first curve.

        Returns:
            The lower bound, the median and the upper bound, 0 to 1.
        """
        lower, middle, upper = (float(self.quantile(share)[0]) for share in (0.05, 0.5, 0.95))
        return lower, middle, upper

    def above(self, score: float) -> Array:
        """Return the probability that the final score is above ``score``, shape ``(curves,)``."""
        pairs = zip(self.scores, self.below, strict=True)
        return np.array(
            [1 - np.interp(score, scores, below, left=0, right=1) for scores, below in pairs]
        )

    def tilted(self, bar: float, odds: float) -> Outlook:
        """Return the first curve's distribution with changed odds of exceeding a score.

        Args:
            bar: The score to exceed, 0 to 1.
            odds: The factor by which the odds change, above 0.
        """
        scores, below = self.scores[0], self.below[0]
        under = float(np.interp(bar, scores, below, left=0, right=1))
        if not 0 < under < 1:
            return self
        changed = under / (under + odds * (1 - under))
        index = np.searchsorted(scores, bar)
        scores, below = np.insert(scores, index, bar), np.insert(below, index, under)
        up_to_bar = below * changed / under
        beyond = 1 - (1 - below) * (1 - changed) / (1 - under)
        return Outlook(scores[None], np.where(scores <= bar, up_to_bar, beyond)[None])

    def mixed(self, other: Outlook, share: float) -> Outlook:
        """Return a mixture of both distributions, in which ``other`` has the weight ``share``."""
        scores = np.sort(np.concatenate((self.scores, other.scores), axis=1))
        below = [
            (1 - share) * np.interp(points, first, first_below, right=1)
            + share * np.interp(points, second, second_below, right=1)
            for points, first, first_below, second, second_below in zip(
                scores, *self, *other, strict=True
            )
        ]
        return Outlook(scores, np.stack(below))


def models() -> tuple[int, int, int]:
    """Return the numbers of shapes, gains and noises; a model is a combination of one of each."""
    return len(values(np.ones(1))), len(GAINS), len(NOISES)


class Horizon:
    """The computations that all curves measured at the same epochs have in common.

    Args:
        epochs: The epochs at which the scores were measured, increasing, above 0, shape
            ``(epochs,)``.
        last: The epoch whose score is predicted.
    """

    def __init__(self, epochs: Array, last: float) -> None:
        self.shapes, count = values(epochs), len(epochs)
        gain, spread = GAINS.T
        # The axes of the arrays below are shape, gain, noise.
        self.gain = np.broadcast_to(gain, (len(self.shapes), len(GAINS))).copy()
        variance = np.broadcast_to(spread**2, self.gain.shape).copy()
        # The flat shape gains nothing, whatever the prior.
        self.gain[0], variance[0] = 0, 1e-8
        noise = NOISES**2
        self.sum, self.squares = self.shapes.sum(1), (self.shapes**2).sum(1)
        of_start = 1 / _START_SPREAD**2 + count / noise
        both = self.sum[:, None, None] / noise
        of_gain = 1 / variance[:, :, None] + self.squares[:, None, None] / noise
        determinant = of_start * of_gain - both**2
        at_last = values(np.array([last]))[:, 0][:, None, None]
        self.at_last = at_last
        self.noise = noise
        self.start_by_level = of_gain / (determinant * noise)
        self.by_both = both / (determinant * noise)
        self.gain_by_rise = of_start / (determinant * noise)
        self.constant = -0.5 * (
            count * np.log(noise) + np.log(determinant) + np.log(variance)[:, :, None]
        )
        drift = _DRIFT**2 * np.log(max(1.0, last / epochs[-1]))
        left = (of_gain - 2 * both * at_last + of_start * at_last**2) / determinant
        self.spreads = np.sqrt(left + noise / 2 + drift).ravel()

    def posterior(self, highest: Array, log_prior: Array) -> Posterior:
        """Return the probabilities and predictions of the models for some curves.

        Args:
            highest: The highest score up to each epoch, 0 to 1, shape ``(curves, epochs)``.
            log_prior: The logarithm of each model's prior probability, shape ``(models,)``.
        """
        off = logit(highest) - _START
        level = off.sum(1)[:, None, None] - (self.gain * self.sum[:, None])
        with_shape = (off @ self.shapes.T)[:, :, None]
        rise = with_shape - self.gain * self.squares[:, None]
        squares = (
            (off**2).sum(1)[:, None, None]
            - 2 * self.gain * with_shape
            + self.gain**2 * self.squares[:, None]
        )
        level, rise = level[..., None], rise[..., None]
        start = self.start_by_level * level - self.by_both * rise
        gain = self.gain_by_rise * rise - self.by_both * level
        misfit = (squares[..., None] - level * start - rise * gain) / self.noise
        evidence = self.constant - 0.5 * misfit
        means = _START + start + (self.gain[..., None] + gain) * self.at_last
        curves = len(highest)
        logs = _COUNTS_FOR * evidence.reshape(curves, -1) + log_prior
        weights = np.exp(logs - logs.max(1)[:, None])
        weights /= weights.sum(1)[:, None]
        return Posterior(weights, means.reshape(curves, -1), self.spreads, highest[:, -1])


def outlook(posterior: Posterior) -> Outlook:
    """Return the distribution of the final score, which is never below the highest so far."""
    count = posterior.weights.shape[1]
    chosen = np.argpartition(posterior.weights, count - _TAKEN, axis=1)[:, -_TAKEN:]
    weights = np.take_along_axis(posterior.weights, chosen, axis=1)
    weights /= weights.sum(1)[:, None]
    means = np.take_along_axis(posterior.means, chosen, axis=1)
    spreads = posterior.spreads[chosen]
    now = logit(posterior.now)
    top = np.maximum(now + 0.05, np.where(weights > 1e-4, means + 3 * spreads, now[:, None]).max(1))
    points = now[:, None] + PLACES * (top - now)[:, None]
    deviations = (points[:, :, None] - means[:, None, :]) / spreads[:, None, :]
    below = (ndtr(deviations) @ weights[:, :, None])[..., 0]
    scores = np.maximum(score_of(points), posterior.now[:, None])
    return Outlook(scores, below)
