"""Train trials in this process."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from lemur_core.train.attempt import attempt

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from lemur_core.train.data import Bundles
    from lemur_core.train.epoch_hooks import EpochHooks
    from lemur_core.trial import Epoch, Outcome, Trial, TrialDecision


class InProcessWorker:
    """Trains in this process, for debuggers; nothing holds it to limits."""

    def __init__(self, bundles: Bundles, device: str, hooks: EpochHooks | None = None) -> None:
        self.bundles, self.device = bundles, device
        self._hooks = hooks
        self._going: Generator[Epoch, TrialDecision, Outcome] | None = None
        self._verdict: TrialDecision | None = None
        # Warnings of this process are its own.
        self.notices: deque[str] = deque()

    def begin(self, trial: Trial) -> None:
        """Begin to train a trial."""
        self._going, self._verdict = attempt(trial, self.bundles, self._hooks), None

    def receive(self) -> Epoch | Outcome | None:
        """Train an epoch."""
        assert self._going is not None
        try:
            return self._going.send(self._verdict)  # type: ignore[arg-type] # None begins it
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome

    def answer(self, verdict: TrialDecision) -> None:
        """Say whether to go on."""
        self._verdict = verdict

    def handles(self) -> Collection[Any]:
        """Return nothing: it has to say what it is asked for."""
        return ()

    def due_s(self) -> float:
        """Return 0: it may be asked at any time."""
        return 0.0

    def kill(self) -> None:
        """Forget the trial."""
        self._going = None
