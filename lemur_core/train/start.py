"""Start the processes that train; without torch, so that they import it while the campaign does."""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.notices import write_output
from lemur_core.spawn import SpawnedProcess, spawn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


class WorkerStart(NamedTuple):
    """How processes are started.

    Attributes:
        folder: Of the data sets.
        threads: CPU threads of each; None shares the cores among them.
        workers: How many train at once.
    """

    folder: Path
    threads: int | None = None
    workers: int = 1

    def __call__(self) -> SpawnedProcess:
        """Start a process that trains what it is sent."""
        if os.name != "posix":
            return spawn(_main, self)
        ours, theirs = multiprocessing.Pipe(duplex=False)
        spawned = spawn(_main, self, theirs)
        theirs.close()
        return spawned._replace(output=ours)


def _main(
    connection: Connection[Any, Any], how: WorkerStart, output: Connection[Any, Any] | None = None
) -> None:
    if output is not None:
        # Before torch is imported, which may warn too.
        write_output(output.fileno())
        output.close()
    if sys.platform == "linux":
        from lemur_core.train.guardian import guard

        # Before torch is imported: what watches is small.
        guard([connection])
    from lemur_core.train.child import main

    main(connection, how)
