"""Stop a campaign after the epoch, by Ctrl-C or a deadline; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from lemur_core.train.stop import StopNow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interruption(AbstractContextManager["Interruption"]):
    """Handles Ctrl-C while it is entered, in the main thread.

    The second Ctrl-C raises `StopNow`, which differs from a `KeyboardInterrupt` of a net.

    Args:
        tell: Called with a line when Ctrl-C is pressed.
        deadline: The time at which the campaign is to stop; None for no limit.
        clock: Returns the time in seconds.

    Attributes:
        is_requested: Whether Ctrl-C was pressed.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_requested = False
        self._deadline, self._clock = deadline, clock
        self._tell = tell
        self._before: Any = None

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and self._clock() >= self._deadline

    @property
    def stops(self) -> bool:
        """Whether to start no further trial, and to end running ones after their epoch."""
        return self.is_requested or self.is_late

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.is_requested:
            raise StopNow
        self.is_requested = True
        self._tell("finishing the epoch, then stopping; Ctrl-C again stops now")


@contextmanager
def stopped_at_once() -> Iterator[None]:
    """Have Ctrl-C raise `StopNow` in the main thread, so that it is not attributed to a net."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise StopNow

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
