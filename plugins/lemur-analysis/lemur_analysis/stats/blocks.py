"""Complete blocks: the scores of the same nets on the same datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.stats.columns import numbers, present
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame

KEEP = ("blocks", "nets")


@dataclass(frozen=True)
class Blocks:
    """Scores of nets in blocks in which all of the nets have a score.

    Attributes:
        scores: One row per block and one column per net, without missing values.
        dropped_blocks: Blocks left out because some of the nets have no score there.
        dropped_nets: Nets left out because they have no score in some of the blocks.
    """

    scores: DataFrame
    dropped_blocks: list[str]
    dropped_nets: list[str]

    @property
    def text(self) -> str:
        """One line with the numbers of blocks and nets, and how many were left out."""
        blocks, nets = self.scores.shape
        return (
            f"{blocks} complete blocks of {nets} nets; left out: "
            f"{len(self.dropped_blocks)} blocks, {len(self.dropped_nets)} nets"
        )


def complete_blocks(
    frame: DataFrame,
    *,
    epoch: int | None = None,
    keep: str = "blocks",
    within: Sequence[str] = ("task", "metric"),
) -> Iterator[tuple[dict[str, str], Blocks]]:
    """Yield the complete blocks of a frame, for each task and metric.

    A block is a dataset. The score of a net in a block is its highest one over all trials and
    epochs, which favours nets that were trained longer; use ``epoch`` to compare at one epoch.

    Args:
        frame: Results with ``dataset``, ``nn`` and ``accuracy``.
        epoch: Use only the scores at this epoch; None uses all epochs.
        keep: What to keep if some nets have no score in some blocks: ``blocks`` keeps as many
            blocks as possible with at least two nets, ``nets`` as many nets as possible with at
            least two blocks. Blocks are dropped one at a time, first the one whose removal
            completes the most nets.
        within: Columns to group by; each group has its own blocks. Columns of ``task, dataset,
            metric`` that are not named distinguish blocks: with ``()``, a dataset with two metrics
            is two blocks. Ranks are computed within a block, so metrics are never averaged.

    Yields:
        The values of ``within`` by column, and the blocks.

    Raises:
        SettingsError: The frame lacks a column, or an option is unknown.
    """
    check_columns(frame, ("dataset", "nn", "accuracy"))
    if keep not in KEEP:
        raise SettingsError(f"keep is {keep!r}; expected {' or '.join(KEEP)}")
    if "dataset" in within:
        raise SettingsError("within contains 'dataset'; leave it out, as blocks are datasets")
    rows = frame.assign(accuracy=numbers(frame, "accuracy")).dropna(subset=["accuracy"])
    if epoch is not None:
        check_columns(frame, ("epoch",))
        rows = rows[rows["epoch"] == epoch]
    group_columns = present(rows, within)
    block_columns = [name for name in present(rows, CELL) if name not in group_columns]
    groups = rows.groupby(group_columns, observed=True) if group_columns else [((), rows)]
    for key, part in groups:
        table = part.groupby([*block_columns, "nn"], observed=True)["accuracy"].max().unstack("nn")
        if len(block_columns) > 1:
            table.index = ["/".join(map(str, key_parts)) for key_parts in table.index]
        yield dict(zip(group_columns, key, strict=True)), complete_part(table, keep)


def complete_part(table: DataFrame, keep: str) -> Blocks:
    """Return the complete part of a table of scores with a row per block and a column per net."""
    if keep not in KEEP:
        raise SettingsError(f"keep is {keep!r}; expected {' or '.join(KEEP)}")

    def size(part: DataFrame) -> tuple[int, ...]:
        blocks, nets = part.shape
        usable = (blocks > 1) + (nets > 1)
        return (usable, blocks, nets) if keep == "blocks" else (usable, nets, blocks)

    complete = max(_candidates(table), key=size)
    return Blocks(
        complete,
        [str(name) for name in table.index.difference(complete.index)],
        [str(name) for name in table.columns.difference(complete.columns)],
    )


def _candidates(table: DataFrame) -> Iterator[DataFrame]:
    """Yield complete parts of a table with fewer and fewer blocks."""
    has = table.notna()
    while len(has):
        complete = has.columns[has.all()]
        yield table.loc[has.index, complete]
        # How many more nets would be complete without each block.
        gaps = ~has.to_numpy()
        single_gap = gaps.sum(axis=0) == 1
        gained = (gaps & single_gap).sum(axis=1)
        ranked = sorted(range(len(has)), key=lambda row: (-gained[row], -gaps[row].sum(), -row))
        has = has.drop(index=has.index[ranked[0]])
