"""The interface of workers, to which a campaign assigns its trials."""

from __future__ import annotations

import math
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Collection

    from lemur_core.trial import Epoch, Outcome, Trial, TrialDecision


class Worker(Protocol):
    """Trains one trial at a time.

    Attributes:
        device: The torch device that trials use.
        notices: Warnings during training, the oldest first; the reader removes them.
    """

    device: str
    notices: deque[str]

    def begin(self, trial: Trial) -> None:
        """Start to train a trial."""

    def receive(self) -> Epoch | Outcome | None:
        """Return the trial's next epoch or its outcome; None if there is none yet."""

    def answer(self, decision: TrialDecision) -> None:
        """Send the decision on the epoch that `receive` returned."""

    def handles(self) -> Collection[Any]:
        """Return handles for `multiprocessing.connection.wait` that wake up a waiting caller."""

    def due_s(self) -> float:
        """Return the seconds after which `receive` must be called even if no handle is ready."""

    def kill(self) -> None:
        """End the trial at once, whatever it does."""


def wait_for(workers: Collection[Worker], at_most_s: float = math.inf) -> None:
    """Wait until `receive` of a worker should be called, or for so many seconds at most."""
    wait(
        [handle for worker in workers for handle in worker.handles()],
        min([at_most_s, *(worker.due_s() for worker in workers)]),
    )
