"""How much a curve's first scores speak for each model, and what they then say of the last.

A model is a shape with a prior on its gain and a size of its noise. Start and gain have normal
priors, so that the evidence, and what is predicted, have closed forms. What is predicted of a curve
is the mixture of all models.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from lemur_estimators.models import Array, logit, score_of, values

# Of the gain in logits: mean and standard deviation.
GAINS = np.array([(0.15, 0.15), (0.5, 0.3), (1.2, 0.5), (2.5, 1.0), (5.0, 2.0)])
NOISES = np.array([0.01, 0.02, 0.04, 0.08, 0.16, 0.32])
_START, _START_SPREAD = -0.5, 2.0
# Noise that lasts makes neighbouring scores say the same: each counts for so much of one.
_COUNTS_FOR = 0.5
# What no model knows grows with the time that is left, in logits.
_DRIFT = 0.1
# Models that are taken into account for one prediction: those with the most evidence.
_TAKEN = 96
# Points between the present score and the highest that is possible; nearer to the present closer.
PLACES = np.linspace(0, 1, 49) ** 2


class Posterior(NamedTuple):
    """What a curve's first scores say.

    Attributes:
        weights: Probability of each model, shape ``(curves, models)``.
        means: Logit that each model predicts for the last epoch, likewise.
        spreads: Standard deviations, shape ``(models,)``.
        now: The highest score so far, 0 to 1, shape ``(curves,)``.
    """

    weights: Array
    means: Array
    spreads: Array
    now: Array


class Outlook(NamedTuple):
    """The final score, as a distribution for each curve.

    Attributes:
        scores: Rising, 0 to 1, shape ``(curves, places)``; the first is the highest so far.
        below: Probability that the final score is at most each, likewise.
    """

    scores: Array
    below: Array

    def quantile(self, share: float) -> Array:
        """Return what the final score is at most with a probability, shape ``(curves,)``."""
        pairs = zip(self.scores, self.below, strict=True)
        return np.array([np.interp(share, below, scores) for scores, below in pairs])

    def interval(self) -> tuple[float, float, float]:
        """Return where the first curve's final score lies with a probability of 0.9.

        Returns:
            The lower end, the median and the upper end, 0 to 1.
        """
        lower, middle, upper = (float(self.quantile(share)[0]) for share in (0.05, 0.5, 0.95))
        return lower, middle, upper

    def above(self, score: float) -> Array:
        """Return the probability that the final score is higher than one, shape ``(curves,)``."""
        pairs = zip(self.scores, self.below, strict=True)
        return np.array(
            [1 - np.interp(score, scores, below, left=0, right=1) for scores, below in pairs]
        )

    def tilted(self, bar: float, odds: float) -> Outlook:
        """Return the first curve's distribution with other odds of more than a score.

        Args:
            bar: The score, 0 to 1.
            odds: How many times higher they become, above 0.
        """
        scores, below = self.scores[0], self.below[0]
        under = float(np.interp(bar, scores, below, left=0, right=1))
        if not 0 < under < 1:
            return self
        now = under / (under + odds * (1 - under))
        place = np.searchsorted(scores, bar)
        scores, below = np.insert(scores, place, bar), np.insert(below, place, under)
        within = below * now / under
        beyond = 1 - (1 - below) * (1 - now) / (1 - under)
        return Outlook(scores[None], np.where(scores <= bar, within, beyond)[None])

    def mixed(self, other: Outlook, share: float) -> Outlook:
        """Return the distribution that is ``other`` with a probability of ``share``, else this."""
        scores = np.sort(np.concatenate((self.scores, other.scores), axis=1))
        below = [
            (1 - share) * np.interp(at, here, low, right=1)
            + share * np.interp(at, there, less, right=1)
            for at, here, low, there, less in zip(scores, *self, *other, strict=True)
        ]
        return Outlook(scores, np.stack(below))


def models() -> tuple[int, int, int]:
    """Return how many shapes, gains and noises there are; a model is one of each."""
    return len(values(np.ones(1))), len(GAINS), len(NOISES)


class Horizon:
    """What is the same for all curves that were measured at the same epochs.

    Args:
        epochs: When the scores were measured, in epochs, rising, above 0, shape ``(epochs,)``.
        last: The epoch whose score is predicted.
    """

    def __init__(self, epochs: Array, last: float) -> None:
        self.shapes, count = values(epochs), len(epochs)
        gain, spread = GAINS.T
        # Axes: shape, gain, noise.
        self.gain = np.broadcast_to(gain, (len(self.shapes), len(GAINS))).copy()
        variance = np.broadcast_to(spread**2, self.gain.shape).copy()
        # What is flat gains nothing, whatever its prior.
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
        """Return what curves say.

        Args:
            highest: The highest score by each epoch, 0 to 1, shape ``(curves, epochs)``.
            log_prior: Of each model, shape ``(models,)``.
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
    """Return how the final score is distributed; it is never below the highest so far."""
    count = posterior.weights.shape[1]
    chosen = np.argpartition(posterior.weights, count - _TAKEN, axis=1)[:, -_TAKEN:]
    weights = np.take_along_axis(posterior.weights, chosen, axis=1)
    weights /= weights.sum(1)[:, None]
    means = np.take_along_axis(posterior.means, chosen, axis=1)
    spreads = posterior.spreads[chosen]
    now = logit(posterior.now)
    top = np.maximum(now + 0.05, np.where(weights > 1e-4, means + 3 * spreads, now[:, None]).max(1))
    places = now[:, None] + PLACES * (top - now)[:, None]
    away = (places[:, :, None] - means[:, None, :]) / spreads[:, None, :]
    below = (ndtr(away) @ weights[:, :, None])[..., 0]
    scores = np.maximum(score_of(places), posterior.now[:, None])
    return Outlook(scores, below)
