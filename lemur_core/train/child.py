"""The worker process: trains the trials that it is sent, one after another."""

from __future__ import annotations

import gc
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
    """Train trials until the campaign closes the connection.

    Announces that it is ready; then receives each `TrialJob`, sends each epoch, receives the
    decision on it, and sends the outcome.

    Args:
        connection: Connection to the campaign.
        how: Settings of the worker.
    """
    _stand_alone()
    threads = how.threads or max(1, torch.get_num_threads() // how.workers)
    worker = _Worker(connection, threads, Bundles(how.folder), EpochHooks(installed()))
    # The campaign may close the connection at any time, before it has read all messages.
    with suppress(EOFError, ConnectionError):
        connection.send_bytes(Frame(0, False, encode(READY)).packed())
        worker.work(connection.recv())
    if IS_LINUX:
        # The guardian process ends the children; there is nothing to clean up here.
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
        # Forked processes would lack OpenMP's threads.
        torch.set_num_threads(1)
        supervisor = Supervisor(self._connection, self._train_forked)
        self._begin(supervisor, job)
        for next_job in supervisor.jobs():
            self._begin(supervisor, next_job)

    def _begin(self, supervisor: Supervisor, job: TrialJob) -> None:
        if self._prepare(job):
            supervisor.discard_spare()
        supervisor.begin(job)

    def _prepare(self, job: TrialJob) -> bool:
        """Load what a job needs, and return whether this process holds more than before."""
        pipeline = job.trial.pipeline
        for key in job.dropped:
            self._bundles.drop(key)
        if job.data is not None:
            self._bundles.put(pipeline, *job.data)
        is_new = not self._bundles.holds(self._bundles.key(pipeline))
        # Otherwise each trial would build it. An error is raised in the trial again.
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
            self._prepare(job)
            if job.trial.device.startswith("cuda:"):
                # Nets that say "cuda" without a number get this GPU.
                torch.cuda.set_device(job.trial.device)
            write = partial(self._send, job.number)
            _train(job, self._bundles, self._hooks, self._connection.recv, write)
            if torch.cuda.is_initialized():
                # Free the memory for the next trial.
                gc.collect()
                torch.cuda.empty_cache()
            job = self._connection.recv()

    def _send(self, number: int, message: bytes) -> None:
        self._connection.send_bytes(Frame(number, True, message).packed())


def _train(job: TrialJob, bundles: Bundles, hooks: EpochHooks, read: Read, write: Write) -> None:
    training, decision = attempt(job.trial, bundles, hooks), None
    while True:
        try:
            epoch = training.send(decision)  # type: ignore[arg-type] # None starts it
        except StopIteration as ended:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            write(encode(ended.value))
            return
        write(encode(epoch))
        decision = read()


def _warm_up() -> None:
    """Train a tiny net for one step, so that the next trial starts sooner.

    This changes no result, as a trial seeds all generators.
    """
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 2))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    outputs = net(torch.rand(4, 1, 8, 8))
    nn.functional.cross_entropy(outputs, torch.zeros(4, dtype=torch.int64)).backward()
    optimizer.step()


def _stand_alone() -> None:
    # The campaign handles interruptions.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # In a separate process group, processes that a net starts are ended with it.
    if hasattr(os, "setsid"):
        os.setsid()
    # The output of nets must not mix with the campaign's lines.
    sys.stdout.flush()
    os.dup2(2, 1)
    # On Linux the guardian process does this.
    if not IS_LINUX:
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A campaign that was killed may be restarted at once; the trial that it resumes must not be
    # trained by this process too.
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
