"""Box plots of the scores at each epoch (LEMUR, figure 7)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.figure import Panel, add_note, complete, figure, note_epochs
from lemur_analysis.plot.scales import epoch_axis, score_label
from lemur_analysis.plot.scatter import MOST_VECTORS
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from pandas import DataFrame, Series

MOST_BOXES = 60
"""Maximum number of boxes per panel; with more epochs, each box covers several epochs."""
_COLOUR, _FILL = "#0173b2", "#cfe3f1"


@figure(needs=("epoch", "accuracy"))
def box(panel: Panel) -> None:
    """Draw a box plot of the scores of all nets at each epoch, with one panel per dataset.

    Boxes extend from the lower to the upper quartile, with a line at the median. Whiskers extend to
    the last score within 1.5 times the interquartile range; scores beyond are drawn as points.
    """
    _boxes(panel)


@figure(needs=("epoch", "accuracy"), panels=("task", "metric"))
def box_by_task(panel: Panel) -> None:
    """Draw a box plot of the scores at each epoch, pooling the datasets of a task and metric.

    Boxes are drawn as in `box` (LEMUR, figure 7). A note in the panel lists the pooled datasets.
    """
    frame = _boxes(panel)
    datasets = sorted(frame["dataset"].dropna().unique()) if "dataset" in frame.columns else []
    if len(datasets) > 1:
        shown = ", ".join(map(label, datasets[:8])) + (", ..." if len(datasets) > 8 else "")
        add_note(panel.ax, f"{len(datasets)} datasets pooled: {shown}")


def _boxes(panel: Panel) -> DataFrame:
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch")
    note_epochs(panel.ax, frame)
    first, width = frame["epoch"].min(), _width(frame["epoch"])
    if width > 1:
        add_note(panel.ax, f"boxes of {width} epochs")
    bins = (frame["epoch"] - first) // width
    groups = dict(list(frame["accuracy"].groupby(bins)))
    draw_boxes(
        panel.ax, groups, [first + width * index + (width - 1) / 2 for index in groups], width
    )
    panel.ax.set_ylabel(score_label(frame))
    epoch_axis(panel.ax)
    return frame


def draw_boxes(
    ax: Axes,
    groups: Mapping[Any, Series],
    positions: Sequence[float],
    width: float = 1,
    *,
    upright: bool = True,
) -> None:
    """Draw a box plot of each group of numbers at its position.

    Args:
        ax: The axes.
        groups: Numbers by group, without missing values.
        positions: Position of each box.
        width: Distance between adjacent positions.
        upright: Whether the numbers are on the y axis; if False, on the x axis.
    """
    from matplotlib.cbook import boxplot_stats
    from matplotlib.collections import LineCollection, PolyCollection

    stats = boxplot_stats([values.to_numpy() for values in groups.values()])
    half = 0.325 * width
    boxes, whiskers, medians, beyond = [], [], [], []
    for position, box_stats in zip(positions, stats, strict=True):
        low, high, left, right = box_stats["q1"], box_stats["q3"], position - half, position + half
        boxes.append([(left, low), (right, low), (right, high), (left, high)])
        whiskers += [
            [(position, box_stats["whislo"]), (position, low)],
            [(position, high), (position, box_stats["whishi"])],
        ]
        medians.append([(left, box_stats["med"]), (right, box_stats["med"])])
        beyond += [(position, value) for value in box_stats["fliers"]]
    # Drawing a few collections is many times faster than drawing the parts of each box.
    parts = [_oriented(part, upright) for part in (boxes, whiskers, medians)]
    ax.add_collection(PolyCollection(parts[0], fc=_FILL, ec=_COLOUR, lw=0.8, gid="boxes"))
    ax.add_collection(LineCollection(parts[1], colors=_COLOUR, lw=0.8, gid="whiskers"))
    ax.add_collection(LineCollection(parts[2], colors="black", lw=1.3, gid="medians"))
    if beyond:
        marker_style: dict[str, Any] = {"color": "0.35", "markersize": 2.5, "markeredgewidth": 0}
        points = _oriented([beyond], upright)[0].T
        ax.plot(*points, ".", rasterized=len(beyond) > MOST_VECTORS, gid="beyond", **marker_style)
    ax.autoscale_view()


def _oriented(shapes: list[Any], upright: bool) -> Any:
    import numpy as np

    points = np.asarray(shapes, dtype=float)
    return points if upright else points[..., ::-1]


def _width(epochs: Series) -> int:
    """Return the number of epochs that each box covers."""
    return int(max(1, math.ceil((epochs.max() - epochs.min() + 1) / MOST_BOXES)))
