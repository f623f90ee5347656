"""Histogram of scores (LEMUR, figure 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.figure import Panel, add_note, complete, figure
from lemur_analysis.plot.scales import score_label
from lemur_analysis.plot.style import add_legend, styles_of
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import Series


@figure(needs=("accuracy",), panels=("task", "metric"))
def histogram(panel: Panel, *, bins: int = 50) -> None:
    """Draw a histogram of the scores of all records, with one panel per task and metric.

    The datasets of a metric are stacked. Bins have equal width, and span 0 to 1 if all scores lie
    in this range. Metrics are not pooled, unlike in LEMUR's figure 6.
    """
    if bins < 1:
        raise SettingsError(f"bins is {bins}; expected a whole number from 1")
    has_dataset = "dataset" in panel.frame.columns
    columns = ("accuracy", "dataset") if has_dataset else ("accuracy",)
    frame = complete(panel.ax, panel.frame, *columns)
    scores, edges = frame["accuracy"], _edges(frame["accuracy"], bins)
    add_note(panel.ax, f"bins of {edges[1] - edges[0]:.2g}")
    styles = styles_of(frame, "dataset") if has_dataset else {}
    parts = [scores[frame["dataset"] == name] for name in styles] or [scores]
    # With several parts, hist returns a list of containers; with one, the container itself.
    containers: Any = panel.ax.hist(parts, edges, stacked=True)[2]
    for style, bars in zip(
        styles.values(), containers if len(parts) > 1 else [containers], strict=False
    ):
        for bar in bars:
            bar.set(**style.area)
    panel.ax.set(xlabel=score_label(frame), ylabel="records")
    add_legend(panel.ax, styles, styles, title="dataset", shape="area")


def _edges(scores: Series, bins: int) -> Any:
    import numpy as np

    within = scores.between(0, 1).all()
    return np.histogram_bin_edges(scores, bins, (0.0, 1.0) if within else None)
