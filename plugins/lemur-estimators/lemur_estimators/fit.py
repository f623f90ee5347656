"""Fit f(x) = a - b^(c-x) to many learning curves at once, exactly.

For a given b, the curve is linear in g(x) = (1 - b^(1-x)) / ln b: level + slope g(x). The best
level and slope within the bounds have a closed form, so only b is searched: on a grid of ln b, then
between the neighbours of the best grid point. No starting point is needed, and every fit succeeds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lemur_core.errors import SettingsError

Array = NDArray[np.float64]

# The bounds of a, in percent, in Rorabaugh et al., PEng4NN (arXiv 2101.04185). b is 1 or more and
# c is 0 or more.
LEAST_A, MOST_A = 0.5, 102.5
LEAST_POINTS = 3
_GRID = np.geomspace(1e-7, 40, 160)
# The points tested between two neighbours, and how often the interval is narrowed.
_INNER = np.arange(1, 14) / 14
_SIDES = np.array([-1, 1])
_NARROWINGS, _POLISHINGS = 2, 1
# Residuals are equal if they differ by at most this share of the sum of squares. Of equal fits, the
# one with the largest b is used, because it predicts the smallest further rise.
_EQUAL = 1e-13
# Another local minimum on the grid is also searched if its residual is at most this many times the
# least residual.
_NEAR = 1.3


class CurveFit(NamedTuple):
    """The parameters of fitted curves, each an array of shape ``(curves,)``.

    Attributes:
        a: The limit of the curve, in percent.
        b: The rate of convergence, 1 or more.
        c: The horizontal position, 0 or more.
        residual: The sum of squared residuals.
    """

    a: Array
    b: Array
    c: Array
    residual: Array


def fit(x: Array, y: Array) -> CurveFit:
    """Return the globally best least-squares fit of each curve within the bounds.

    Args:
        x: The positions of the scores, increasing, the first of them 1, shape ``(points,)``.
        y: The scores in percent, shape ``(curves, points)``.

    Raises:
        SettingsError: There are fewer than three points, ``x`` does not increase, or a value is not
            finite.
    """
    _check(x, y)
    search = _Search(x - x[0], y)
    log_b = search.best()
    level, slope = (values[:, 0] for values in search.lines(log_b[:, None])[:2])
    u = slope / log_b
    residual = ((search.curves(log_b, level, slope) - y) ** 2).sum(1)
    with np.errstate(over="ignore"):
        b = np.exp(log_b)
    a = np.clip(level + u, LEAST_A, MOST_A)
    return CurveFit(a, b, np.maximum(0, 1 + np.log(u) / log_b), residual)


def _check(x: Array, y: Array) -> None:
    if len(x) < LEAST_POINTS:
        raise SettingsError(f"a curve of {len(x)} points; expected {LEAST_POINTS} or more")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise SettingsError("a curve has a point that is not a number")
    if (np.diff(x) <= 0).any():
        raise SettingsError("a curve's epochs do not rise; expected each later than the one before")


class _Search:
    """The search for the best ln b; ``d`` is x - 1, shape ``(points,)``."""

    def __init__(self, d: Array, y: Array) -> None:
        self.d, self.y = d, y
        self.mean = y.mean(1)
        self.centred = y - self.mean[:, None]
        self.squares = (self.centred**2).sum(1)
        self.equal = _EQUAL * (y**2).sum(1)
        # Even if two points are very close, a curve may be flat from the second one on.
        self.grid = _GRID / min(1.0, np.diff(d).min())

    def best(self) -> Array:
        """Return the best ln b of each curve, shape ``(curves,)``."""
        residual = self._on_grid()
        equal = residual <= (residual.min(1) + self.equal)[:, None]
        cell = len(self.grid) - 1 - equal[:, ::-1].argmax(1)
        best, least = self._narrowed(cell, residual, np.arange(len(self.y)))
        curve, other = self._other_valleys(residual, cell)
        if len(curve):
            rival, lower = self._narrowed(other, residual[curve], curve)
            # Sort so that the lowest minimum of each curve is assigned last.
            order = np.argsort(-lower, kind="stable")
            order = order[lower[order] < (least - self.equal)[curve[order]]]
            best[curve[order]] = rival[order]
        return best

    def lines(
        self, log_b: Array, curves: NDArray[np.intp] | slice = slice(None)
    ) -> tuple[Array, Array, Array]:
        """Return level, slope and residual of the best line at each ln b.

        Args:
            log_b: Values of ln b, shape ``(curves, values)``, which the results also have.
            curves: The indices of these curves.
        """
        g = _rising(log_b[..., None], self.d)
        g_mean = g.mean(2)
        g = g - g_mean[..., None]
        products = (g @ self.centred[curves][..., None])[..., 0]
        y_moments = (self.mean[curves][:, None], self.squares[curves][:, None], products)
        return _lines(log_b, len(self.d), (g_mean, (g * g).sum(2)), y_moments)

    def curves(self, log_b: Array, level: Array, slope: Array) -> Array:
        """Return the fitted values, shape ``(curves, points)``."""
        return level[:, None] + slope[:, None] * _rising(log_b[:, None], self.d)

    def _on_grid(self) -> Array:
        g = _rising(self.grid[:, None], self.d)
        g_mean = g.mean(1)
        g = g - g_mean[:, None]
        products = self.centred @ g.T
        y_moments = (self.mean[:, None], self.squares[:, None], products)
        return _lines(self.grid, len(self.d), (g_mean, (g**2).sum(1)), y_moments)[2]

    def _other_valleys(
        self, residual: Array, cell: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        inner = residual[:, 1:-1]
        valley = (inner < residual[:, :-2]) & (inner <= residual[:, 2:])
        valley &= inner <= (_NEAR * residual.min(1) + self.equal)[:, None]
        curve, index = np.nonzero(valley)
        distant = np.abs(index + 1 - cell[curve]) > 1
        return curve[distant], index[distant] + 1

    def _narrowed(
        self, cell: NDArray[np.intp], on_grid: Array, curves: NDArray[np.intp]
    ) -> tuple[Array, Array]:
        """Return the best ln b between the neighbours of a grid point, and its residual."""
        logs, row = np.log(self.grid), np.arange(len(cell))
        low, high = logs[np.maximum(cell - 1, 0)], logs[np.minimum(cell + 1, len(logs) - 1)]
        for _ in range(_NARROWINGS):
            width = (high - low)[:, None]
            candidates = low[:, None] + width * _INNER
            residual = self._residual(candidates, curves)
            lowest = residual.argmin(1)
            best, least = candidates[row, lowest], residual[row, lowest]
            step = width[:, 0] * _INNER[0]
            low, high = best - step, best + step
        best, least = self._polished(best, least, step, curves)
        at_cell = on_grid[row, cell]
        stays = at_cell <= least + self.equal[curves]
        return np.exp(np.where(stays, logs[cell], best)), np.where(stays, at_cell, least)

    def _polished(
        self, best: Array, least: Array, step: Array, curves: NDArray[np.intp]
    ) -> tuple[Array, Array]:
        """Move to the minima of interpolating parabolas, if the residuals are lower there."""
        for _ in range(_POLISHINGS):
            sides = best[:, None] + step[:, None] * _SIDES
            before, after = self._residual(sides, curves).T
            curvature = before - 2 * least + after
            convex = curvature > 0
            move = np.where(convex, (before - after) / np.where(convex, curvature, 1), 0) / 2
            candidate = best + np.clip(move, -1, 1) * step
            residual = self._residual(candidate[:, None], curves)[:, 0]
            best = np.where(residual < least, candidate, best)
            least = np.minimum(residual, least)
            step = step / 16
        return best, least

    def _residual(self, log_log_b: Array, curves: NDArray[np.intp]) -> Array:
        return self.lines(np.exp(log_log_b), curves)[2]


def _rising(log_b: Array, d: Array) -> Array:
    return -np.expm1(-log_b * d) / log_b


def _lines(
    log_b: Array, points: int, g_moments: tuple[Array, Array], y_moments: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array]:
    """Return level, slope and residual of the best lines in g within the bounds.

    Args:
        log_b: ln b.
        points: The number of points of a curve.
        g_moments: The mean of g, and the sum of its squared deviations from the mean.
        y_moments: The same for y, and the sum of the products of both deviations.
    """
    (g_mean, g_squares), (mean, squares, products) = g_moments, y_moments
    least_u = np.exp(-log_b)

    def residual(level: Array, slope: Array) -> Array:
        offset = mean - level - slope * g_mean
        total = squares + points * offset**2 - 2 * slope * products + slope**2 * g_squares
        return np.maximum(total, 0)

    slope = products / g_squares
    level = mean - slope * g_mean
    a, u = level + slope / log_b, slope / log_b
    inside = (u >= least_u) & (a >= LEAST_A) & (a <= MOST_A)
    best = residual(level, slope)
    if inside.all():
        return level, slope, best
    best = np.where(inside, best, np.inf)
    # The edges of the bounds: u at its minimum, then a at its minimum and at its maximum.
    a = np.clip(mean - least_u * log_b * g_mean + least_u, LEAST_A, MOST_A)
    edges = [(a, np.broadcast_to(least_u, a.shape))]
    v_mean = 1 - log_b * g_mean
    v_squares = points * v_mean**2 + log_b**2 * g_squares
    for bound in (LEAST_A, MOST_A):
        u = (points * (bound - mean) * v_mean + log_b * products) / v_squares
        edges.append((np.full_like(u, bound), np.maximum(u, least_u)))
    for a, u in edges:
        at_edge = residual(a - u, u * log_b)
        lower = at_edge < best
        best = np.where(lower, at_edge, best)
        level, slope = np.where(lower, a - u, level), np.where(lower, u * log_b, slope)
    return level, slope, best
