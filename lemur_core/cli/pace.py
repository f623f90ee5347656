"""How far a campaign is, and how long the rest will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lemur_core.events import (
    CampaignStarted,
    EpochEnded,
    Event,
    StudyStarted,
    TrialFinished,
    TrialStarted,
)
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """How much of a campaign is done, and how long the rest will take.

    Attributes:
        total: Epochs of the whole campaign.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._trained = self._spared = self._epochs = 0
        self.total = 0

    def take(self, event: Event) -> None:
        """Count an event."""
        match event:
            case CampaignStarted():
                self._began, self._epochs = self._clock(), event.epochs
                self.total = event.trials * event.epochs
            case StudyStarted():
                # What was trained before is only known when its study begins.
                self.total -= (event.asked - event.trials) * self._epochs
            case TrialStarted(trial):
                self._spared += len(trial.done)
            case EpochEnded():
                self._trained += 1
            case TrialFinished(_, outcome):
                # A trial that failed is repeated, so nothing is spared.
                if outcome.state in (State.PRUNED, State.CONVERGED):
                    self._spared += self._epochs - len(outcome.epochs)
                if outcome.state is State.FAILED:
                    self.total += len(outcome.epochs)

    @property
    def done(self) -> int:
        """Epochs that are trained, or will not be as their trial was stopped."""
        return self._trained + self._spared

    @property
    def elapsed_s(self) -> float:
        """Seconds since the campaign began."""
        return self._clock() - self._began

    @property
    def left_s(self) -> float | None:
        """Seconds until the end, at the mean pace so far; None before the first epoch."""
        if not self._trained:
            return None
        return max(0, self.total - self.done) * self.elapsed_s / self._trained
