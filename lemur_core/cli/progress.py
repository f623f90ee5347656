"""Show how a campaign goes: live on a terminal, else line by line, as JSON, or not at all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from lemur_core.search.events import CampaignStarted, EpochEnded, Event, TrialFinished
from lemur_core.trial import State

if TYPE_CHECKING:
    from lemur_core.search.campaign import Summary


class Show(Protocol):
    """Watches a campaign and tells of its end."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def ended(self, summary: Summary) -> None:
        """Show how it all ended."""


def watching(*, quiet: bool, as_json: bool) -> AbstractContextManager[Show]:
    """Return what shows a campaign, to be entered before torch is loaded."""
    if as_json:
        from lemur_core.cli.jsonl import JsonLines

        return JsonLines()
    from lemur_core.cli import lines

    if quiet:
        return lines.Quiet()
    if sys.stdout.isatty():
        from lemur_core.cli.live import Live

        return Live()
    return lines.Lines()


class Pace:
    """How much of a campaign is done, and how long the rest will take.

    Attributes:
        total: Epochs of the whole campaign.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._trained = self._spared = self._in_trial = self._epochs = 0
        self.total = 0

    def take(self, event: Event) -> None:
        """Count an event."""
        match event:
            case CampaignStarted():
                self._began, self._epochs = self._clock(), event.epochs
                self.total = event.trials * event.epochs
            case EpochEnded():
                self._trained += 1
                self._in_trial += 1
            case TrialFinished():
                # A trial that failed is repeated, so nothing is spared.
                if event.outcome.state is State.PRUNED:
                    self._spared += self._epochs - self._in_trial
                if event.outcome.state is State.FAILED:
                    self.total += self._in_trial
                self._in_trial = 0

    @property
    def done(self) -> int:
        """Epochs that were trained, or will not be as their trial was pruned."""
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
