"""Facts of trials that ended early and were trained to their last epoch later.

If the state of such a trial is kept, the same trial continues, and a fact holds how it had ended.
If not, another trial with the same hyperparameters and seed is trained from the beginning, and a
fact of it names the first one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lemur_core.trial import State

ENDED_EARLY = "campaign.ended_early"
"""Fact of a trial that continued after it had ended early: an `EarlyEnd`."""
REPEATS = "campaign.repeats"
"""Fact of a trial that repeats another one, to its end or with another seed: its unique id."""
EARLY = (State.CONVERGED, State.PRUNED)
"""States of trials that ended before their last epoch although nothing failed."""


class EarlyEnd(NamedTuple):
    """How a trial had ended before it continued.

    Attributes:
        state: Its state.
        epochs: Number of its epochs.
        ended: When it ended, in ISO 8601; None if unknown.
    """

    state: State
    epochs: int
    ended: str | None

    @property
    def fact(self) -> dict[str, Any]:
        """The value of the fact `ENDED_EARLY`."""
        return self._asdict() | {"state": str(self.state)}

    @classmethod
    def of(cls, fact: Any) -> EarlyEnd | None:
        """Return the end that a fact holds; None if it holds none.

        >>> EarlyEnd.of({"state": "pruned", "epochs": 3, "ended": None}).epochs
        3
        """
        try:
            end = cls(State(fact["state"]), int(fact["epochs"]), fact["ended"])
        # Anybody may record a fact of any name.
        except (TypeError, KeyError, ValueError):
            return None
        return end if end.state in EARLY else None
