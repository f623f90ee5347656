"""The rolling mean of each net's score over epochs (LEMUR, figure 9)."""

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
    """Draw the mean score of each net at each epoch, averaged over a window of epochs.

    The window is centred, and shorter at the ends of a curve and where epochs are missing. An
    epoch counts once, however many records it has (LEMUR, figure 9).
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    note_epochs(panel.ax, frame)
    smooth = rolled(frame, window)
    for net in sorted(smooth.columns, key=lambda one: -panel.styles[one].rank):
        curve = smooth[net].dropna()
        draw_curve(panel.ax, curve.index, curve, panel.styles[net])
    panel.ax.set_ylabel(f"{score_label(frame)}, mean of {window} epochs")
    epoch_axis(panel.ax)
    add_legend(panel.ax, panel.styles, smooth.columns)


def rolled(frame: DataFrame, window: int) -> DataFrame:
    """Return the rolling mean over epochs of the mean score of each net at each epoch.

    Args:
        frame: With ``nn``, ``epoch`` and ``accuracy``, none missing.
        window: Width of the window in epochs, from 1; an even one has one epoch more before its
            middle than after it, as in pandas.

    Returns:
        A row for each epoch and a column for each net; NaN where the net has no record of the
        epoch.

    Raises:
        SettingsError: The window is too narrow.
    """
    import pandas as pd

    if window < 1:
        raise SettingsError(f"window is {window}; expected a whole number from 1")
    groups = frame.groupby(["nn", "epoch"], observed=True)["accuracy"]
    means = groups.mean().unstack("nn")
    # The window is one of epochs and not of rows: epochs are taken for seconds.
    by_time = means.set_axis(pd.to_timedelta(means.index, unit="s"))
    wide = by_time.rolling(pd.Timedelta(seconds=window), center=True, closed="left", min_periods=1)
    return wide.mean().set_axis(means.index).where(means.notna())
