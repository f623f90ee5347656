"""Calibration of estimators: predicted against measured final scores."""

from __future__ import annotations

from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, figure


@figure(needs=("trial", "epoch", "predicted"), uses=("validation",))
def calibration(panel: Panel) -> None:
    """Draw the final scores predicted by an estimator against the measured ones.

    Each point is a trial that was trained to the end despite its prediction, as with ``lemur run
    --audit``. Vertical bars are the predicted intervals, if known.
    """
    from lemur_analysis.stats import calibration as errors
    from lemur_analysis.stats import predictions
    from lemur_analysis.stats.predictions import ENDS

    table = predictions(panel.frame)
    if table.empty:
        raise NothingToDrawError("no trial has a predicted and a measured final score")
    if set(ENDS) <= set(table.columns):
        panel.ax.vlines(
            table["measured"], table[ENDS[0]], table[ENDS[1]], color="0.7", linewidth=0.8
        )
    panel.ax.plot(
        table["measured"], table["predicted"], "o", color="#0173b2", markersize=4, alpha=0.7
    )
    values = table[["measured", "predicted"]]
    low, high = float(values.min().min()), float(values.max().max())
    pad = max(0.01, 0.05 * (high - low))
    ends = (low - pad, high + pad)
    panel.ax.axline((low, low), slope=1, color="0.3", linewidth=0.8, linestyle="--")
    panel.ax.set(xlabel="measured final score", ylabel="predicted final score")
    panel.ax.set(xlim=ends, ylim=ends, aspect="equal")
    (row,) = errors(panel.frame, within=()).to_dict("records")
    add_note(
        panel.ax, f"n = {row['trials']:,} trials; bias {row['bias']:+.4f}, MAE {row['mae']:.4f}"
    )
    if row["covered"] == row["covered"]:
        add_note(panel.ax, f"{row['covered']:.0%} within the predicted interval")
    if row["note"]:
        add_note(panel.ax, row["note"])
