"""The process in which nets are run: it imports torch once and runs each net in a fork.

In bubblewrap's sandbox it is the first process of its namespaces, so nets cannot end it, and it
reaps orphaned processes. It reads jobs from standard input and writes answers to standard output,
one JSON object per line, over descriptors that nets do not inherit. The number that answers about a
fork must bear is sent after the fork was made, so the fork does not know it. A fork's output
arrives over a pipe of its own and is passed on as a string, so a net can only corrupt its own
answers.
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

MAX_OUTPUT_BYTES = 2**20
_POLL_MS = 50
_SET_DUMPABLE, _GET_DUMPABLE, _SUBREAPER = 4, 3, 36  # for prctl
_MAX_TASKS, _MAX_FILES = 256, 512


@dataclass(frozen=True)
class _Keeper:
    """Makes forks and passes on their output."""

    settings: Mapping[str, Any]
    bundles: Bundles
    sweep: Sweep
    requests: BinaryIO
    answers: BinaryIO

    def answer(self, number: str, **members: Any) -> None:
        _write(self.answers, {**members, "number": number})

    def take(self, request: Mapping[str, Any]) -> None:
        """Run a net, and answer with its output and how it ended."""
        try:
            job = prepare(request, Path.cwd(), self.bundles)
        except LemurError as error:
            self.answer(request["number"], refused=str(error))
            return
        # Plugins read the data and may raise anything; this is not the net's failure.
        except Exception as error:
            self.answer(request["number"], refused=f"{type(error).__name__}: {error}")
            return
        self.sweep.prepare()
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            _run(job, write_end, self.settings)
        os.close(write_end)
        self.answer(request["number"], started=True)
        number = json.loads(self.requests.readline())["number"]
        status = self._pass_on(read_end, child, number)
        os.close(read_end)
        is_clean = self.sweep.finish(child)
        self.answer(number, ended=status, clean=is_clean)

    def _pass_on(self, read_end: int, child: int, number: str) -> int | None:
        """Pass on a fork's output until it ends; return its status, None after too much output."""
        remaining, pending, exit_status = MAX_OUTPUT_BYTES, b"", None
        while remaining > 0:
            ready, _, _ = select.select([read_end], [], [], _POLL_MS / 1000)
            chunk = os.read(read_end, min(remaining, 65536)) if ready else b""
            remaining -= len(chunk)
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self.answer(number, said=line.decode(errors="replace"))
            exit_status = _reap(child) if exit_status is None else exit_status
            # Processes that the fork started may hold the pipe open; its own output was read by
            # then.
            if (ready and not chunk) or (exit_status is not None and not ready):
                break
        while exit_status is None and remaining > 0:
            time.sleep(_POLL_MS / 1000)
            exit_status = _reap(child)
        return exit_status


def main() -> None:
    """Run the requested nets until standard input is closed."""
    requests = os.fdopen(_move_descriptor(0), "rb")
    answers = os.fdopen(_move_descriptor(1), "wb", buffering=0)
    settings = json.loads(requests.readline())
    _protect_from_forks(settings["alone"])
    torch.set_num_threads(1)
    # The first step of an optimizer imports this module, which takes seconds in each fork.
    importlib.import_module("torch._dynamo")
    _try_filter(settings)
    sweep = Sweep(Path.cwd(), settings["alone"])
    keeper = _Keeper(settings, Bundles(Path(settings["data"])), sweep, requests, answers)
    keeper.answer(settings["number"], ready=True)
    for line in requests:
        keeper.take(json.loads(line))


def _move_descriptor(descriptor: int) -> int:
    """Return a copy of a standard descriptor, and redirect the standard one to the null device."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)
    return copy


def _run(job: CheckJob, write_end: int, settings: Mapping[str, Any]) -> None:
    """Run a net in the fork, and exit."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        # Close all descriptors except the pipe to the parent process.
        os.closerange(3, write_end)
        os.closerange(write_end + 1, os.sysconf("SC_OPEN_MAX"))
        _limit(settings)
        torch.set_num_threads(settings["threads"])
        with os.fdopen(write_end, "wb", buffering=0) as pipe:
            run(job, lambda message: _write(pipe, message))
    finally:
        os._exit(0)


def _reap(child: int) -> int | None:
    """Return a fork's status if it ended, and reap all other processes that ended."""
    child_status = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == child:
                child_status = os.waitstatus_to_exitcode(status)
    return child_status


def _limit(settings: Mapping[str, Any]) -> None:
    if settings["trust"]:
        return
    mapped = _mapped_bytes()
    limits = {
        # On top of the memory already reserved, most of which is never used.
        resource.RLIMIT_DATA: mapped.get("VmData", 0) + settings["memory_bytes"],
        # Page tables of mapped memory take memory even if it is never written.
        resource.RLIMIT_AS: mapped.get("VmSize", 0) + 4 * settings["memory_bytes"],
        resource.RLIMIT_FSIZE: settings["scratch_bytes"],
        resource.RLIMIT_CORE: 0,
        # The kernel buffers data written to pipes and sockets.
        resource.RLIMIT_NOFILE: _MAX_FILES,
    }
    if settings["alone"]:
        # Outside namespaces, the user's other processes would be counted as well. Threads count.
        limits[resource.RLIMIT_NPROC] = _MAX_TASKS
    if sys.platform == "linux":
        limits[resource.RLIMIT_MSGQUEUE] = 0
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))
    if settings["filtered"]:
        _filter()


def _filter() -> None:
    program = seccomp.assemble()
    assert program is not None
    seccomp.install(program)


def _try_filter(settings: Mapping[str, Any]) -> None:
    """Install the filter in a fork and verify that it works.

    Raises:
        OSError: It does not work.
    """
    if not settings["filtered"]:
        return
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            _filter()
            # Make one call that is allowed, then one that is refused.
            os.getppid()
            try:
                os.sched_setscheduler(os.getppid(), os.SCHED_OTHER, os.sched_param(0))
            except PermissionError:
                status = 0
        os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise OSError("system calls cannot be filtered here")


def _mapped_bytes() -> dict[str, int]:
    """Return the sizes that the limits apply to, in bytes; empty if the system reports none."""
    sizes = {}
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmData", "VmSize"):
                sizes[name] = int(value.split()[0]) * 1024
    return sizes


def _protect_from_forks(alone: bool) -> None:
    """Prevent forks from reading, stopping and outliving this process.

    Raises:
        OSError: The process must be the first of its namespaces, and the protection failed.
    """
    # The first process of a namespace only receives signals that it handles.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with suppress(AttributeError, OSError):
        prctl = ctypes.CDLL(None).prctl
        prctl(_SET_DUMPABLE, 0, 0, 0, 0)
        prctl(_SUBREAPER, 1, 0, 0, 0)
        if prctl(_GET_DUMPABLE, 0, 0, 0, 0) == 0 and os.getpid() == 1:
            return
    if alone:
        raise OSError(
            "the process is not the first of its namespaces, or other processes can read it"
        )


def _write(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    stream.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
