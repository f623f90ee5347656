"""How much time and memory a trial may take, and whether it took more."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

# Importing torch takes seconds, on a busy machine many.
START_LIMIT_S = 300.0
# How often memory is looked at, while there is a limit to it.
_LOOK_S = 0.2


@dataclass(frozen=True)
class TrialLimits:
    """What a trial may take before it is ended from outside.

    Attributes:
        epoch_s: Seconds for one epoch, scoring included; the first has what comes before it too.
        trial_s: Seconds for all epochs; None is no limit.
        memory_bytes: Resident memory of its process; None is no limit.
        start_s: Seconds until a process is ready to train.
    """

    epoch_s: float = 30 * 60
    trial_s: float | None = None
    memory_bytes: int | None = None
    start_s: float = START_LIMIT_S


class LimitReachedError(Exception):
    """A trial took more than it may."""


class LimitWatch:
    """Knows what the trial of one process has taken.

    Attributes:
        is_ready: Whether the process can train.
    """

    def __init__(self, process: int | None, limits: TrialLimits) -> None:
        self.limits = limits
        self._memory: psutil.Process | None = None
        self._started = time.monotonic()
        self.is_ready = False
        if process is not None:
            self.look_at(process)

    def look_at(self, process: int) -> None:
        """Watch the memory of this process."""
        if self.limits.memory_bytes:
            # It may have ended already.
            with suppress(psutil.NoSuchProcess):
                self._memory = psutil.Process(process)

    def begin(self, epoch: int) -> None:
        """Begin to count the time of a trial, whose next epoch this is."""
        self._epoch = epoch
        self._trial_began = self._epoch_began = time.monotonic()

    def ready(self) -> None:
        """Begin to count only here: until then the process could not train."""
        self.is_ready = True
        self.begin(self._epoch)

    def epoch_ended(self) -> None:
        """Begin to count the next epoch's time."""
        self._epoch += 1
        self._epoch_began = time.monotonic()

    def due_s(self) -> float:
        """Return the seconds after which to check again."""
        return max(0.0, min(_LOOK_S if self._memory else math.inf, *self._left_s().values()))

    def check(self) -> None:
        """Raise `LimitReachedError`, which says what, where the trial took more than it may."""
        for what, left_s in self._left_s().items():
            if left_s <= 0:
                raise LimitReachedError(what)
        self._check_memory()

    def _left_s(self) -> dict[str, float]:
        now, limits = time.monotonic(), self.limits
        if not self.is_ready:
            text = f"no worker process was ready within {limits.start_s:g} s"
            return {text: self._started + limits.start_s - now}
        text = f"epoch {self._epoch} took longer than {limits.epoch_s:g} s"
        left_s = {text: self._epoch_began + limits.epoch_s - now}
        if limits.trial_s is not None:
            text = f"the trial took longer than {limits.trial_s:g} s"
            left_s[text] = self._trial_began + limits.trial_s - now
        return left_s

    def _check_memory(self) -> None:
        limit = self.limits.memory_bytes
        if self._memory is None or limit is None:
            return
        try:
            resident = self._memory.memory_info().rss
        except psutil.NoSuchProcess:
            return
        if resident > limit:
            raise LimitReachedError(
                f"its process took {resident / 2**30:.2f} GiB of memory; "
                f"the limit is {limit / 2**30:.2f} GiB"
            )
