"""How a campaign ended: the leaderboard, what failed, and where the results are."""

from __future__ import annotations

import shlex
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING

from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import duration, prm_text
from lemur_core.escapes import join_lines
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.search.forecast import EstimatorAudit
    from lemur_core.store.reading.standings import Standing
    from lemur_core.summary import Summary

HEADERS = ("net", "test", "validation", "trial", "epoch", "seconds", "hyperparameters")


def ending(summary: Summary, elapsed_s: float) -> str:
    """Return the text that ends a campaign."""
    parts = [*_boards(summary.standings), join_lines(_closing(summary, elapsed_s))]
    return "\n\n".join(parts)


def _boards(standings: list[Standing]) -> Iterator[str]:
    ordered = sorted(standings, key=lambda one: (_where(one), -one.validation))
    for where, group in groupby(ordered, _where):
        rows = [
            [
                one.pipeline.rpartition("_")[2], f"{one.accuracy:.4f}", f"{one.validation:.4f}",
                one.trial, one.epoch, f"{one.duration_ns / 1e9:.1f}", prm_text(one.prm),
            ]
            for one in group
        ]  # fmt: skip
        yield headed(where, text_table(HEADERS, rows))


def _where(standing: Standing) -> str:
    return standing.pipeline.rpartition("_")[0]


def _closing(summary: Summary, elapsed_s: float) -> Iterator[str]:
    told = [f"{summary.states[state]} {state}" for state in State if summary.states[state]]
    yield f"trials: {', '.join(told) or 'none to train'}, in {duration(elapsed_s)}"
    for reason, count in summary.reasons.most_common():
        yield f"  {count} failed: {reason}"
    if summary.audit:
        yield from _audited(summary.audit)
    yield f"results: {summary.db} (lemur data{_flag(summary.db)})"


def _audited(audit: EstimatorAudit) -> Iterator[str]:
    share = audit.spared / audit.asked if audit.asked else 0
    yield (
        f"estimator {audit.estimator}: {audit.stopped} stopped, {audit.spared} of {audit.asked} "
        f"epochs spared ({share:.0%})"
    )
    if audit.drawn:
        predicted, measured = zip(*audit.drawn, strict=True)
        off = [abs(one - other) for one, other in audit.drawn]
        yield (
            f"  {len(off)} trained on to see: predicted {fmean(predicted):.4f}, came to "
            f"{fmean(measured):.4f} in the mean; off by {fmean(off):.4f}, {max(off):.4f} at most"
        )


def _flag(db: str) -> str:
    return "" if db == "lemur.db" else f" --db {shlex.quote(db)}"
