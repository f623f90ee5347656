"""Which process trains a trial, and whether it still lives."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta

import psutil

_SAME_PROCESS_S = 5.0


def this_process() -> str:
    """Return this process as trials name their owner: host, process id and when it began."""
    began = psutil.Process().create_time()
    return f"{socket.gethostname()} {os.getpid()} {began:.0f}"


def is_alive(owner: str, seen: str, patience_s: float) -> bool:
    """Return whether an owner still trains.

    Args:
        owner: As `this_process` gives it.
        seen: When it last wrote, ISO 8601; all that is known of a process on another host.
        patience_s: How long ago that may be.
    """
    host, process, began = owner.rsplit(" ", 2)
    if host != socket.gethostname():
        return datetime.now(UTC) - datetime.fromisoformat(seen) < timedelta(seconds=patience_s)
    try:
        since_s = psutil.Process(int(process)).create_time() - float(began)
        # Reckoned from when the machine booted, which an adjusted clock moves a little.
        return abs(since_s) < _SAME_PROCESS_S
    except psutil.NoSuchProcess:
        return False
