"""The process that nets are run in: imports torch once, then runs each net in a fork of its own.

Takes jobs on standard input, a JSON object a line, and answers on standard output. What a net's
fork says comes over a pipe of its own and is passed on as text, so that a net can spoil no answer
but its own.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import torch

from lemur_core.checking.steps import Job, prepare, run
from lemur_core.errors import LemurError
from lemur_core.train.data import Bundles

MAX_SAID_BYTES = 2**20
_LOOK_MS = 50
_DUMPABLE, _SUBREAPER = 4, 36  # prctl's
_MAX_TASKS = 256


def main() -> None:
    """Run each net that is asked for, until nothing more is."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    settings = json.loads(sys.stdin.readline())
    _withdraw()
    torch.set_num_threads(1)
    # The first step of an optimizer would import it, for seconds, in each fork anew.
    importlib.import_module("torch._dynamo")
    bundles = Bundles(Path(settings["data"]))
    _answer(answers, {"ready": True})
    for line in sys.stdin.buffer:
        _take(json.loads(line), bundles, settings, answers)


def _take(
    told: Mapping[str, Any], bundles: Bundles, settings: Mapping[str, Any], answers: BinaryIO
) -> None:
    scratch = Path.cwd()
    try:
        job = prepare(told, scratch, bundles)
    except LemurError as error:
        _answer(answers, {"refused": str(error)})
        return
    said, to_say = os.pipe()
    child = os.fork()
    if child == 0:
        _run(job, to_say, settings)
    os.close(to_say)
    ended = _pass_on(said, child, answers)
    os.close(said)
    _sweep(child, scratch, settings["alone"])
    _answer(answers, {"ended": ended})


def _run(job: Job, to_say: int, settings: Mapping[str, Any]) -> None:
    """Run a net, in the fork, and end it."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        # Of what this process has open nothing is a net's but the pipe that it is heard by.
        os.closerange(3, to_say)
        os.closerange(to_say + 1, os.sysconf("SC_OPEN_MAX"))
        _limit(settings)
        torch.set_num_threads(settings["threads"])
        with os.fdopen(to_say, "wb", buffering=0) as opened:
            run(job, lambda message: _answer(opened, message))
    finally:
        os._exit(0)


def _pass_on(said: int, child: int, answers: BinaryIO) -> int | None:
    """Pass on what a fork says until it ends; return its status, None where it said too much."""
    left, pending, ended = MAX_SAID_BYTES, b"", None
    while left > 0:
        ready, _, _ = select.select([said], [], [], _LOOK_MS / 1000)
        some = os.read(said, min(left, 65536)) if ready else b""
        left -= len(some)
        *lines, pending = (pending + some).split(b"\n")
        for line in lines:
            _answer(answers, {"said": line.decode(errors="replace")})
        if ended is None:
            ended = _status(child)
        # What it started may hold the pipe open; what it said itself is read by then.
        if (ready and not some) or (ended is not None and not ready):
            break
    while ended is None and left > 0:
        time.sleep(_LOOK_MS / 1000)
        ended = _status(child)
    return ended


def _status(child: int) -> int | None:
    done, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def _sweep(child: int, scratch: Path, alone: bool) -> None:
    """End whatever a net left running, and remove what it left behind."""
    with suppress(ProcessLookupError, PermissionError):
        # In a process namespace of one's own -1 is all there is, but oneself.
        if alone:
            os.kill(-1, signal.SIGKILL)
        else:
            os.killpg(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0 if alone else os.WNOHANG)[0]:
            pass
    for folder in {scratch, Path("/dev/shm")} if alone else {scratch}:  # noqa: S108
        for left in folder.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _limit(settings: Mapping[str, Any]) -> None:
    if settings["trust"]:
        return
    limits = {
        # Beside what was reserved before, most of which is never used.
        resource.RLIMIT_DATA: _reserved_bytes() + settings["memory_bytes"],
        resource.RLIMIT_FSIZE: settings["scratch_bytes"],
        resource.RLIMIT_CORE: 0,
    }
    if settings["alone"]:
        # Elsewhere the user's other processes would be counted too. Threads are.
        limits[resource.RLIMIT_NPROC] = _MAX_TASKS
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _reserved_bytes() -> int:
    """Return what the limit counts of this process as it is; 0 where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def _withdraw() -> None:
    """Let forks neither see into this process nor outlive it."""
    with suppress(AttributeError, OSError):
        control = ctypes.CDLL(None).prctl
        control(_DUMPABLE, 0, 0, 0, 0)
        control(_SUBREAPER, 1, 0, 0, 0)


def _answer(to: BinaryIO, message: Mapping[str, Any]) -> None:
    to.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
