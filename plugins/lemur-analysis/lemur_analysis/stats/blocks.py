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
    """The scores of nets in blocks that all of them have.

    Attributes:
        scores: A row per block, a column per net; no value is missing.
        dropped_blocks: Blocks left out, for some of the nets have no score there.
        dropped_nets: Nets left out, for they have no score in some of the blocks.
    """

    scores: DataFrame
    dropped_blocks: list[str]
    dropped_nets: list[str]

    @property
    def text(self) -> str:
        """How many blocks and nets there are, and how many were left out."""
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

    A block is a dataset; its scores are the highest of each net there, over all trials and
    epochs. So nets that were trained longer have an advantage: ``epoch`` compares them at one.

    Args:
        frame: Results with ``dataset``, ``nn`` and ``accuracy``.
        epoch: Take scores at this epoch only.
        keep: What to keep where nets are missing in some blocks: ``blocks`` keeps as many
            blocks as share two nets or more, ``nets`` as many nets as share two blocks or more.
            Blocks are left out one at a time, the one first whose absence completes most nets.
        within: Columns in each of whose values blocks are made apart. Those of ``task, dataset,
            metric`` that are not named tell blocks apart: with ``()`` a dataset by two metrics
            is two blocks. Ranks are made in a block, so that metrics are not averaged.

    Yields:
        The values of ``within`` by column, and the blocks.

    Raises:
        SettingsError: The frame lacks a column, or an option is unknown.
    """
    check_columns(frame, ("dataset", "nn", "accuracy"))
    if keep not in KEEP:
        raise SettingsError(f"keep is {keep!r}; expected {' or '.join(KEEP)}")
    if "dataset" in within:
        raise SettingsError("within names 'dataset'; expected none, for blocks are datasets")
    rows = frame.assign(accuracy=numbers(frame, "accuracy")).dropna(subset=["accuracy"])
    if epoch is not None:
        check_columns(frame, ("epoch",))
        rows = rows[rows["epoch"] == epoch]
    apart = present(rows, within)
    block = [name for name in present(rows, CELL) if name not in apart]
    groups = rows.groupby(apart, observed=True) if apart else [((), rows)]
    for key, part in groups:
        table = part.groupby([*block, "nn"], observed=True)["accuracy"].max().unstack("nn")
        if len(block) > 1:
            table.index = ["/".join(map(str, one)) for one in table.index]
        yield dict(zip(apart, key, strict=True)), complete_part(table, keep)


def complete_part(table: DataFrame, keep: str) -> Blocks:
    """Return the complete part of a table of scores, a row per block and a column per net."""
    if keep not in KEEP:
        raise SettingsError(f"keep is {keep!r}; expected {' or '.join(KEEP)}")

    def size(part: DataFrame) -> tuple[int, ...]:
        blocks, nets = part.shape
        usable = (blocks > 1) + (nets > 1)
        return (usable, blocks, nets) if keep == "blocks" else (usable, nets, blocks)

    kept = max(_candidates(table), key=size)
    return Blocks(
        kept,
        [str(one) for one in table.index.difference(kept.index)],
        [str(one) for one in table.columns.difference(kept.columns)],
    )


def _candidates(table: DataFrame) -> Iterator[DataFrame]:
    """Yield complete parts of a table, of fewer and fewer blocks."""
    has = table.notna()
    while len(has):
        complete = has.columns[has.all()]
        yield table.loc[has.index, complete]
        # How many nets each block's absence would leave complete.
        gaps = ~has.to_numpy()
        only = gaps.sum(axis=0) == 1
        gained = (gaps & only).sum(axis=1)
        ranked = sorted(range(len(has)), key=lambda row: (-gained[row], -gaps[row].sum(), -row))
        has = has.drop(index=has.index[ranked[0]])
