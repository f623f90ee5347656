"""Axes of epochs, of times and of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from pandas import Series

_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3))
_NAMES = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds"}
# Values a logarithmic axis of times has ticks at, if they lie on it.
_TICKS = {
    "ms": (1, 10, 100), "s": (1, 10), "min": (1, 10), "h": (1, 10), "d": (1, 10, 100, 1000),
}  # fmt: skip
_DECADES = 20.0
"""Where the greatest time is so many times the least or more, the axis is logarithmic."""


def epoch_axis(ax: Axes) -> None:
    """Make the x axis one of epochs: whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(
        MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10], min_n_ticks=1)
    )


def time_unit(seconds: Series) -> tuple[str, float]:
    """Return the unit in which times are read best, with its length in seconds.

    >>> import pandas as pd
    >>> time_unit(pd.Series([30.0, 7200.0]))
    ('hours', 3600.0)
    """
    greatest = float(seconds.max())
    for unit, length in _UNITS:
        if greatest >= 2 * length:
            return _NAMES[unit], length
    return _NAMES["ms"], 1e-3


def is_wide(seconds: Series) -> bool:
    """Return whether times span so much that only a logarithmic axis shows them all."""
    return bool(seconds.min() > 0 and seconds.max() >= _DECADES * seconds.min())


def log_time_axis(axis: Axis, seconds: Series) -> None:
    """Make an axis, on which times are drawn in seconds, logarithmic, with ticks like "10 min"."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

    low, high = float(seconds.min()) / 1.3, float(seconds.max()) * 1.3
    scale, limits = (
        (axis.axes.set_xscale, axis.axes.set_xlim)
        if axis.axis_name == "x"
        else (axis.axes.set_yscale, axis.axes.set_ylim)
    )
    scale("log")
    limits(low, high)
    ticks = {count * length: f"{count} {unit}" for unit, length in _UNITS for count in _TICKS[unit]}
    shown = {at: text for at, text in sorted(ticks.items()) if low <= at <= high}
    if not shown:
        # Nothing round lies between them.
        name, length = time_unit(seconds)
        middle = float(seconds.median())
        shown = {middle: f"{middle / length:.3g} {name}"}
    axis.set_major_locator(FixedLocator(list(shown)))
    axis.set_ticklabels(list(shown.values()))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
