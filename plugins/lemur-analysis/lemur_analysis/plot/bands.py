"""Curves over epochs with bands that show the spread (LEMUR, figure 5; learning curves)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.figure import Panel, complete, figure, note_epochs
from lemur_analysis.plot.notes import add_note
from lemur_analysis.plot.scales import epoch_axis, score_label
from lemur_analysis.plot.style import add_legend, draw_curve

if TYPE_CHECKING:
    from pandas import DataFrame


@figure(needs=("nn", "epoch", "accuracy"))
def mean_std(panel: Panel, *, bands: int = 3) -> None:
    """Draw the mean score of each net at each epoch, with a band of one standard deviation.

    The standard deviation is that of a sample (ddof 1). At an epoch with a single record it is
    undefined, and the band has a gap (LEMUR, figure 5). ``bands`` is the number of nets per panel
    that have a band, best first, as many bands would be indistinguishable.
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    note_epochs(panel.ax, frame)
    table = frame.groupby(["nn", "epoch"], observed=True)["accuracy"].agg(["mean", "std"])
    table = table.assign(low=table["mean"] - table["std"], high=table["mean"] + table["std"])
    _curves(panel, table.rename(columns={"mean": "middle"}), bands)
    panel.ax.set_ylabel(f"{score_label(frame)}, mean ± std")


@figure(needs=("nn", "epoch", "accuracy"))
def learning_curves(panel: Panel, *, bands: int = 3, few: int = 12) -> None:
    """Draw the median score of each net at each epoch, with a band between the quartiles.

    The sample at an epoch is the trials of the net that reach it. ``bands`` is the number of nets
    per panel that have a band, best first. If the frame has the column ``trial`` and a panel has at
    most ``few`` trials, each trial is drawn as a line instead.
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    if "trial" in frame.columns and frame["trial"].nunique() <= few:
        add_note(panel.ax, "a line for each trial")
        _trials(panel, frame)
        panel.ax.set_ylabel(score_label(frame))
        return
    note_epochs(panel.ax, frame)
    groups = frame.groupby(["nn", "epoch"], observed=True)["accuracy"]
    table = groups.quantile([0.25, 0.5, 0.75]).unstack()
    _curves(panel, table.set_axis(["low", "middle", "high"], axis=1), bands)
    panel.ax.set_ylabel(f"{score_label(frame)}, median and quartiles")


def _curves(panel: Panel, table: DataFrame, bands: int) -> None:
    """Draw each net's ``middle`` by epoch, and the best nets' bands from ``low`` to ``high``."""
    nets = sorted(table.index.unique("nn"), key=lambda net: panel.styles[net].rank)
    banded = [net for net in nets if panel.styles[net].has_colour][: max(bands, 0)]
    for net in reversed(nets):
        style, curve = panel.styles[net], table.loc[net]
        draw_curve(panel.ax, curve.index, curve["middle"], style)
        if net in banded:
            band_style = {"color": style.color, "alpha": 0.16, "linewidth": 0, "zorder": 2}
            panel.ax.fill_between(curve.index, curve["low"], curve["high"], **band_style)
    if 0 < len(banded) < len(nets):
        add_note(panel.ax, f"band of the best {len(banded)}")
    epoch_axis(panel.ax)
    add_legend(panel.ax, panel.styles, nets)


def _trials(panel: Panel, frame: DataFrame) -> None:
    for (net, _), curve in frame.sort_values("epoch").groupby(["nn", "trial"], observed=True):
        draw_curve(panel.ax, curve["epoch"], curve["accuracy"], panel.styles[net])
    epoch_axis(panel.ax)
    add_legend(panel.ax, panel.styles, frame["nn"].unique())
