"""Duration of the first epoch (LEMUR, figures 8 and 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.frame import numbers, seconds
from lemur_analysis.plot.boxes import draw_boxes
from lemur_analysis.plot.figure import NothingToDrawError, Panel, complete, figure
from lemur_analysis.plot.scales import is_wide, time_axis
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from pandas import DataFrame

_FEWEST = 5
"""Minimum number of records for a box; fewer records are drawn as points."""


@figure(needs=("nn", "epoch", "duration"), rows="nn")
def first_epoch_duration(panel: Panel) -> None:
    """Draw the duration of the first epoch by net, with the fastest net at the top.

    Each net has a box plot of its records, or points if there are fewer than 5, and the number of
    records beside its name. Records without a duration are left out (LEMUR, figure 8).
    """
    _rows(panel, panel.frame, "nn", "net")


@figure(needs=("task", "dataset", "epoch", "duration"), panels=("task",), rows="dataset")
def first_epoch_duration_by_task(panel: Panel) -> None:
    """Draw the duration of the first epoch by dataset, with one panel per task.

    Box plots are drawn as in `first_epoch_duration`, over all nets (LEMUR, figure 12). If the frame
    has the column ``trial``, a trial with several metrics counts once.
    """
    frame = panel.frame
    if "trial" in frame.columns:
        has_trial = frame["trial"].notna()
        frame = frame[~(has_trial & frame.duplicated(["trial", "dataset", "epoch"]))]
    _rows(panel, frame, "dataset", "dataset")


def _rows(panel: Panel, records: DataFrame, by: str, text: str) -> None:
    first = records[numbers(records, "epoch") == 1]
    if first.empty:
        raise NothingToDrawError("no records of the first epoch")
    frame = complete(panel.ax, first, "duration", by)
    times = seconds(frame)
    unit = time_axis(panel.ax.xaxis, times, "duration of the first epoch")
    groups = dict(list((times / unit).groupby(frame[by], observed=True)))
    order = sorted(groups, key=lambda name: (-groups[name].median(), str(name)))
    places = {name: place for place, name in enumerate(order)}
    boxes = {name: groups[name] for name in order if len(groups[name]) >= _FEWEST}
    if boxes:
        draw_boxes(panel.ax, boxes, [places[name] for name in boxes], upright=False)
    for name in order:
        if name not in boxes:
            heights = [places[name]] * len(groups[name])
            panel.ax.plot(groups[name], heights, "o", markersize=3.5, color="#0173b2")
    names = [f"{label(name, 26)} ({len(groups[name]):,})" for name in order]
    panel.ax.set_yticks(range(len(order)), names, fontsize="x-small")
    # Without more space, the box of a single row would fill the panel.
    space = max(0.0, (4 - len(order)) / 2)
    panel.ax.set(ylim=(-0.7 - space, len(order) - 0.3 + space), ylabel=f"{text} (records)")
    if not is_wide(times):
        panel.ax.set_xlim(left=0)
    panel.ax.grid(axis="x", color="0.9", linewidth=0.6)
    panel.ax.set_axisbelow(True)
