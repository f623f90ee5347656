"""Curves over epochs with bands of their spread (LEMUR, figure 5; learning curves)."""

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
    """Draw the mean score of each net at each epoch, and a standard deviation to both sides.

    The deviation is that of a sample (ddof 1); where an epoch has one record there is none, and
    the band has a gap (LEMUR, figure 5). Option ``bands``: of how many nets of a panel the band is
    drawn, the best first; those of many cannot be told apart.
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    note_epochs(panel.ax, frame)
    table = frame.groupby(["nn", "epoch"], observed=True)["accuracy"].agg(["mean", "std"])
    table = table.assign(low=table["mean"] - table["std"], high=table["mean"] + table["std"])
    _curves(panel, table.rename(columns={"mean": "middle"}), bands)
    panel.ax.set_ylabel(f"{score_label(frame)}, mean ± std")


@figure(needs=("nn", "epoch", "accuracy"))
def learning_curves(panel: Panel, *, bands: int = 3, few: int = 12) -> None:
    """Draw the median score of each net at each epoch, and a band from quartile to quartile.

    The trials of a net that reach an epoch are its sample. Options: ``bands``, of how many nets of
    a panel the band is drawn, the best first; ``few``, of so many trials or fewer in a panel each
    is a line instead, if the frame has the column ``trial``.
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
    """Draw ``middle`` of each net by epoch, and a band from ``low`` to ``high`` of the best."""
    nets = sorted(table.index.unique("nn"), key=lambda one: panel.styles[one].rank)
    banded = [net for net in nets if panel.styles[net].has_colour][: max(bands, 0)]
    for net in reversed(nets):
        style, curve = panel.styles[net], table.loc[net]
        draw_curve(panel.ax, curve.index, curve["middle"], style)
        if net in banded:
            look = {"color": style.color, "alpha": 0.16, "linewidth": 0, "zorder": 2}
            panel.ax.fill_between(curve.index, curve["low"], curve["high"], **look)
    if 0 < len(banded) < len(nets):
        add_note(panel.ax, f"band of the best {len(banded)}")
    epoch_axis(panel.ax)
    add_legend(panel.ax, panel.styles, nets)


def _trials(panel: Panel, frame: DataFrame) -> None:
    for (net, _), curve in frame.sort_values("epoch").groupby(["nn", "trial"], observed=True):
        draw_curve(panel.ax, curve["epoch"], curve["accuracy"], panel.styles[net])
    epoch_axis(panel.ax)
    add_legend(panel.ax, panel.styles, frame["nn"].unique())
