"""The worker process: trains the trials that it is sent, one after another."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lemur_core.registry import installed
from lemur_core.train.attempt import attempt
from lemur_core.train.data import Bundles
from lemur_core.train.epoch_hooks import EpochHooks
from lemur_core.train.fork import Read, Write, forks_for, prefer_for_killing
from lemur_core.train.messages import READY, Frame, encode
from lemur_core.train.preload import preload
from lemur_core.train.process_tree import IS_LINUX
from lemur_core.train.supervisor import Supervisor

if TYPE_CHECKING:
    from lemur_core.train.jobs import TrialJob
    from lemur_core.train.start import WorkerStart


def main(connection: Connection[Any, Any], how: WorkerStart) -> None:
    """Train trials until the other side is closed.

    Says that it is ready; then takes each `TrialJob`, sends each epoch, takes a decision on it, and
    sends the outcome.
    """
    _stand_alone()
    threads = how.threads or max(1, torch.get_num_threads() // how.workers)
    # The first step of an optimizer would import it, for seconds; the campaign is busy still.
    importlib.import_module("torch._dynamo")
    worker = _Worker(connection, threads, Bundles(how.folder), EpochHooks(installed()))
    # The other side may be closed at any time, with words of this one unheard.
    with suppress(EOFError, ConnectionError):
        connection.send_bytes(Frame(0, False, encode(READY)).packed())
        worker.work(connection.recv())
    if IS_LINUX:
        # What is below it is ended by the process above; nothing here has to be tidied up.
        os._exit(0)


class _Worker:
    def __init__(
        self, connection: Connection[Any, Any], threads: int, bundles: Bundles, hooks: EpochHooks
    ) -> None:
        self._connection, self._threads = connection, threads
        self._bundles, self._hooks = bundles, hooks

    def work(self, job: TrialJob) -> None:
        if forks_for(job.trial.device):
            self._supervise(job)
        else:
            self._train_here(job)

    def _supervise(self, job: TrialJob) -> None:
        # OpenMP's threads would be missed by the processes that are forked.
        torch.set_num_threads(1)
        supervisor = Supervisor(self._connection, self._train_forked)
        self._begin(supervisor, job)
        for one in supervisor.words():
            self._begin(supervisor, one)

    def _begin(self, supervisor: Supervisor, job: TrialJob) -> None:
        if self._take(job):
            supervisor.discard_spare()
        supervisor.begin(job)

    def _take(self, job: TrialJob) -> bool:
        """Take what a job needs, and return whether this process holds more than before."""
        pipeline = job.trial.pipeline
        for key in job.dropped:
            self._bundles.drop(key)
        if job.data is not None:
            self._bundles.put(pipeline, *job.data)
        is_new = not self._bundles.holds(self._bundles.key(pipeline))
        # Each trial would build it again. What it raises, it raises in the trial too.
        with suppress(Exception, SystemExit):
            self._bundles.get(pipeline)
        return preload(job.trial) or is_new or job.data is not None

    def _train_forked(self, read: Read, write: Write) -> None:
        torch.set_num_threads(self._threads)
        _warm_up()
        job = read()
        _train(job, self._bundles, self._hooks, read, write)

    def _train_here(self, job: TrialJob) -> None:
        torch.set_num_threads(self._threads)
        prefer_for_killing()
        while True:
            self._take(job)
            if job.trial.device.startswith("cuda:"):
                # Nets that say "cuda" and no number mean this one.
                torch.cuda.set_device(job.trial.device)
            write = partial(self._send, job.number)
            _train(job, self._bundles, self._hooks, self._connection.recv, write)
            if torch.cuda.is_initialized():
                # The memory of one trial must not be missed by the next.
                gc.collect()
                torch.cuda.empty_cache()
            job = self._connection.recv()

    def _send(self, number: int, message: bytes) -> None:
        self._connection.send_bytes(Frame(number, True, message).packed())


def _train(job: TrialJob, bundles: Bundles, hooks: EpochHooks, read: Read, write: Write) -> None:
    going, verdict = attempt(job.trial, bundles, hooks), None
    while True:
        try:
            epoch = going.send(verdict)  # type: ignore[arg-type] # None is what begins it
        except StopIteration as ended:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            write(encode(ended.value))
            return
        write(encode(epoch))
        verdict = read()


def _warm_up() -> None:
    """Train a step of a tiny net, so that a trial that is given later begins sooner.

    It changes no number: a trial seeds all generators.
    """
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 2))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    outputs = net(torch.rand(4, 1, 8, 8))
    nn.functional.cross_entropy(outputs, torch.zeros(4, dtype=torch.int64)).backward()
    optimizer.step()


def _stand_alone() -> None:
    # The campaign decides what an interruption means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A group of its own, so that what a net starts is ended with it.
    if hasattr(os, "setsid"):
        os.setsid()
    # What nets print must not get between the campaign's own lines.
    sys.stdout.flush()
    os.dup2(2, 1)
    # On Linux the process above this one sees to it.
    if not IS_LINUX:
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
