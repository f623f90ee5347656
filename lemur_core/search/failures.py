"""Decide when to give up on a net whose trials fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lemur_core.trial import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Sequence

# A net that has succeeded before may fail this many times as often in a row.
_IN_A_ROW = 10


def reason_to_give_up(outcomes: Sequence[Outcome], attempts: int, *, well: int) -> str:
    """Return why a net is given up, or an empty text if it is not.

    A net is given up at once if its data is corrupt, after ``attempts`` identical failures at the
    start if no trial ever succeeded, or after ten times as many failures of any kind in a row.

    Args:
        outcomes: The outcomes of its trials in this campaign, in order.
        attempts: The number of identical failures.
        well: The number of trials that ended well in earlier campaigns.
    """
    corrupt = next((outcome for outcome in outcomes if outcome.corrupt), None)
    if corrupt:
        return corrupt.reason
    first, latest = outcomes[:attempts], outcomes[-attempts * _IN_A_ROW :]
    if not well and len(first) == attempts and _alike(first):
        how_many = "trial failed" if attempts == 1 else f"{attempts} trials failed in the same way"
        return f"its first {how_many}: {first[-1].reason}"
    if len(latest) == attempts * _IN_A_ROW and all(map(_failure, latest)):
        return f"its last {len(latest)} trials failed, the last of them: {latest[-1].reason}"
    return ""


def _alike(outcomes: Sequence[Outcome]) -> bool:
    failures = set(map(_failure, outcomes))
    return len(failures) == 1 and "" not in failures


def _failure(outcome: Outcome) -> str:
    """Return the reason of a failure with its numbers masked; empty if the trial did not fail."""
    return re.sub(r"\d+", "0", outcome.reason) if outcome.state is State.FAILED else ""
