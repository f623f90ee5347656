"""Axes of epochs, of times and of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from pandas import DataFrame, Series

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


def score_label(frame: DataFrame) -> str:
    """Return the label of an axis of scores, which names the metric if there is one only."""
    metrics = frame["metric"].dropna().unique() if "metric" in frame.columns else []
    return f"score ({label(metrics[0])})" if len(metrics) == 1 else "score"


def time_axis(axis: Axis, seconds: Series, text: str) -> float:
    """Make an axis one of times, logarithmic where they span decades.

    Args:
        axis: The axis.
        seconds: The times that are drawn.
        text: What they are.

    Returns:
        The length of the axis's unit in seconds: what times are divided by to be drawn.
    """
    if is_wide(seconds):
        log_time_axis(axis, seconds)
        axis.set_label_text(f"{text} (logarithmic)")
        return 1.0
    name, length = time_unit(seconds)
    axis.set_label_text(f"{text} ({name})")
    return length


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
        if axis is axis.axes.xaxis
        else (axis.axes.set_yscale, axis.axes.set_ylim)
    )
    scale("log")
    limits(low, high)
    ticks = {count * length: f"{count} {unit}" for unit, length in _UNITS for count in _TICKS[unit]}
    shown: dict[float, str] = {}
    for at, text in sorted(ticks.items()):
        # Closer than a tenth of the axis to the one before, their texts would overlap.
        if low <= at <= high and (not shown or at / max(shown) > (high / low) ** 0.1):
            shown[at] = text
    if not shown:
        # Nothing round lies between them.
        name, length = time_unit(seconds)
        middle = float(seconds.median())
        shown = {middle: f"{middle / length:.3g} {name}"}
    axis.set_major_locator(FixedLocator(list(shown)))
    axis.set_ticklabels(list(shown.values()))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
