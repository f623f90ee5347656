"""The worker process: trains the trials that it is sent, one after another."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path

import torch

from lemur_core.kinds.loader import DataBundle
from lemur_core.train.attempt import attempt
from lemur_core.train.data import Bundles
from lemur_core.trial import Epoch, Trial, Verdict


@dataclass(frozen=True)
class Job:
    """A trial for a worker, and its data where the worker does not have it yet.

    Attributes:
        trial: What to train.
        shared: Its data, in memory that both processes see; None where the worker has it already
            or must build it.
    """

    trial: Trial
    shared: DataBundle | None = None


READY = "ready"


def main(connection: Connection, folder: Path, threads: int | None) -> None:
    """Train trials until the other side is closed.

    Says that it is ready; then takes each `Job`, sends each `Epoch`, takes a `Verdict` on it, and
    sends the `Outcome`.
    """
    # The campaign decides what an interruption means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What nets print must not get between the campaign's own lines.
    sys.stdout.flush()
    os.dup2(2, 1)
    if threads:
        torch.set_num_threads(threads)
    bundles = Bundles(folder)

    def epoch_ended(epoch: Epoch) -> Verdict:
        connection.send(epoch)
        verdict: Verdict = connection.recv()
        return verdict

    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection.send(READY)
    while True:
        try:
            job: Job = connection.recv()
        except EOFError:
            return
        pipeline = job.trial.pipeline
        if job.shared is not None:
            bundles.put(pipeline, job.shared)
        connection.send(attempt(job.trial, bundles, epoch_ended))


def _end_with_parent() -> None:
    # A campaign that was killed may be given again at once; the trial that it goes on with must not
    # be trained by this process too.
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
