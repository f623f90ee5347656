"""How much time and memory a trial may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a trial may take before it is ended from outside.

    Attributes:
        epoch_s: Seconds for one epoch, scoring included; the first has what comes before it too.
        trial_s: Seconds for all epochs; None is no limit.
        memory_bytes: Resident memory of its process; None is no limit.
    """

    epoch_s: float = 30 * 60
    trial_s: float | None = None
    memory_bytes: int | None = None
