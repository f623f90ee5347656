"""Run a parent process of a worker, which ends its process tree with it or with the campaign.

It runs no code of a net and imports no torch, so that it works whatever a net does: a call that
never returns blocks only the interpreter of its own process.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, NoReturn

from lemur_core.train.process_tree import adopt_orphans, end_children, signal_on_parent_death

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

# Polling interval if the kernel has no descriptors of processes.
_POLL_S = 0.2


def guard(connections: Sequence[Connection[Any, Any] | socket]) -> None:
    """Fork the worker and return in it; the guardian ends when the worker or the campaign does.

    The guardian's exit status is that of the worker. SIGTERM ends the guardian and the worker.

    Args:
        connections: Connections to the campaign; only the worker keeps them open.
    """
    os.setsid()
    adopt_orphans()
    guardian = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal_on_parent_death(signal.SIGKILL)
        if os.getppid() != guardian:
            os._exit(1)
        return
    for connection in connections:
        connection.close()
    _end_as(_watch(worker))


def descriptor_of(child: int) -> int | None:
    """Return a file descriptor that is ready once a child has ended; None if unsupported."""
    with suppress(AttributeError, OSError):
        return os.pidfd_open(child)
    return None


def _watch(worker: int) -> int | None:
    """Return the worker's exit status after ending its children; None if it had to be ended."""
    parent, ended = parent_process(), descriptor_of(worker)
    assert parent is not None
    # Ready when the campaign has ended, or asks this process to end.
    ends = [parent.sentinel, _end_signal()]
    handles = ends if ended is None else [*ends, ended]
    code = None
    while code is None:
        if not set(ends).isdisjoint(wait(handles, _POLL_S if ended is None else None)):
            break
        pid, status = os.waitpid(worker, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if pid else None
    end_children()
    return code


def _end_signal() -> int:
    """Return a file descriptor that is ready once a signal asks this process to end."""
    campaign = os.getppid()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    # A handler that raises an exception could interrupt anything, even ending processes.
    def end(number: int, frame: object) -> None:
        # The kernel also sends SIGUSR1 if only the thread ends that started this process.
        if number == signal.SIGTERM or os.getppid() != campaign:
            with suppress(BlockingIOError):
                os.write(writer, b"\0")

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, end)
    signal_on_parent_death(signal.SIGUSR1)
    return reader


def _end_as(code: int | None) -> NoReturn:
    if code is not None and code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code or 0)
