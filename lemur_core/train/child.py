"""The worker process: trains the trials that it is sent, one after another."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lemur_core.kinds.loader import DataBundle
from lemur_core.registry import installed
from lemur_core.train.attempt import attempt
from lemur_core.train.corrupt import Corrupt
from lemur_core.train.data import Bundles, Key
from lemur_core.train.epoch_hooks import EpochHooks
from lemur_core.train.messages import READY, encode
from lemur_core.train.start import Start
from lemur_core.trial import Trial


class SharedData(NamedTuple):
    """What a worker is told of a data set, once.

    Attributes:
        bundle: In memory that both processes see; None where the worker must build it.
        corrupt: The samples to leave out when it does.
    """

    bundle: DataBundle | None
    corrupt: Corrupt


@dataclass(frozen=True)
class Job:
    """A trial for a worker, and its data where the worker does not have it yet.

    Attributes:
        trial: What to train.
        data: None where the worker has it.
        dropped: Data sets that no trial needs any more.
    """

    trial: Trial
    data: SharedData | None = None
    dropped: Sequence[Key] = ()


def main(connection: Connection[Any, Any], how: Start) -> None:
    """Train trials until the other side is closed.

    Says that it is ready; then takes each `Job`, sends each epoch, takes a verdict on it, and sends
    the outcome.
    """
    _stand_alone()
    torch.set_num_threads(how.threads or max(1, torch.get_num_threads() // how.workers))
    # The first step of an optimizer would import it, for seconds; the campaign is busy still.
    importlib.import_module("torch._dynamo")
    bundles, hooks = Bundles(how.folder), EpochHooks(installed())
    # The other side may be closed at any time, with words of this one unheard.
    with suppress(EOFError, ConnectionError):
        connection.send_bytes(encode(READY))
        while True:
            _take(connection.recv(), connection, bundles, hooks)


def _take(job: Job, connection: Connection[Any, Any], bundles: Bundles, hooks: EpochHooks) -> None:
    for key in job.dropped:
        bundles.drop(key)
    if job.data is not None:
        bundles.put(job.trial.pipeline, *job.data)
    if job.trial.device.startswith("cuda:"):
        # Nets that say "cuda" and no number mean this one.
        torch.cuda.set_device(job.trial.device)
    _train(connection, job.trial, bundles, hooks)
    if torch.cuda.is_initialized():
        # The memory of one trial must not be missed by the next.
        gc.collect()
        torch.cuda.empty_cache()


def _train(
    connection: Connection[Any, Any], trial: Trial, bundles: Bundles, hooks: EpochHooks
) -> None:
    going, verdict = attempt(trial, bundles, hooks), None
    while True:
        try:
            epoch = going.send(verdict)  # type: ignore[arg-type] # None is what begins it
        except StopIteration as ended:
            connection.send_bytes(encode(ended.value))
            return
        connection.send_bytes(encode(epoch))
        verdict = connection.recv()


def _stand_alone() -> None:
    # The campaign decides what an interruption means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A group of its own, so that what a net starts is ended with it.
    if hasattr(os, "setsid"):
        os.setsid()
    # What nets print must not get between the campaign's own lines.
    sys.stdout.flush()
    os.dup2(2, 1)
    # Where memory runs out, Linux shall end this process and not the campaign.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A campaign that was killed may be given again at once; the trial that it goes on with must not
    # be trained by this process too.
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
