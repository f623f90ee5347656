"""Start the processes that train; without torch, so that they import it while the campaign does."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple


class Started(NamedTuple):
    """A process that trains what it is sent, and the pipe to it."""

    process: SpawnProcess
    connection: Connection[Any, Any]


class Start(NamedTuple):
    """How processes are started.

    Attributes:
        folder: Of the data sets.
        threads: CPU threads of each; None shares the cores among them.
        workers: How many train at once.
    """

    folder: Path
    threads: int | None = None
    workers: int = 1

    def __call__(self) -> Started:
        """Start a process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_main, args=(theirs, self))
        with _main_module_left_alone(), _interrupts_ignored():
            process.start()
        theirs.close()
        return Started(process, ours)


def _main(connection: Connection[Any, Any], how: Start) -> None:
    from lemur_core.train.child import main

    main(connection, how)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    # Ctrl-C reaches all processes of a terminal; one that is just starting would die of it.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _main_module_left_alone() -> Iterator[None]:
    # A spawned process imports the main module anew, which would run a user's script again; a
    # worker needs nothing of it.
    module = sys.modules["__main__"]
    kept = {
        name: vars(module).pop(name) for name in ("__file__", "__spec__") if hasattr(module, name)
    }
    module.__spec__ = None
    try:
        yield
    finally:
        vars(module).update(kept)
