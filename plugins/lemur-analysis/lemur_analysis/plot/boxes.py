"""Boxes of the scores at each epoch (LEMUR, figure 7)."""

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
"""A panel has so many at most; one of more epochs has boxes of several epochs each."""
_COLOUR, _FILL = "#0173b2", "#cfe3f1"


@figure(needs=("epoch", "accuracy"))
def box(panel: Panel) -> None:
    """Draw a box of the scores of all nets at each epoch, a panel for each dataset.

    A box goes from quartile to quartile, with a line at the median; whiskers reach the last score
    within 1.5 times its height, points are scores beyond.
    """
    _boxes(panel)


@figure(needs=("epoch", "accuracy"), panels=("task", "metric"))
def box_by_task(panel: Panel) -> None:
    """Draw a box of the scores at each epoch, the datasets of a task and metric pooled.

    The boxes are those of `box` (LEMUR, figure 7). The panel says what is pooled.
    """
    frame = _boxes(panel)
    sets = sorted(frame["dataset"].dropna().unique()) if "dataset" in frame.columns else []
    if len(sets) > 1:
        shown = ", ".join(map(label, sets[:8])) + (", ..." if len(sets) > 8 else "")
        add_note(panel.ax, f"{len(sets)} datasets pooled: {shown}")


def _boxes(panel: Panel) -> DataFrame:
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch")
    note_epochs(panel.ax, frame)
    first, width = frame["epoch"].min(), _width(frame["epoch"])
    if width > 1:
        add_note(panel.ax, f"boxes of {width} epochs")
    bins = (frame["epoch"] - first) // width
    groups = dict(list(frame["accuracy"].groupby(bins)))
    draw_boxes(panel.ax, groups, [first + width * one + (width - 1) / 2 for one in groups], width)
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
    """Draw a box of each group of numbers at its position.

    Args:
        ax: The axes.
        groups: Numbers by group, none missing.
        positions: Of the boxes.
        width: Distance of one position from the next.
        upright: Whether numbers are on the y axis; else on the x axis.
    """
    from matplotlib.cbook import boxplot_stats
    from matplotlib.collections import LineCollection, PolyCollection

    stats = boxplot_stats([values.to_numpy() for values in groups.values()])
    half = 0.325 * width
    boxes, whiskers, medians, beyond = [], [], [], []
    for at, one in zip(positions, stats, strict=True):
        low, high, left, right = one["q1"], one["q3"], at - half, at + half
        boxes.append([(left, low), (right, low), (right, high), (left, high)])
        whiskers += [[(at, one["whislo"]), (at, low)], [(at, high), (at, one["whishi"])]]
        medians.append([(left, one["med"]), (right, one["med"])])
        beyond += [(at, value) for value in one["fliers"]]
    # A few collections are drawn many times faster than the parts of each box.
    parts = [_turned(part, upright) for part in (boxes, whiskers, medians)]
    ax.add_collection(PolyCollection(parts[0], fc=_FILL, ec=_COLOUR, lw=0.8, gid="boxes"))
    ax.add_collection(LineCollection(parts[1], colors=_COLOUR, lw=0.8, gid="whiskers"))
    ax.add_collection(LineCollection(parts[2], colors="black", lw=1.3, gid="medians"))
    if beyond:
        look: dict[str, Any] = {"color": "0.35", "markersize": 2.5, "markeredgewidth": 0}
        points = _turned([beyond], upright)[0].T
        ax.plot(*points, ".", rasterized=len(beyond) > MOST_VECTORS, gid="beyond", **look)
    ax.autoscale_view()


def _turned(shapes: list[Any], upright: bool) -> Any:
    import numpy as np

    points = np.asarray(shapes, dtype=float)
    return points if upright else points[..., ::-1]


def _width(epochs: Series) -> int:
    """Return how many epochs a box is of."""
    return int(max(1, math.ceil((epochs.max() - epochs.min() + 1) / MOST_BOXES)))
