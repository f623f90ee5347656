"""The Pareto front of score against a cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.stats.columns import numbers, present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame


def pareto_front(
    frame: DataFrame, cost: str = "seconds", *, within: Sequence[str] = CELL
) -> DataFrame:
    """Return the rows that no other row beats in both score and cost.

    Args:
        frame: Results with ``accuracy`` and the cost.
        cost: A numeric column in which lower is better: ``parameters`` (from
            ``data(with_stats=True)``), a fact, for example multiply-adds (from
            ``data(with_facts=...)``), or ``seconds``, which is computed from ``duration``.
        within: Columns to group by; each group has its own front.

    Returns:
        Rows of the frame, with a column ``seconds`` if that is the cost, cheapest first within each
        front. Rows without a finite score and cost are left out. If several rows have the same
        score and cost, the first is returned.

    Raises:
        SettingsError: The frame lacks a column.
    """
    check_columns(frame, ("accuracy",))
    rows = frame.assign(**{"accuracy": numbers(frame, "accuracy"), cost: numbers(frame, cost)})
    rows = rows.reset_index(drop=True).dropna(subset=["accuracy", cost])
    by = present(rows, within)
    rows = rows.sort_values([*by, cost, "accuracy"], ascending=[*[True] * len(by), True, False])
    scores = rows.groupby(by, observed=True, dropna=False)["accuracy"] if by else rows["accuracy"]
    highest = scores.cummax()
    cheaper_best = (
        highest.groupby([rows[name] for name in by], observed=True, dropna=False).shift()
        if by
        else highest.shift()
    )
    return rows[cheaper_best.isna() | (rows["accuracy"] > cheaper_best)].reset_index(drop=True)
