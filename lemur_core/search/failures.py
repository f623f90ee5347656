"""When a net that fails is given up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lemur_core.trial import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Sequence

# Failures in a row, in units of those that are enough where there was nothing else.
_BAD_LUCK = 10


def given_up(outcomes: Sequence[Outcome], attempts: int, *, well: int) -> str:
    """Return why a net is given up, at once where its data is corrupt; empty where it is not.

    Args:
        outcomes: How its trials ended, in that order.
        attempts: So many are enough where all fail alike, and none ever ended well; ten times as
            many in a row are, whatever else there was.
        well: How many ended well before these.
    """
    corrupt = next((outcome for outcome in outcomes if outcome.corrupt), None)
    if corrupt:
        return corrupt.reason
    first, last = outcomes[:attempts], outcomes[-attempts * _BAD_LUCK :]
    if not well and len(first) == attempts and _alike(first):
        how_many = "trial failed" if attempts == 1 else f"{attempts} trials failed alike"
        return f"its first {how_many}: {first[-1].reason}"
    if len(last) == attempts * _BAD_LUCK and all(map(_way, last)):
        return f"its last {len(last)} trials failed, the last of them: {last[-1].reason}"
    return ""


def _alike(outcomes: Sequence[Outcome]) -> bool:
    ways = set(map(_way, outcomes))
    return len(ways) == 1 and "" not in ways


def _way(outcome: Outcome) -> str:
    """Return how a trial failed, but for its numbers; empty where it did not."""
    return re.sub(r"\d+", "0", outcome.reason) if outcome.state is State.FAILED else ""
