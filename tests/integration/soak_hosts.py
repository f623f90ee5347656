"""Let two hosts train the same points: a quarter of the trials attack, hosts die, clocks step.

    python tests/integration/soak_hosts.py --minutes 30

Each host has a network, process ids, a name and a clock of its own; both run the same ``lemur run``
on one database. The net attacks the process that it is trained in where its point says so, in one
of some forty ways. Hosts are killed, interrupted and stopped for longer than a lease, campaigns are
killed without their workers, and clocks are set forward and back by hours.

Every epoch that was acknowledged must be recorded as it was. Each point must be trained once. In
the end a campaign that nothing disturbs trains the points that attack nobody in another database:
all numbers must be the same to the last bit. Needs Linux, bubblewrap and a C compiler.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import runpy
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import closing, suppress
from pathlib import Path

import psutil
import soak_leases

HERE = Path(__file__).parent
EPOCHS, POINTS, HOSTS, SHORTER = 6, 32, ("alpha", "beta"), 6
HOURS = (-30, -5, -1, 0, 0, 2, 7, 50)
NONE = "none"
COLUMNS = "epoch, loss, validation, accuracy, scores, within"

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static long offset(void) {
    static volatile long *seconds;
    if (!seconds) {
        int file = open(getenv("CLOCK"), O_RDONLY);
        seconds = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    }
    return seconds == MAP_FAILED ? 0 : *seconds;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += offset();
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int failed = real(now, zone);
    if (!failed) now->tv_sec += offset();
    return failed;
}
time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""

ATTACKING = '''

import builtins, ctypes, gc, locale, os, random, signal, subprocess, sys, threading, time, warnings
import numpy as np

ATTACKS = {attacks}


def descriptors():
    """Return the pipes and sockets of this process but its standard streams."""
    numbers = []
    for name in os.listdir("/proc/self/fd"):
        try:
            kind = os.readlink(f"/proc/self/fd/{{name}}")
        except OSError:
            continue
        if int(name) > 2 and kind.startswith(("pipe:", "socket:")):
            numbers.append(int(name))
    return numbers


def send(text):
    for descriptor in descriptors():
        try:
            os.set_blocking(descriptor, False)
            os.write(descriptor, text.encode())
        except OSError:
            pass


def supported_hyperparameters():
    return TRAINING | {{"attack": list(ATTACKS)}}


class Attacking(Net):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.attack = prm["attack"]

    def learn(self, train_data):
        exec(ATTACKS[self.attack], globals())
        return super().learn(train_data)


Net = Attacking
'''

MORE = {
    "a hang": "time.sleep(600)",
    "a hang with the interpreter's lock": "ctypes.PyDLL(None).pause()",
    "a crash": "ctypes.string_at(0)",
    "a failure": "raise ValueError('so')",
    "an interrupt": "raise KeyboardInterrupt('so')",
    "a signal": "os.kill(os.getpid(), 9)",
    "messages": "send('nonsense\\n'); send('[' * 2**20)",
    "children": "[subprocess.Popen(['sleep', '600'], start_new_session=True) for _ in range(3)]",
    "patched metric": (
        "from lemur_vision_cls.metrics.accuracy import Accuracy; "
        "Accuracy.compute = lambda self: 1.0"
    ),
}


def net(folder: Path) -> Path:
    """Write the net, and return its file."""
    hostile = runpy.run_path(str(HERE.parent / "core" / "test_isolation.py"))["HOSTILE"]
    attacks = {NONE: ""} | hostile | MORE
    file = folder / "Attacking.py"
    source = (HERE / "faults" / "Good.py").read_text()
    file.write_text(source + ATTACKING.format(attacks=repr(attacks)))
    return file


class Host:
    """A machine on which the campaign is run, again and again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.clock = folder / f"{name}.clock"
        self.clock.write_bytes(bytes(8))
        self.runs = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.wakes_at = 0.0

    def start(self, command: list[str]) -> None:
        self.runs += 1
        inside = [
            "bwrap", "--dev-bind", "/", "/", "--proc", "/proc", "--unshare-pid", "--unshare-uts",
            "--unshare-net", "--hostname", self.name, "--die-with-parent", sys.executable,
            __file__, "--command", *command,
        ]  # fmt: skip
        environment = os.environ | {
            "LD_PRELOAD": str(self.folder / "clock.so"),
            "CLOCK": str(self.clock),
        }
        with self.output().open("w") as output:
            self.process = subprocess.Popen(
                inside, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, env=environment,
                start_new_session=True,
            )  # fmt: skip

    def output(self) -> Path:
        return self.folder / f"{self.name}-{self.runs}.jsonl"

    @property
    def status(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def set_clock(self, hours: int) -> None:
        # In place: processes have the file in their memory.
        with self.clock.open("r+b") as file:
            file.write(struct.pack("q", 3600 * hours))

    def campaign(self) -> psutil.Process | None:
        """Return the process of the campaign itself."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children(recursive=True):
            # Others come to their ends meanwhile.
            with suppress(psutil.Error):
                if "--command" in child.cmdline()[:5]:
                    return child
        return None

    def wake(self) -> None:
        if self.wakes_at and time.monotonic() > self.wakes_at:
            self.wakes_at = 0.0
            self.signal(signal.SIGCONT)

    def stop(self, seconds: float) -> None:
        self.signal(signal.SIGSTOP)
        self.wakes_at = time.monotonic() + seconds

    def signal(self, number: int) -> None:
        """Send a signal to all processes of the host."""
        if self.status is None and self.process is not None:
            top = psutil.Process(self.process.pid)
            for process in (*top.children(recursive=True), top):
                with suppress(psutil.Error):
                    process.send_signal(number)

    def end(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


class Soak:
    """The database of both hosts, and what was acknowledged."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.drawn = folder, random.Random(seed)
        self.net, self.db = net(folder), folder / "lemur.db"
        self.attacks = [name for name in self.space() if name != NONE]
        self.hosts = [Host(name, folder) for name in HOSTS]
        self.done: Counter[str] = Counter()
        self.rounds: list[Path] = []
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-xc", "-", "-o", folder / "clock.so", "-ldl"],
            input=CLOCK.encode(), check=True,
        )  # fmt: skip

    def space(self) -> dict[str, str]:
        attacks: dict[str, str] = runpy.run_path(str(self.net))["ATTACKS"]
        return attacks

    def points(self) -> Path:
        """Write some points, a quarter of which attack, and return their file."""
        file = self.folder / f"points-{len(self.rounds)}.jsonl"
        points = [
            {
                "lr": self.drawn.uniform(0.001, 0.1), "momentum": self.drawn.uniform(0.5, 0.95),
                "batch": self.drawn.choice([16, 32]),
                "attack": self.drawn.choice(self.attacks) if number % 4 == 0 else NONE,
            }
            for number in range(POINTS)
        ]  # fmt: skip
        file.write_text("".join(f"{json.dumps(point)}\n" for point in points))
        self.rounds.append(file)
        return file

    def command(self, points: Path, db: Path, workers: int = 2) -> list[str]:
        return [
            "run", "img-classification_digits[samples=300]_acc", "--net", str(self.net), "--points",
            str(points), "--transform", "norm_32", "-e", str(EPOCHS), "--threads", "1",
            "--workers", str(workers), "--fail-attempts", "1000", "--epoch-limit", "0.3",
            "--memory-limit", "3", "--db", str(db), "--json",
        ]  # fmt: skip

    def round(self) -> None:
        """Let both hosts train some points, disturbed until all are trained."""
        command = self.command(self.points(), self.db)
        for host in self.hosts:
            host.start(command)
        disturb_at = time.monotonic() + self.drawn.uniform(5, 20)
        while not all(host.status in (0, 1) for host in self.hosts):
            time.sleep(0.3)
            for host in self.hosts:
                host.wake()
                if host.status not in (None, 0, 1):
                    assert host.status in (130, 137, -9), host.output().read_text()
                    host.start(command)
            if time.monotonic() > disturb_at:
                self.disturb(self.drawn.choice(self.hosts))
                disturb_at = time.monotonic() + self.drawn.uniform(2, 20)
        self.check()

    def disturb(self, host: Host) -> None:
        ways = ["kill host", "kill campaign", "stop", "stop", "interrupt", "clock", "clock"]
        way = self.drawn.choice(ways)
        if host.status is not None:
            return
        self.done[way] += 1
        if way == "kill host":
            host.signal(signal.SIGKILL)
        elif way == "stop":
            host.stop(self.drawn.uniform(0, 2.5) * 60 / SHORTER)
        elif way == "clock":
            host.set_clock(self.drawn.choice(HOURS))
        else:
            campaign = host.campaign()
            with suppress(psutil.Error):
                if campaign is not None:
                    campaign.send_signal(signal.SIGKILL if way[0] == "k" else signal.SIGINT)

    def said(self) -> dict[tuple[str, int], tuple[float, float]]:
        """Return the scores that were acknowledged, by trial and epoch."""
        acknowledged = {}
        for file in self.folder.glob("*-*.jsonl"):
            for line in file.read_text().splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if event.get("event") == "EpochEnded":
                    scores = event["validation"], event["accuracy"]
                    key = event["trial"], event["epoch"]
                    assert acknowledged.setdefault(key, scores) == scores, f"{key}: two hosts"
        return acknowledged

    def check(self) -> None:
        """See that what was acknowledged is there, and each point trained once."""
        epochs, trials = stored(self.db)
        wanted = {key_of(json.loads(line)) for file in self.rounds for line in file.open()}
        assert {key_of(prm) for prm, _, _ in trials} == wanted, "points lost"
        # The state of one that may open eight files cannot be kept: killed, it is begun again.
        states = Counter(state for _, _, state in trials)
        assert set(states) <= {"finished", "failed", "abandoned"}, states
        # The same command tries a point again that failed.
        ended = Counter(
            key_of(prm) for prm, _, state in trials if state == "finished" or prm["attack"] == NONE
        )
        assert set(ended.values()) == {1}, f"trained twice: {ended.most_common(3)}"
        innocent = [trial for trial in trials if trial[0]["attack"] == NONE]
        failed = [trial for trial in innocent if trial[2] != "finished"]
        assert not failed, failed
        points = {number: key_of(prm) for prm, number, state in trials if state == "finished"}
        for (number, epoch), scores in self.said().items():
            if number in points:
                assert epochs[points[number]][epoch - 1][2:4] == scores, (number, epoch)
        everything = list(range(1, EPOCHS + 1))
        assert all([row[0] for row in rows] == everything for rows in epochs.values())
        print(
            f"round {len(self.rounds)}: {dict(states)}, {len(innocent)} of them innocent; "
            f"{len(self.said())} epochs acknowledged; runs: {[host.runs for host in self.hosts]}; "
            f"{dict(self.done)}",
            flush=True,
        )

    def compare(self) -> None:
        """Train all points that attack nobody again, undisturbed, and compare all numbers."""
        points = self.folder / "innocent.jsonl"
        wanted = [json.loads(line) for file in self.rounds for line in file.open()]
        innocent = [point for point in wanted if point["attack"] == NONE]
        points.write_text("".join(f"{json.dumps(point)}\n" for point in innocent))
        db = self.folder / "alone.db"
        command = [sys.executable, "-m", "lemur_core", *self.command(points, db)]
        subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, check=True)
        alone, disturbed = stored(db)[0], stored(self.db)[0]
        changed = [key for key in map(key_of, innocent) if alone[key] != disturbed[key]]
        assert not changed, [(alone[key], disturbed[key]) for key in changed[:3]]
        rows = sum(map(len, alone.values()))
        print(f"{rows} epochs of {len(innocent)} trials are as those of a campaign alone")


