"""Start the processes that train; without torch, so that they import it while the campaign does."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from lemur_core.spawn import Spawned, spawn


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

    def __call__(self) -> Spawned:
        """Start a process that trains what it is sent."""
        return spawn(_main, self)


def _main(connection: Connection[Any, Any], how: Start) -> None:
    from lemur_core.train.child import main

    main(connection, how)
