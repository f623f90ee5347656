"""Lines of score against time (LEMUR, figure 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.frame import check_columns, seconds
from lemur_analysis.plot.figure import Panel, add_note, complete, figure
from lemur_analysis.plot.scales import score_label, time_axis
from lemur_analysis.plot.style import FigureStyle, add_legend, draw_curve
from lemur_core.errors import SettingsError, hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

_MOST_VECTORS = 400


@figure(needs=("nn", "epoch", "accuracy", "duration"))
def lines_time(panel: Panel, *, by: str = "trial") -> None:
    """Draw scores against the time since training began, as lines in the colour of the net.

    With ``by=trial``, each trial is a line through its epochs, or a point if it has only one. With
    ``by=net``, each net is a line of the best score that any of its trials has reached by that time
    (LEMUR, figure 10).
    """
    if by not in ("trial", "net"):
        raise SettingsError(f"by is {by!r}{hint(by, ['trial', 'net'])}")
    columns = ("nn", "trial") if by == "trial" else ("nn",)
    check_columns(panel.frame, columns)
    frame = complete(panel.ax, panel.frame, "accuracy", "duration", *columns)
    times = seconds(frame)
    unit = time_axis(panel.ax.xaxis, times, "time since training began")
    label = f"{score_label(frame)}{'' if by == 'trial' else ', best so far'}"
    # Keep only the columns that are drawn, as sorting copies all of them.
    frame = frame[[*columns, "accuracy"]].assign(time=times / unit)
    frame = frame.sort_values(["time", "accuracy"])
    counts = frame["trial"].nunique() if by == "trial" else 0
    groups = dict(list(frame.groupby("nn", observed=True)))
    for net in sorted(groups, key=lambda net: -panel.styles[net].rank):
        if by == "trial":
            _trials(panel.ax, groups[net], panel.styles[net], rasterized=counts > _MOST_VECTORS)
        else:
            part, style = groups[net], panel.styles[net]
            best = part["accuracy"].cummax()
            draw_curve(panel.ax, part["time"], best, style, drawstyle="steps-post")
    if counts:
        add_note(panel.ax, f"{counts:,} trials")
    panel.ax.set_ylabel(label)
    add_legend(panel.ax, panel.styles, groups)


def _trials(ax: Axes, frame: DataFrame, style: FigureStyle, *, rasterized: bool) -> None:
    import numpy as np
    from matplotlib.collections import LineCollection

    ordered = frame.sort_values(["trial", "time", "accuracy"])
    starts = np.flatnonzero(ordered["trial"].ne(ordered["trial"].shift()).to_numpy())[1:]
    curves = np.split(ordered[["time", "accuracy"]].to_numpy(), starts)
    line_style = style.line | {"linewidth": 0.8, "alpha": 0.7, "rasterized": rasterized}
    ax.add_collection(LineCollection([curve for curve in curves if len(curve) > 1], **line_style))
    points = [curve[0] for curve in curves if len(curve) == 1]
    if points:
        point_style = style.points | {"markersize": 3, "color": style.color, "linestyle": ""}
        ax.plot(*zip(*points, strict=True), rasterized=rasterized, alpha=0.7, **point_style)
    ax.autoscale_view()
