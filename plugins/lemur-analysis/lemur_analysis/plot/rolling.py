"""Rolling mean of each net's score over epochs (LEMUR, figure 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.figure import Panel, complete, figure, note_epochs
from lemur_analysis.plot.scales import epoch_axis, score_label
from lemur_analysis.plot.style import add_legend, draw_curve
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame


@figure(needs=("nn", "epoch", "accuracy"))
def rolling_mean(panel: Panel, *, window: int = 5) -> None:
    """Draw the rolling mean over epochs of each net's mean score.

    The window is centred, and contains fewer epochs at the ends of a curve and if epochs are
    missing. Each epoch has the same weight, regardless of its number of records (LEMUR, figure 9).
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    note_epochs(panel.ax, frame)
    smooth = rolling_means(frame, window)
    for net in sorted(smooth.columns, key=lambda net: -panel.styles[net].rank):
        curve = smooth[net].dropna()
        draw_curve(panel.ax, curve.index, curve, panel.styles[net])
    panel.ax.set_ylabel(f"{score_label(frame)}, mean of {window} epochs")
    epoch_axis(panel.ax)
    add_legend(panel.ax, panel.styles, smooth.columns)


def rolling_means(frame: DataFrame, window: int) -> DataFrame:
    """Return the rolling mean over epochs of the mean score of each net at each epoch.

    Args:
        frame: Records with ``nn``, ``epoch`` and ``accuracy``, without missing values.
        window: Width of the window in epochs, from 1. An even window contains one epoch more before
            its centre than after it, as in pandas.

    Returns:
        One row per epoch and one column per net; NaN if the net has no record of the epoch.

    Raises:
        SettingsError: ``window`` is less than 1.
    """
    import pandas as pd

    if window < 1:
        raise SettingsError(f"window is {window}; expected a whole number from 1")
    groups = frame.groupby(["nn", "epoch"], observed=True)["accuracy"]
    means = groups.mean().unstack("nn")
    # Convert epochs to times, so that the window spans epochs rather than rows.
    by_time = means.set_axis(pd.to_timedelta(means.index, unit="s"))
    wide = by_time.rolling(pd.Timedelta(seconds=window), center=True, closed="left", min_periods=1)
    return wide.mean().set_axis(means.index).where(means.notna())
