"""Correlation of the mean and standard deviation of scores (LEMUR, figure 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, complete, figure
from lemur_analysis.plot.scatter import MOST_VECTORS
from lemur_analysis.plot.style import add_legend, styles_of
from lemur_analysis.stats.correlations import correlation, mean_std

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame


def _panels(options: Mapping[str, Any]) -> tuple[str, ...]:
    return () if options["pooled"] else ("task", "metric")


@figure(needs=("nn", "epoch", "accuracy"), panels=_panels)
def mean_std_correlation(panel: Panel, *, pooled: bool = False) -> None:
    """Draw the standard deviation of a net's scores at an epoch against their mean.

    Each point is a combination of task, dataset, metric, net and epoch with at least two records;
    the standard deviation is that of a sample (ddof 1). A note in each panel gives the number of
    points and their Pearson correlation r. ``pooled`` draws all tasks and metrics in one panel
    (LEMUR, figure 11).
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    groups = mean_std(frame)
    if groups.empty:
        raise NothingToDrawError("no net has two records of an epoch")
    r = correlation(groups, "mean", "std", within=())["r"].iloc[0]
    # Adding zero makes -0.0 positive.
    r_text = f"r = {round(r, 2) + 0:.2f}" if r == r else "r is not defined"
    plural = "s" if len(groups) > 1 else ""
    add_note(panel.ax, f"{len(groups):,} group{plural} of 2 or more, {r_text}")
    if pooled:
        add_note(panel.ax, "all tasks and metrics pooled")
    _points(panel, groups, "metric" if pooled else "dataset")
    panel.ax.set(xlabel="mean score", ylabel="standard deviation of the score")


def _points(panel: Panel, groups: DataFrame, by: str) -> None:
    look: dict[str, Any] = {"linestyle": "", "alpha": 0.7, "rasterized": len(groups) > MOST_VECTORS}
    if by not in groups.columns:
        panel.ax.plot(groups["mean"], groups["std"], ".", **look)
        return
    styles = styles_of(groups, by)
    for name, style in styles.items():
        part = groups[groups[by] == name]
        points = style.points | {"markersize": 3.5, "color": style.color}
        panel.ax.plot(part["mean"], part["std"], **points, **look)
    title = "metric" if by == "metric" else "dataset"
    add_legend(panel.ax, styles, styles, title=title, shape="points")
