"""How long the first epoch took (LEMUR, figures 8 and 12)."""

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
"""Of fewer records, each is a point instead of a box."""


@figure(needs=("nn", "epoch", "duration"), rows="nn")
def first_epoch_duration(panel: Panel) -> None:
    """Draw how long the first epoch took, by net, the fastest net at the top.

    A net has a box of its records, or their points if they are fewer than 5, and their number
    beside its name. Records without a duration are left out (LEMUR, figure 8).
    """
    _rows(panel, panel.frame, "nn", "net")


@figure(needs=("task", "dataset", "epoch", "duration"), panels=("task",), rows="dataset")
def first_epoch_duration_by_task(panel: Panel) -> None:
    """Draw how long the first epoch took, by dataset, a panel for each task.

    The boxes are those of `first_epoch_duration`, of all nets (LEMUR, figure 12). A trial with
    several metrics counts once, if the frame has the column ``trial``.
    """
    frame = panel.frame
    if "trial" in frame.columns:
        known = frame["trial"].notna()
        frame = frame[~(known & frame.duplicated(["trial", "dataset", "epoch"]))]
    _rows(panel, frame, "dataset", "dataset")


def _rows(panel: Panel, every: DataFrame, by: str, text: str) -> None:
    first = every[numbers(every, "epoch") == 1]
    if first.empty:
        raise NothingToDrawError("no record is of the first epoch")
    frame = complete(panel.ax, first, "duration", by)
    times = seconds(frame)
    unit = time_axis(panel.ax.xaxis, times, "duration of the first epoch")
    groups = dict(list((times / unit).groupby(frame[by], observed=True)))
    order = sorted(groups, key=lambda one: (-groups[one].median(), str(one)))
    places = {name: place for place, name in enumerate(order)}
    many = {name: groups[name] for name in order if len(groups[name]) >= _FEWEST}
    if many:
        draw_boxes(panel.ax, many, [places[name] for name in many], upright=False)
    for name in order:
        if name not in many:
            at = [places[name]] * len(groups[name])
            panel.ax.plot(groups[name], at, "o", markersize=3.5, color="#0173b2")
    names = [f"{label(name, 26)} ({len(groups[name]):,})" for name in order]
    panel.ax.set_yticks(range(len(order)), names, fontsize="x-small")
    # The box of a single row would fill the panel.
    space = max(0.0, (4 - len(order)) / 2)
    panel.ax.set(ylim=(-0.7 - space, len(order) - 0.3 + space), ylabel=f"{text} (records)")
    if not is_wide(times):
        panel.ax.set_xlim(left=0)
    panel.ax.grid(axis="x", color="0.9", linewidth=0.6)
    panel.ax.set_axisbelow(True)
