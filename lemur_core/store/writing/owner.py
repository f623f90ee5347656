"""Identify a process so that others can tell whether it has ended."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

_SAME_PROCESS_S = 5.0
_ENDED = ("Z", "X")  # of a process that is only waited for by its parent


def this_process() -> str:
    """Return what identifies this process: machine, process id, and when it started.

    The machine is a hash of the running kernel and of the namespaces in which it numbers processes
    and counts time; the start is in clock ticks since the kernel started, so that no step of the
    clock changes it. Where any of it is unknown, the text is empty: `has_ended` then never says so.
    """
    machine, process = _machine(), os.getpid()
    if not machine:
        return ""
    try:
        return f"{machine} {process} {_stat(process)[1]}"
    except OSError:
        return ""


def has_ended(process: str) -> bool:
    """Return whether a process is certain to have ended; False if that cannot be told here.

    Args:
        process: As `this_process` gives it.
    """
    machine, _, rest = process.partition(" ")
    if not machine or machine != _machine():
        return False
    number, _, started = rest.partition(" ")
    try:
        # Not by looking into /proc, which may hide the processes of other users.
        with suppress(PermissionError):
            os.kill(int(number), 0)
        state, since = _stat(int(number))
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return state in _ENDED or since != started


def earlier_owner_lives(owner: str, seen: str, patience_s: float) -> bool:
    """Return whether an owner that lemur 0.1 named still trains.

    Args:
        owner: Host, process id, and when the process started.
        seen: When it last wrote, ISO 8601; all that is known of a process on another host.
        patience_s: How long ago that may be.
    """
    host, _, process = owner.partition(" ")
    if host != socket.gethostname():
        return datetime.now(UTC).timestamp() - datetime.fromisoformat(seen).timestamp() < patience_s
    number, _, began = process.partition(" ")
    try:
        since_s = psutil.Process(int(number)).create_time() - float(began)
        # Reckoned from when the machine booted, which an adjusted clock moves a little.
        return abs(since_s) < _SAME_PROCESS_S
    except (psutil.NoSuchProcess, ValueError):
        return False


def _machine() -> str:
    """Return what identifies the kernel and the namespaces; empty where that is not known."""
    try:
        # Where /proc shows the processes of another namespace, it says nothing of this one's.
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""
        parts = [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
            os.readlink("/proc/self/ns/pid"),
        ]
        # Linux has namespaces of time since 5.6.
        with suppress(FileNotFoundError):
            parts.append(os.readlink("/proc/self/ns/time"))
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _stat(process: int) -> tuple[str, str]:
    """Return a process's state, and when it started, in clock ticks since the kernel did."""
    # The name, in parentheses, may hold any character.
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]