def stored(db: Path):
    """Return the epochs of each finished point, and each trial's prm, number and state."""
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        values = connection.execute("select uid, name, value from prm").fetchall()
        trials = connection.execute("select id, prm, number, state from trial").fetchall()
        rows = connection.execute(f"select trial_id, {COLUMNS} from stat order by epoch").fetchall()
    points = defaultdict(dict)
    for uid, name, value in values:
        points[uid][name] = json.loads(value)
    epochs = defaultdict(list)
    for trial_id, *numbers in rows:
        epochs[trial_id].append(tuple(numbers))
    finished = {
        key_of(points[prm]): epochs[trial_id]
        for trial_id, prm, _, state in trials
        if state == "finished"
    }
    return finished, [(points[prm], number, state) for _, prm, number, state in trials]


def key_of(prm) -> str:
    return json.dumps([prm[name] for name in ("lr", "momentum", "batch", "attack")])


def main() -> None:
    if sys.argv[1:2] == ["--command"]:
        soak_leases.SHORTER = SHORTER
        soak_leases.shorten()
        sys.argv[1:] = sys.argv[2:]
        runpy.run_module("lemur_core", run_name="__main__")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="Keep the folder.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-")).resolve()
    soak = Soak(folder, options.seed)
    until = time.monotonic() + 60 * options.minutes
    try:
        while time.monotonic() < until:
            soak.round()
        soak.compare()
    finally:
        for host in soak.hosts:
            host.end()
        if not options.keep:
            shutil.rmtree(folder)
    print(f"{options.minutes:g} minutes: {dict(soak.done)}")


if __name__ == "__main__":
    main()
