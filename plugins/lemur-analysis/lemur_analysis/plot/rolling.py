"""The rolling mean of each net's score over epochs (LEMUR, figure 9)."""

from __future__ import annotations

from lemur_analysis.plot.figure import NothingToDrawError, Panel, figure
from lemur_analysis.plot.style import label
from lemur_core.errors import SettingsError


@figure(needs=("nn", "epoch", "accuracy"))
def rolling_mean(panel: Panel, *, window: int = 5) -> None:
    """Draw the mean score of each net at each epoch, averaged over a window of epochs.

    The window is centred, and shorter at the ends of a curve.
    """
    if window < 1:
        raise SettingsError(f"window is {window}; expected a whole number from 1")
    frame = panel.frame.dropna(subset=["accuracy"])
    if frame.empty:
        raise NothingToDrawError("no scores")
    means = frame.groupby(["nn", "epoch"], observed=True)["accuracy"].mean().unstack("nn")
    smooth = means.rolling(window, center=True, min_periods=1).mean().where(means.notna())
    for net in sorted(smooth.columns, key=lambda one: -panel.styles[one].rank):
        style = panel.styles[net]
        curve = smooth[net].dropna()
        name = f"{label(net)} (n={(frame['nn'] == net).sum():,})" if style.has_colour else None
        panel.ax.plot(curve.index, curve, color=style.color, label=name, lw=1.4)
    panel.ax.set(xlabel="epoch", ylabel=f"score, mean of {window} epochs")
    panel.ax.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
