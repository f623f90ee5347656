"""Measure the progress of a campaign and estimate the time left."""

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
    """Counts the epochs of a campaign and estimates the time left.

    Args:
        clock: Returns the time in seconds.

    Attributes:
        total: Number of epochs of the whole campaign.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._training_since: float | None = None
        self._trained = self._skipped = self._epochs = 0
        self.total = 0

    def take(self, event: Event) -> None:
        """Count an event."""
        match event:
            case CampaignStarted():
                self._began, self._epochs = self._clock(), event.epochs
                self.total = event.trials * event.epochs
            case StudyStarted():
                # How many trials exist already is only known when the study starts.
                self.total -= (event.planned - event.trials) * self._epochs
            case TrialStarted(trial, completes):
                if self._training_since is None:
                    self._training_since = self._clock()
                if completes:
                    # Its missing epochs were skipped when it ended early.
                    self.total += trial.epochs - len(trial.done)
                else:
                    self._skipped += trial.next_epoch - 1
            case EpochEnded():
                self._trained += 1
            case TrialFinished(_, outcome):
                # A failed trial is repeated, so its remaining epochs are not skipped.
                if outcome.state in (State.PRUNED, State.CONVERGED):
                    self._skipped += self._epochs - len(outcome.epochs)
                if outcome.state is State.FAILED:
                    self.total += len(outcome.epochs)

    @property
    def done(self) -> int:
        """Number of epochs that were trained, or are skipped because their trial was stopped."""
        return self._trained + self._skipped

    @property
    def elapsed_s(self) -> float:
        """Seconds since the campaign began."""
        return self._clock() - self._began

    @property
    def left_s(self) -> float | None:
        """Estimated seconds until the end, from the mean pace; None before the first epoch.

        The time before the first trial, in which data is read, does not count.
        """
        if not self._trained or self._training_since is None:
            return None
        training_s = self._clock() - self._training_since
        return max(0, self.total - self.done) * training_s / self._trained
