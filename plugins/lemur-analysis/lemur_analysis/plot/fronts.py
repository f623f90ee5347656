"""The Pareto front of score against a cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.plot.figure import NothingToDrawError, Panel, add_note, figure
from lemur_analysis.plot.style import MOST_COLOURS, add_legend, label

if TYPE_CHECKING:
    from pandas import DataFrame

_AXES = {"seconds": "time, s", "parameters": "parameters"}
_MOST_NAMES = 8


@figure(needs=("nn", "accuracy"))
def pareto(panel: Panel, *, cost: str = "seconds") -> None:
    """Draw score against a cost, and the Pareto front: points that no cheaper point beats.

    ``cost`` is a numeric column of the frame: ``seconds`` (training time up to the row's epoch),
    ``parameters``, or the name of a fact, for example multiply-adds.
    """
    from lemur_analysis.stats import pareto_front
    from lemur_analysis.stats.columns import numbers

    frame = panel.frame.assign(
        accuracy=numbers(panel.frame, "accuracy"), **{cost: numbers(panel.frame, cost)}
    )
    rows = frame.dropna(subset=["accuracy", cost])
    if rows.empty:
        raise NothingToDrawError(f"none of {len(frame):,} records has a score and {cost}")
    _draw_points(panel, rows, cost)
    front = pareto_front(rows, cost, within=())
    _draw_front(panel, front, cost)
    if rows[cost].min() > 0 and rows[cost].max() > 20 * rows[cost].min():
        panel.ax.set_xscale("log")
    panel.ax.set(xlabel=_AXES.get(cost, label(cost)), ylabel="score")
    add_legend(panel.ax, panel.styles, rows["nn"].unique(), shape="points")
    without = len(frame) - len(rows)
    add_note(panel.ax, f"n = {len(rows):,}{f'; {without:,} without {cost}' if without else ''}")
    names = [label(net, 20) for net in dict.fromkeys(front["nn"])]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    add_note(panel.ax, f"on the front: {', '.join(names[:_MOST_NAMES])}{more}")


def _draw_points(panel: Panel, rows: DataFrame, cost: str) -> None:
    """Draw the points of the ten best nets in colour, above the grey points of the others."""
    ranks = rows["nn"].map({net: style.rank for net, style in panel.styles.items()})
    for _, points in rows.groupby(ranks.clip(upper=MOST_COLOURS), sort=True):
        style = panel.styles[points["nn"].iloc[0]]
        panel.ax.plot(
            points[cost], points["accuracy"], linestyle="", color=style.color, **style.points,
            alpha=0.7, zorder=2 if style.has_colour else 1.5, rasterized=len(rows) > 2000,
        )  # fmt: skip


def _draw_front(panel: Panel, front: DataFrame, cost: str) -> None:
    panel.ax.step(
        front[cost], front["accuracy"], where="post", color="black", linewidth=1.3, zorder=3
    )
    panel.ax.plot(
        front[cost], front["accuracy"], "o", mfc="none", mec="black", markersize=6, zorder=3
    )
