"""Fit f(x) = a - b^(c-x) to many learning curves at once, exactly.

For a given b the curve is a line, level + slope g(x), where g(x) = (1 - b^(1-x)) / ln b; within the
bounds its best level and slope have a closed form. So b alone is searched: on a grid of ln b, then
between the neighbours of the best. No start is needed, and every curve has a fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lemur_core.errors import SettingsError

Array = NDArray[np.float64]

# The bounds of Rorabaugh et al., PEng4NN (arXiv 2101.04185), on a in percent; b is 1 or more, c 0
# or more.
LEAST_A, MOST_A = 0.5, 102.5
LEAST_POINTS = 3
_GRID = np.geomspace(1e-7, 40, 160)
# Points between two neighbours, and how often these are drawn nearer.
_INNER = np.arange(1, 14) / 14
_SIDES = np.array([-1, 1])
_NARROWINGS, _POLISHINGS = 2, 1
# What differs by no more than this share of the squares is equal; of equals the largest b is taken,
# which claims the least of what is to come.
_EQUAL = 1e-13
# Another valley of the search is looked into where its lowest point on the grid is so near.
_NEAR = 1.3


class Fit(NamedTuple):
    """Fitted curves, each array of shape ``(curves,)``.

    Attributes:
        a: What the curve comes to, in percent.
        b: How fast, 1 or more.
        c: Where, 0 or more.
        residual: The sum of squared differences.
    """

    a: Array
    b: Array
    c: Array
    residual: Array


def fit(x: Array, y: Array) -> Fit:
    """Return the least-squares fit of each curve within the bounds, the best that there is.

    Args:
        x: Where the scores were measured, rising, the first of them 1, shape ``(points,)``.
        y: Scores in percent, shape ``(curves, points)``.

    Raises:
        SettingsError: There are fewer than three points, they do not rise, or one is not a number.
    """
    _check(x, y)
    search = _Search(x - x[0], y)
    log_b = search.best()
    level, slope = (one[:, 0] for one in search.lines(log_b[:, None])[:2])
    u = slope / log_b
    residual = ((search.curves(log_b, level, slope) - y) ** 2).sum(1)
    with np.errstate(over="ignore"):
        b = np.exp(log_b)
    a = np.clip(level + u, LEAST_A, MOST_A)
    return Fit(a, b, np.maximum(0, 1 + np.log(u) / log_b), residual)


def _check(x: Array, y: Array) -> None:
    if len(x) < LEAST_POINTS:
        raise SettingsError(f"a curve of {len(x)} points; expected {LEAST_POINTS} or more")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise SettingsError("a curve has a point that is not a number")
    if (np.diff(x) <= 0).any():
        raise SettingsError("a curve's epochs do not rise; expected each later than the one before")


class _Search:
    """The search over ln b; ``d`` is x - 1, shape ``(points,)``."""

    def __init__(self, d: Array, y: Array) -> None:
        self.d, self.y = d, y
        self.mean = y.mean(1)
        self.centred = y - self.mean[:, None]
        self.squares = (self.centred**2).sum(1)
        self.equal = _EQUAL * (y**2).sum(1)
        # However near two points lie, a curve can be flat from the second on.
        self.grid = _GRID / min(1.0, np.diff(d).min())

    def best(self) -> Array:
        """Return the best ln b of each curve."""
        residual = self._on_grid()
        equal = residual <= (residual.min(1) + self.equal)[:, None]
        cell = len(self.grid) - 1 - equal[:, ::-1].argmax(1)
        everything = np.arange(len(self.y))
        found, least = self._narrowed(cell, residual, everything)
        curve, other = self._other_valleys(residual, cell)
        if len(curve):
            rival, lower = self._narrowed(other, residual[curve], curve)
            # Each curve's deepest valley is written last.
            order = np.argsort(-lower, kind="stable")
            order = order[lower[order] < (least - self.equal)[curve[order]]]
            found[curve[order]] = rival[order]
        return found

    def lines(
        self, log_b: Array, of: NDArray[np.intp] | slice = slice(None)
    ) -> tuple[Array, Array, Array]:
        """Return level, slope and residual of the best line at each ln b.

        Args:
            log_b: Shape ``(curves, tried)``, as what is returned.
            of: Which curves these are.
        """
        g = _rising(log_b[..., None], self.d)
        g_mean = g.mean(2)
        g = g - g_mean[..., None]
        together = (g @ self.centred[of][..., None])[..., 0]
        of_y = (self.mean[of][:, None], self.squares[of][:, None], together)
        return _lines(log_b, len(self.d), (g_mean, (g * g).sum(2)), of_y)

    def curves(self, log_b: Array, level: Array, slope: Array) -> Array:
        """Return the fitted values, shape ``(curves, points)``."""
        return level[:, None] + slope[:, None] * _rising(log_b[:, None], self.d)

    def _on_grid(self) -> Array:
        g = _rising(self.grid[:, None], self.d)
        g_mean = g.mean(1)
        g = g - g_mean[:, None]
        together = self.centred @ g.T
        of_y = (self.mean[:, None], self.squares[:, None], together)
        return _lines(self.grid, len(self.d), (g_mean, (g**2).sum(1)), of_y)[2]

    def _other_valleys(
        self, residual: Array, cell: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        inner = residual[:, 1:-1]
        valley = (inner < residual[:, :-2]) & (inner <= residual[:, 2:])
        valley &= inner <= (_NEAR * residual.min(1) + self.equal)[:, None]
        curve, place = np.nonzero(valley)
        away = np.abs(place + 1 - cell[curve]) > 1
        return curve[away], place[away] + 1

    def _narrowed(
        self, cell: NDArray[np.intp], on_grid: Array, of: NDArray[np.intp]
    ) -> tuple[Array, Array]:
        """Return the best ln b between the neighbours of a point of the grid, and its residual."""
        at, row = np.log(self.grid), np.arange(len(cell))
        low, high = at[np.maximum(cell - 1, 0)], at[np.minimum(cell + 1, len(at) - 1)]
        for _ in range(_NARROWINGS):
            width = (high - low)[:, None]
            tried = low[:, None] + width * _INNER
            residual = self._residual(tried, of)
            lowest = residual.argmin(1)
            best, least = tried[row, lowest], residual[row, lowest]
            step = width[:, 0] * _INNER[0]
            low, high = best - step, best + step
        best, least = self._polished(best, least, step, of)
        at_cell = on_grid[row, cell]
        stays = at_cell <= least + self.equal[of]
        return np.exp(np.where(stays, at[cell], best)), np.where(stays, at_cell, least)

    def _polished(
        self, best: Array, least: Array, step: Array, of: NDArray[np.intp]
    ) -> tuple[Array, Array]:
        """Go to the lowest points of parabolas, where those are lower."""
        for _ in range(_POLISHINGS):
            sides = best[:, None] + step[:, None] * _SIDES
            before, after = self._residual(sides, of).T
            bend = before - 2 * least + after
            bent = bend > 0
            move = np.where(bent, (before - after) / np.where(bent, bend, 1), 0) / 2
            tried = best + np.clip(move, -1, 1) * step
            found = self._residual(tried[:, None], of)[:, 0]
            best, least = np.where(found < least, tried, best), np.minimum(found, least)
            step = step / 16
        return best, least

    def _residual(self, place: Array, of: NDArray[np.intp]) -> Array:
        return self.lines(np.exp(place), of)[2]


def _rising(log_b: Array, d: Array) -> Array:
    return -np.expm1(-log_b * d) / log_b


def _lines(
    log_b: Array, points: int, of_g: tuple[Array, Array], of_y: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array]:
    """Return level, slope and residual of the best lines on g within the bounds.

    Args:
        log_b: ln b.
        points: How many there are.
        of_g: Mean of g, and the sum of its squares around it.
        of_y: Mean of y, likewise, and the sum of the products of both around their means.
    """
    (g_mean, g_squares), (mean, squares, together) = of_g, of_y
    least_u = np.exp(-log_b)

    def residual(level: Array, slope: Array) -> Array:
        off = mean - level - slope * g_mean
        rest = squares + points * off**2 - 2 * slope * together + slope**2 * g_squares
        return np.maximum(rest, 0)

    slope = together / g_squares
    level = mean - slope * g_mean
    a, u = level + slope / log_b, slope / log_b
    inside = (u >= least_u) & (a >= LEAST_A) & (a <= MOST_A)
    best = residual(level, slope)
    if inside.all():
        return level, slope, best
    best = np.where(inside, best, np.inf)
    # On each edge of the bounds: u as small as may be, then a as small and as large.
    a = np.clip(mean - least_u * log_b * g_mean + least_u, LEAST_A, MOST_A)
    edges = [(a, np.broadcast_to(least_u, a.shape))]
    v_mean = 1 - log_b * g_mean
    v_squares = points * v_mean**2 + log_b**2 * g_squares
    for bound in (LEAST_A, MOST_A):
        u = (points * (bound - mean) * v_mean + log_b * together) / v_squares
        edges.append((np.full_like(u, bound), np.maximum(u, least_u)))
    for a, u in edges:
        at_edge = residual(a - u, u * log_b)
        lower = at_edge < best
        best = np.where(lower, at_edge, best)
        level, slope = np.where(lower, a - u, level), np.where(lower, u * log_b, slope)
    return level, slope, best
