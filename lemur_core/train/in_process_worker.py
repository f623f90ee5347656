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
    """Trains in this process, for debuggers; limits are not enforced."""

    def __init__(self, bundles: Bundles, device: str, hooks: EpochHooks | None = None) -> None:
        self.bundles, self.device = bundles, device
        self._hooks = hooks
        self._training: Generator[Epoch, TrialDecision, Outcome] | None = None
        self._decision: TrialDecision | None = None
        # Warnings in this process are shown by the process itself.
        self.notices: deque[str] = deque()

    def begin(self, trial: Trial) -> None:
        """Start to train a trial."""
        self._training, self._decision = attempt(trial, self.bundles, self._hooks), None

    def receive(self) -> Epoch | Outcome | None:
        """Train an epoch."""
        assert self._training is not None
        try:
            return self._training.send(self._decision)  # type: ignore[arg-type] # None starts it
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome

    def answer(self, decision: TrialDecision) -> None:
        """Set the decision on the last epoch."""
        self._decision = decision

    def handles(self) -> Collection[Any]:
        """Return nothing: `receive` trains, so there is nothing to wait for."""
        return ()

    def due_s(self) -> float:
        """Return 0: `receive` may be called at any time."""
        return 0.0

    def kill(self) -> None:
        """Abandon the trial."""
        self._training = None
