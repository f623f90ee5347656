"""Workers: what a campaign gives its trials to."""

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
        device: The torch device that its trials are for.
        notices: Lines that were warned with while it trained, the oldest first; whoever asks takes
            them.
    """

    device: str
    notices: deque[str]

    def begin(self, trial: Trial) -> None:
        """Begin to train a trial."""

    def receive(self) -> Epoch | Outcome | None:
        """Return what it has to say of its trial; None where it trains still."""

    def answer(self, verdict: TrialDecision) -> None:
        """Say, to an epoch that it told, whether to go on."""

    def handles(self) -> Collection[Any]:
        """Return what `multiprocessing.connection.wait` finds ready when it may have to say."""

    def due_s(self) -> float:
        """Return the seconds after which it must be asked again, ready or not."""

    def kill(self) -> None:
        """End what it does, whatever that is."""


def wait_for(workers: Collection[Worker], at_most_s: float = math.inf) -> None:
    """Return when one of the workers has to be asked, or may, or after so many seconds."""
    wait(
        [handle for worker in workers for handle in worker.handles()],
        min([at_most_s, *(worker.due_s() for worker in workers)]),
    )
