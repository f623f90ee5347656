"""Handle Ctrl-C: the first finishes the epoch, the second stops at once."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from lemur_core.train.stop import StopNow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interruption(AbstractContextManager["Interruption"]):
    """Handles Ctrl-C while it is entered, in the main thread.

    The second Ctrl-C raises `StopNow`, which differs from a `KeyboardInterrupt` of a net.

    Attributes:
        is_requested: Whether Ctrl-C was pressed.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.is_requested = False
        self._tell = tell
        self._before: Any = None

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
