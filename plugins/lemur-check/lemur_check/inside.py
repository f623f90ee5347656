"""The process that nets are run in: imports torch once, then runs each net in a fork of its own.

Behind walls it is the first process of its namespaces, so that nothing a net can do ends it, and
it reaps what is orphaned. It takes jobs on standard input and answers on standard output, a JSON
object a line, over descriptors that no net has. A fork does not know the number that the answers
about it bear: it comes once the fork is made. What a fork says comes over a pipe of its own and is
passed on as text, so that a net can spoil no answer but its own.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from lemur_check import seccomp
from lemur_check.steps import CheckJob, prepare, run
from lemur_check.sweep import Sweep
from lemur_core.errors import LemurError
from lemur_core.training import Bundles

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SAID_BYTES = 2**20
_LOOK_MS = 50
_SET_DUMPABLE, _GET_DUMPABLE, _SUBREAPER = 4, 3, 36  # prctl's
_MAX_TASKS, _MAX_FILES = 256, 512


@dataclass(frozen=True)
class _Keeper:
    """What forks are made and kept by."""

    settings: Mapping[str, Any]
    bundles: Bundles
    sweep: Sweep
    requests: BinaryIO
    answers: BinaryIO

    def answer(self, number: str, **members: Any) -> None:
        _write(self.answers, {**members, "number": number})

    def take(self, told: Mapping[str, Any]) -> None:
        """Run a net and answer what it says and how it ends."""
        try:
            job = prepare(told, Path.cwd(), self.bundles)
        except LemurError as error:
            self.answer(told["number"], refused=str(error))
            return
        # Plugins' code reads the data, and may raise anything; that is no net's failure.
        except Exception as error:
            self.answer(told["number"], refused=f"{type(error).__name__}: {error}")
            return
        self.sweep.prepare()
        said, to_say = os.pipe()
        child = os.fork()
        if child == 0:
            _run(job, to_say, self.settings)
        os.close(to_say)
        self.answer(told["number"], started=True)
        number = json.loads(self.requests.readline())["number"]
        status = self._pass_on(said, child, number)
        os.close(said)
        clean = self.sweep.finish(child)
        self.answer(number, ended=status, clean=clean)

    def _pass_on(self, said: int, child: int, number: str) -> int | None:
        """Pass on what a fork says until it ends; return its status, None if it said too much."""
        left, pending, ended = MAX_SAID_BYTES, b"", None
        while left > 0:
            ready, _, _ = select.select([said], [], [], _LOOK_MS / 1000)
            some = os.read(said, min(left, 65536)) if ready else b""
            left -= len(some)
            *lines, pending = (pending + some).split(b"\n")
            for line in lines:
                self.answer(number, said=line.decode(errors="replace"))
            ended = _reap(child) if ended is None else ended
            # What it started may hold the pipe open; what it said itself is read by then.
            if (ready and not some) or (ended is not None and not ready):
                break
        while ended is None and left > 0:
            time.sleep(_LOOK_MS / 1000)
            ended = _reap(child)
        return ended


def main() -> None:
    """Run each net that is asked for, until nothing more is."""
    requests = os.fdopen(_taken(0), "rb")
    answers = os.fdopen(_taken(1), "wb", buffering=0)
    settings = json.loads(requests.readline())
    _withdraw(settings["alone"])
    torch.set_num_threads(1)
    # The first step of an optimizer would import it, for seconds, in each fork again.
    importlib.import_module("torch._dynamo")
    _try_filter(settings)
    sweep = Sweep(Path.cwd(), settings["alone"])
    keeper = _Keeper(settings, Bundles(Path(settings["data"])), sweep, requests, answers)
    keeper.answer(settings["number"], ready=True)
    for line in requests:
        keeper.take(json.loads(line))


def _taken(standard: int) -> int:
    """Return another descriptor of what a standard one is, which then leads nowhere."""
    other = fcntl.fcntl(standard, fcntl.F_DUPFD_CLOEXEC, 3)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, standard)
    os.close(nowhere)
    return other


def _run(job: CheckJob, to_say: int, settings: Mapping[str, Any]) -> None:
    """Run a net, in the fork, and end it."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        # Of what this process has open nothing is a net's but the pipe that it is heard by.
        os.closerange(3, to_say)
        os.closerange(to_say + 1, os.sysconf("SC_OPEN_MAX"))
        _limit(settings)
        torch.set_num_threads(settings["threads"])
        with os.fdopen(to_say, "wb", buffering=0) as opened:
            run(job, lambda message: _write(opened, message))
    finally:
        os._exit(0)


def _reap(child: int) -> int | None:
    """Return the status of a fork if it ended; reap whatever else did."""
    found = None
    with suppress(ChildProcessError):
        while True:
            done, status = os.waitpid(-1, os.WNOHANG)
            if not done:
                break
            if done == child:
                found = os.waitstatus_to_exitcode(status)
    return found


def _limit(settings: Mapping[str, Any]) -> None:
    if settings["trust"]:
        return
    taken = _mapped_bytes()
    limits = {
        # Beside what was reserved before, most of which is never used.
        resource.RLIMIT_DATA: taken.get("VmData", 0) + settings["memory_bytes"],
        # Tables of what is mapped and never written take memory too.
        resource.RLIMIT_AS: taken.get("VmSize", 0) + 4 * settings["memory_bytes"],
        resource.RLIMIT_FSIZE: settings["scratch_bytes"],
        resource.RLIMIT_CORE: 0,
        # The kernel buffers what is written to pipes and sockets.
        resource.RLIMIT_NOFILE: _MAX_FILES,
    }
    if settings["alone"]:
        # Elsewhere the user's other processes would be counted too. Threads are.
        limits[resource.RLIMIT_NPROC] = _MAX_TASKS
    if sys.platform == "linux":
        limits[resource.RLIMIT_MSGQUEUE] = 0
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    if settings["filtered"]:
        _filter()


def _filter() -> None:
    program = seccomp.assemble()
    assert program is not None
    seccomp.install(program)


def _try_filter(settings: Mapping[str, Any]) -> None:
    """Install the filter in a fork and see that it holds.

    Raises:
        OSError: It does not.
    """
    if not settings["filtered"]:
        return
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            _filter()
            # A call that is allowed, and one that is not.
            os.getppid()
            try:
                os.sched_setscheduler(os.getppid(), os.SCHED_OTHER, os.sched_param(0))
            except PermissionError:
                status = 0
        os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise OSError("system calls cannot be filtered here")


def _mapped_bytes() -> dict[str, int]:
    """Return what the limits count of this process; nothing if the system does not tell."""
    found = {}
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("VmData", "VmSize"):
                found[name] = int(rest.split()[0]) * 1024
    return found


def _withdraw(alone: bool) -> None:
    """Let forks neither see into this process, nor stop it, nor outlive it.

    Raises:
        OSError: It is to be the first process of its namespaces, and they could.
    """
    # The kernel keeps from the first process of a namespace each signal that it does not handle.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with suppress(AttributeError, OSError):
        control = ctypes.CDLL(None).prctl
        control(_SET_DUMPABLE, 0, 0, 0, 0)
        control(_SUBREAPER, 1, 0, 0, 0)
        if control(_GET_DUMPABLE, 0, 0, 0, 0) == 0 and os.getpid() == 1:
            return
    if alone:
        raise OSError("the process is not the first of its namespaces, or can be seen into")


def _write(to: BinaryIO, message: Mapping[str, Any]) -> None:
    to.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
