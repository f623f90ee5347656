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
_ENDED = ("Z", "X")  # states of a process that has ended and that its parent has not waited for


def this_process() -> str:
    """Return an identifier of this process: machine, process id and start time.

    The machine is a hash of the running kernel and of the namespaces for process ids and time. The
    start time is in clock ticks since the kernel started, so changes of the system clock do not
    affect it. If any part is unknown, the result is empty, and `has_ended` returns False for it.
    """
    machine, process = _machine(), os.getpid()
    if not machine:
        return ""
    try:
        return f"{machine} {process} {_stat(process)[1]}"
    except OSError:
        return ""


def runs_here(process: str) -> bool:
    """Return whether a process certainly runs on this machine.

    Args:
        process: Identifier of the process, from `this_process`.
    """
    machine = process.partition(" ")[0]
    return bool(machine) and machine == _machine() and not has_ended(process)


def has_ended(process: str) -> bool:
    """Return whether a process has certainly ended; False if that cannot be determined.

    Args:
        process: Identifier of the process, from `this_process`.
    """
    machine, _, process_part = process.partition(" ")
    if not machine or machine != _machine():
        return False
    process_id, _, started = process_part.partition(" ")
    try:
        # Not by reading /proc, which may hide the processes of other users.
        with suppress(PermissionError):
            os.kill(int(process_id), 0)
        state, start_time = _stat(int(process_id))
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return state in _ENDED or start_time != started


def earlier_owner_lives(owner: str, seen: str, patience_s: float) -> bool:
    """Return whether an owner that lemur 0.1 recorded still trains.

    Args:
        owner: Host, process id and start time of the process.
        seen: When the owner last wrote, ISO 8601; the only evidence for a process on another host.
        patience_s: How long ago that may be, in seconds.
    """
    host, _, process = owner.partition(" ")
    if host != socket.gethostname():
        return datetime.now(UTC).timestamp() - datetime.fromisoformat(seen).timestamp() < patience_s
    number, _, start_time = process.partition(" ")
    try:
        since_s = psutil.Process(int(number)).create_time() - float(start_time)
        # The start time is derived from the boot time, which clock adjustments change slightly.
        return abs(since_s) < _SAME_PROCESS_S
    except (psutil.NoSuchProcess, ValueError):
        return False


def _machine() -> str:
    """Return an identifier of the kernel and the namespaces; empty if unknown."""
    try:
        # If /proc belongs to another process namespace, it does not describe this process.
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""
        parts = [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
            os.readlink("/proc/self/ns/pid"),
        ]
        # Linux has time namespaces since version 5.6.
        with suppress(FileNotFoundError):
            parts.append(os.readlink("/proc/self/ns/time"))
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _stat(process: int) -> tuple[str, str]:
    """Return a process's state and its start time in clock ticks since the kernel started."""
    # The process name, in parentheses, may contain any character.
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]
