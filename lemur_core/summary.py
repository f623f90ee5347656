"""How a campaign ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_core.trial import State

if TYPE_CHECKING:
    from lemur_core.search.forecast import EstimatorAudit
    from lemur_core.store.reading.standings import Standing


@dataclass
class Summary:
    """How a campaign ended.

    Attributes:
        standings: The best epoch of each pipeline by validation, over all that the database holds
            of it, the highest validation first.
        states: How many of this campaign's trials ended in each state.
        reasons: How many of them failed for each reason.
        left_out: What is missing and why, a line each: pipelines that were left out or set aside,
            studies whose sampler has nothing left to propose, records that wait for the database.
        audit: How the campaign's estimator did; None where it had none.
        db: Where the results are.
        interrupted: Whether it was ended before its time.
        unwritten: How many records wait beside the database, as it did not take them.
    """

    standings: list[Standing] = field(default_factory=list)
    states: Counter[State] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    audit: EstimatorAudit | None = None
    db: str = ""
    interrupted: bool = False
    unwritten: int = 0

    @property
    def exit_status(self) -> int:
        """0 when all was done and recorded, 1 when some was not, 130 when it was interrupted."""
        if self.interrupted:
            return 130
        return int(bool(self.states[State.FAILED] or self.unwritten))
