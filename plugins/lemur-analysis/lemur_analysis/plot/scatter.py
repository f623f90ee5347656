"""Scatter plots of score against time and epoch, one point per record (LEMUR, figures 3 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import seconds
from lemur_analysis.plot.figure import Panel, complete, figure
from lemur_analysis.plot.scales import epoch_axis, score_label, time_axis
from lemur_analysis.plot.style import FigureStyle, add_legend, styles_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame, Series

MOST_VECTORS = 1000
"""With more records than this, points and lines are rasterised."""
_BY_TASK = ("task", "metric")
_TIME = "time since training began"


@figure(needs=("nn", "accuracy", "duration"))
def score_time(panel: Panel) -> None:
    """Draw each record's score against the time since its training began, by net."""
    _against_time(panel, "nn", panel.styles)


@figure(needs=("dataset", "accuracy", "duration"), panels=_BY_TASK)
def score_time_by_task(panel: Panel) -> None:
    """Draw each record's score against the time since its training began, by dataset.

    Each panel shows all datasets of a task and metric (LEMUR, figure 3).
    """
    _against_time(panel, "dataset", styles_of(panel.frame, "dataset"))


@figure(needs=("nn", "epoch", "accuracy"))
def score_epoch(panel: Panel) -> None:
    """Draw each record's score against its epoch, by net."""
    _against_epoch(panel, "nn", panel.styles)


@figure(needs=("dataset", "epoch", "accuracy"), panels=_BY_TASK)
def score_epoch_by_task(panel: Panel) -> None:
    """Draw each record's score against its epoch, by dataset.

    Each panel shows all datasets of a task and metric (LEMUR, figure 4).
    """
    _against_epoch(panel, "dataset", styles_of(panel.frame, "dataset"))


def _against_time(panel: Panel, by: str, styles: Mapping[Any, FigureStyle]) -> None:
    frame = complete(panel.ax, panel.frame, "accuracy", "duration", by)
    times = seconds(frame)
    unit = time_axis(panel.ax.xaxis, times, _TIME)
    _points(panel, frame, times / unit, by, styles)


def _against_epoch(panel: Panel, by: str, styles: Mapping[Any, FigureStyle]) -> None:
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", by)
    _points(panel, frame, frame["epoch"], by, styles)
    epoch_axis(panel.ax)


def _points(
    panel: Panel, frame: DataFrame, x: Series, by: str, styles: Mapping[Any, FigureStyle]
) -> None:
    """Draw one point per record; the best nets, or the rarest datasets, are drawn on top."""
    many = len(frame) > MOST_VECTORS
    common_style: dict[str, Any] = {
        "linestyle": "",
        "alpha": 0.5 if many else 0.8,
        "rasterized": many,
    }
    groups = frame.groupby(by, observed=True).indices
    for name in sorted(groups, key=lambda name: styles[name].rank, reverse=by == "nn"):
        style, rows = styles[name], groups[name]
        size = 2.2 if len(frame) > 10 * MOST_VECTORS else 3
        points: dict[str, Any] = style.points | {"markersize": size, "color": style.color}
        panel.ax.plot(x.iloc[rows], frame["accuracy"].iloc[rows], **points, **common_style)
    panel.ax.set_ylabel(score_label(frame))
    title = "net" if by == "nn" else "dataset"
    add_legend(panel.ax, styles, groups, title=title, shape="points")
