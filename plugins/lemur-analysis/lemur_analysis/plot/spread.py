"""How the mean and the standard deviation of scores correlate (LEMUR, figure 11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import cell_columns
from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, complete, figure
from lemur_analysis.plot.scatter import MOST_VECTORS
from lemur_analysis.plot.style import add_legend, styles_of

if TYPE_CHECKING:
    from pandas import DataFrame


def _panels(options: Mapping[str, Any]) -> tuple[str, ...]:
    return () if options["pooled"] else ("task", "metric")


@figure(needs=("nn", "epoch", "accuracy"), panels=_panels)
def mean_std_correlation(panel: Panel, *, pooled: bool = False) -> None:
    """Draw the standard deviation of the scores of a net at an epoch against their mean.

    A point is a task, data set, metric, net and epoch with two records or more; the deviation is
    that of a sample (ddof 1). Each panel says how many there are, and their correlation r
    (Pearson). Option ``pooled``: whether to take all metrics together, as the panel then says
    (LEMUR, figure 11).
    """
    frame = complete(panel.ax, panel.frame, "accuracy", "epoch", "nn")
    groups = spreads(frame)
    if groups.empty:
        raise NothingToDrawError("no net has two records of an epoch")
    both = groups[["mean", "std"]]
    varies = bool((both.nunique() > 1).all())
    # Adding zero makes -0.0 positive.
    r = f"r = {round(both.corr().iloc[0, 1], 2) + 0:.2f}" if varies else "r is not defined"
    plural = "s" if len(groups) > 1 else ""
    add_note(panel.ax, f"{len(groups):,} group{plural} of 2 or more, {r}")
    if pooled:
        add_note(panel.ax, "all tasks and metrics pooled")
    _points(panel, groups, "metric" if pooled else "dataset")
    panel.ax.set(xlabel="mean score", ylabel="standard deviation of the score")


def spreads(frame: DataFrame) -> DataFrame:
    """Return the number, mean and standard deviation of the scores of each net at each epoch.

    Args:
        frame: With ``nn``, ``epoch`` and ``accuracy``, none missing.

    Returns:
        Those of `lemur_analysis.frame.CELL` that the frame has, ``nn`` and ``epoch``, then
        ``count``, ``mean`` and ``std`` (ddof 1). Groups of one record are left out.
    """
    by = [*cell_columns(frame), "nn", "epoch"]
    groups = frame.groupby(by, observed=True, dropna=False)["accuracy"]
    table = groups.agg(["count", "mean", "std"]).reset_index()
    return table[table["count"] > 1]


def _points(panel: Panel, groups: DataFrame, by: str) -> None:
    look = {"linestyle": "", "alpha": 0.7, "rasterized": len(groups) > MOST_VECTORS}
    if by not in groups.columns:
        panel.ax.plot(groups["mean"], groups["std"], ".", **look)
        return
    styles = styles_of(groups, by)
    for name, style in styles.items():
        part = groups[groups[by] == name]
        points = style.points | {"markersize": 3.5, "color": style.color}
        panel.ax.plot(part["mean"], part["std"], **points, **look)
    title = "metric" if by == "metric" else "data set"
    add_legend(panel.ax, styles, styles, title=title, shape="points")
