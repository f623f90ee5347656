"""Call something every few seconds, in a thread, for as long as an object lives."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Heartbeat:
    """Calls a method of an object, which ends it once it is collected.

    Args:
        method: What is called; it must not raise.
        every_s: Seconds between two calls.
    """

    def __init__(self, method: Callable[[], None], every_s: float) -> None:
        self._stop = threading.Event()
        found = weakref.WeakMethod(method, lambda _: self._stop.set())
        self._thread = threading.Thread(
            target=_call, args=(found, self._stop, every_s), name="lemur-heartbeat", daemon=True
        )
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it calls nothing any more."""
        return self._stop.is_set()

    def end(self, *_: object) -> None:
        """End it; a call that is under way goes on."""
        self._stop.set()

    def stop(self, wait_s: float) -> None:
        """End it, and wait so long for a call that is under way."""
        self.end()
        self._thread.join(wait_s)


def _call(found: weakref.WeakMethod[Any], stop: threading.Event, every_s: float) -> None:
    while not stop.wait(every_s):
        method = found()
        if method is None:
            return
        method()
        del method
