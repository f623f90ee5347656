"""Start worker processes without importing torch, so that it is imported in parallel."""

from __future__ import annotations

import multiprocessing
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.garbage import collection_paused
from lemur_core.notices import write_output
from lemur_core.spawn import SpawnedProcess, spawn
from lemur_core.train.fork import forks_for
from lemur_core.train.guardian import guard
from lemur_core.train.process_tree import IS_LINUX
from lemur_core.train.template import template

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


# Files of the drivers of NVIDIA's and AMD's GPUs on Linux.
_GPUS = ("/dev/nvidiactl", "/dev/kfd")


class WorkerStart(NamedTuple):
    """Settings with which worker processes are started.

    Attributes:
        folder: Folder of the datasets.
        threads: CPU threads of each process; None divides the cores among the workers.
        workers: Number of workers that train at once.
    """

    folder: Path
    threads: int | None = None
    workers: int = 1

    def __call__(self, device: str = "cpu") -> SpawnedProcess:
        """Start a process that trains the trials that it is sent.

        Args:
            device: The torch device that they use. The driver of a GPU cannot be used in a fork of
                a process that has looked for GPUs, as importing torch may do.
        """
        return template.fork(_main, self) if forks_for(device) else self._spawned()

    def _spawned(self) -> SpawnedProcess:
        if os.name != "posix":
            return spawn(_main, self)
        reader, writer = multiprocessing.Pipe(duplex=False)
        spawned = spawn(_main, self, writer)
        writer.close()
        return spawned._replace(output=reader)

    def ahead(self) -> list[SpawnedProcess]:
        """Start what takes seconds to be ready, and return the processes that can train already."""
        if IS_LINUX and not any(map(os.path.exists, _GPUS)):
            template.start()
            return []
        return [self._spawned() for _ in range(self.workers)]


def _main(
    connection: Connection[Any, Any], how: WorkerStart, output: Connection[Any, Any] | None = None
) -> None:
    if output is not None:
        # Before importing torch, which may print warnings too.
        write_output(output.fileno())
        output.close()
    if IS_LINUX:
        guard([connection])
    with collection_paused():
        from lemur_core.train.child import main

        # The first step of an optimizer would import it, which takes seconds; the campaign is not
        # ready yet.
        import_module("torch._dynamo")
    main(connection, how)
