"""Enforce the limits on the time and memory of trials."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

# Importing torch takes seconds, on a busy machine many seconds.
START_LIMIT_S = 300.0
# Polling interval for memory, if it is limited.
_POLL_S = 0.2


@dataclass(frozen=True)
class TrialLimits:
    """Limits beyond which a trial is ended from outside.

    Attributes:
        epoch_s: Seconds for one epoch, scoring included; the first epoch includes the set-up.
        trial_s: Seconds for all epochs; None for no limit.
        memory_bytes: Resident memory of the trial's process; None for no limit.
        start_s: Seconds until a worker process is ready to train.
    """

    epoch_s: float = 30 * 60
    trial_s: float | None = None
    memory_bytes: int | None = None
    start_s: float = START_LIMIT_S


class LimitReachedError(Exception):
    """A trial exceeded a limit."""


class LimitWatch:
    """Measures what the trial of one process uses, and checks it against limits.

    Args:
        limits: The limits.

    Attributes:
        is_ready: Whether the process is ready to train.
    """

    def __init__(self, limits: TrialLimits) -> None:
        self.limits = limits
        self._memory: psutil.Process | None = None
        self._started = time.monotonic()
        self.is_ready = False

    def watch_memory_of(self, process: int) -> None:
        """Watch the memory of this process from here on."""
        if self.limits.memory_bytes:
            # The process may have ended already.
            with suppress(psutil.NoSuchProcess):
                self._memory = psutil.Process(process)

    def begin(self, epoch: int) -> None:
        """Start to measure a trial, whose next epoch has this number."""
        self._epoch = epoch
        self._trial_began = self._epoch_began = time.monotonic()

    def mark_ready(self) -> None:
        """Restart the measurement when the process becomes ready to train."""
        self.is_ready = True
        self.begin(self._epoch)

    def start_next_epoch(self) -> None:
        """Start to measure the next epoch."""
        self._epoch += 1
        self._epoch_began = time.monotonic()

    def due_s(self) -> float:
        """Return the seconds after which `check` must be called again."""
        return max(0.0, min(_POLL_S if self._memory else math.inf, *self._left_s().values()))

    def check(self) -> None:
        """Raise `LimitReachedError`, naming the limit, if the trial exceeds one."""
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
