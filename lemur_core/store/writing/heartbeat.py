"""Call a method every few seconds in a thread, for as long as its object lives."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Heartbeat:
    """Calls a method of an object periodically until the object is garbage-collected.

    Args:
        method: The method; it must not raise.
        every_s: Seconds between two calls.
    """

    def __init__(self, method: Callable[[], None], every_s: float) -> None:
        self._stop = threading.Event()
        method_reference = weakref.WeakMethod(method, lambda _: self._stop.set())
        self._thread = threading.Thread(
            target=_call,
            args=(method_reference, self._stop, every_s),
            name="lemur-heartbeat",
            daemon=True,
        )
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._stop.is_set()

    def end(self, *_: object) -> None:
        """Stop calling the method; a call in progress continues."""
        self._stop.set()

    def stop(self, wait_s: float) -> None:
        """Stop calling the method, and wait up to ``wait_s`` seconds for a call in progress."""
        self.end()
        self._thread.join(wait_s)


def _call(method_reference: weakref.WeakMethod[Any], stop: threading.Event, every_s: float) -> None:
    while not stop.wait(every_s):
        method = method_reference()
        if method is None:
            return
        method()
        del method
