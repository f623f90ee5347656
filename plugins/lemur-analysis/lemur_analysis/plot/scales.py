"""Axes for epochs, times and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from pandas import DataFrame, Series

_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3))
_NAMES = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds"}
# Candidate ticks of a logarithmic time axis.
_TICKS = {
    "ms": (1, 10, 100), "s": (1, 10), "min": (1, 10), "h": (1, 10), "d": (1, 10, 100, 1000),
}  # fmt: skip
_DECADES = 20.0
"""The axis is logarithmic if the longest time is at least this many times the shortest."""


def epoch_axis(ax: Axes) -> None:
    """Format the x axis for epochs, with ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(
        MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10], min_n_ticks=1)
    )


def score_label(frame: DataFrame) -> str:
    """Return the label of a score axis, which includes the metric if there is only one."""
    metrics = frame["metric"].dropna().unique() if "metric" in frame.columns else []
    return f"score ({label(metrics[0])})" if len(metrics) == 1 else "score"


def time_axis(axis: Axis, seconds: Series, text: str) -> float:
    """Format an axis for times; use a logarithmic scale if they span a wide range.

    Args:
        axis: The axis.
        seconds: The times to draw, in seconds.
        text: Label of the axis, without the unit.

    Returns:
        The unit of the axis in seconds; divide the times by it before drawing.
    """
    if is_wide(seconds):
        log_time_axis(axis, seconds)
        axis.set_label_text(f"{text} (logarithmic)")
        return 1.0
    name, length = time_unit(seconds)
    axis.set_label_text(f"{text} ({name})")
    return length


def time_unit(seconds: Series) -> tuple[str, float]:
    """Return the name and length in seconds of a suitable unit for times.

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
    """Return whether times span a range that needs a logarithmic axis."""
    return bool(seconds.min() > 0 and seconds.max() >= _DECADES * seconds.min())


def log_time_axis(axis: Axis, seconds: Series) -> None:
    """Make a time axis in seconds logarithmic, with tick labels like "10 min"."""
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
        # Labels closer than a tenth of the axis would overlap.
        if low <= at <= high and (not shown or at / max(shown) > (high / low) ** 0.1):
            shown[at] = text
    if not shown:
        # No candidate tick lies within the limits.
        name, length = time_unit(seconds)
        middle = float(seconds.median())
        shown = {middle: f"{middle / length:.3g} {name}"}
    axis.set_major_locator(FixedLocator(list(shown)))
    axis.set_ticklabels(list(shown.values()))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
