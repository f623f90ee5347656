"""Check a batch with hostile nets, and compare the verdicts on the others with a batch without.

    python benchmarks/hostile.py [--sources 1000] [--workers 1]

Every tenth source attacks: the process that runs all nets, its descriptors, its limits and
priorities; memory, files, processes and kernel objects that outlive a net; the messages that lemur
reads. Verdicts are compared except for durations. The exit status is 1 if some differ.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_check.batch import BatchSource, check_sources
from lemur_check.check import checker
from lemur_check.check_settings import CheckSettings
from lemur_check.sandbox import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_check.verdict import Verdict

SMALL = (Path(__file__).parent / "nets" / "Small.py").read_text()
LIMITS = Limits(seconds=60, memory_bytes=2**30, processes=16, scratch_bytes=64 * 2**20)
INTERVAL = 10
ATTACKS = {
    "forged answers": """
import os
forged = b'{"ended": 0, "clean": true}\\n{"refused": "forged"}\\n' + b"[" * 100_000 + b"\\n[]\\n"
for process in filter(str.isdecimal, os.listdir("/proc")):
    for number in range(64):
        for place in (f"/proc/{process}/fd/{number}", f"/proc/self/fd/{number}"):
            try:
                os.write(os.open(place, os.O_WRONLY | os.O_NONBLOCK), forged)
            except OSError:
                pass
""",
    "memory of the first process": """
for process in ("1", "self"):
    try:
        open(f"/proc/{process}/mem", "r+b").write(b"x")
    except OSError:
        pass
""",
    "signals to all": """
import os
for number in range(1, 64):
    try:
        os.kill(1, number)
    except OSError:
        pass
os.kill(-1, 9)
""",
    "limits of the first process": """
import os, resource
for limit in (resource.RLIMIT_DATA, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU):
    try:
        resource.prlimit(1, limit, (1, 1))
    except OSError:
        pass
for change in (
    lambda: os.setpriority(os.PRIO_USER, 0, 19),
    lambda: os.sched_setaffinity(1, {0}),
    lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
    lambda: open("/proc/1/oom_score_adj", "w").write("1000"),
):
    try:
        change()
    except OSError:
        pass
""",
    "files without permissions": """
import os
os.makedirs("a/b")
for place in ("a/b", "a", "/dev/shm", "."):
    os.chmod(place, 0)
""",
    "deep folders": """
import os
for _ in range(3000):
    os.mkdir("a")
    os.chdir("a")
""",
    "kernel objects": """
import ctypes
library = ctypes.CDLL(None)
library.shmget(7, 2**20, 0o1666)
library.msgget(7, 0o1666)
library.semget(7, 1, 0o1666)
library.mq_open(b"/left", 0o102, 0o666, None)
library.syscall(248, b"user", b"left", b"x", 1, -4)
""",
    "processes that stay": """
import os, signal, time
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            time.sleep(600)
        os._exit(0)
""",
    "a fork without end": "import os\nwhile True:\n    os.fork()",
    "memory": "kept = []\nwhile True:\n    kept.append(b'x' * 2**26)",
    "memory of several": """
import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = b"x" * (3 * 2**27)
        time.sleep(600)
time.sleep(600)
""",
    "files in memory": """
import mmap, os
kept = []
for number in range(64):
    for make in (
        lambda: os.memfd_create("x"),
        lambda: os.open(f"/dev/shm/{number}", os.O_RDWR | os.O_CREAT),
        lambda: os.open("/dev/zero", os.O_RDWR),
        lambda: -1,
    ):
        try:
            descriptor = make()
            if descriptor >= 0:
                os.truncate(descriptor, 2**26)
            kept.append(mmap.mmap(descriptor, 2**26))
            kept[-1][:] = b"x" * 2**26
        except OSError:
            pass
""",
    "words without end": """
import os
for number in range(3, 64):
    try:
        while True:
            os.write(number, b'{"done": true}\\n[1]\\nno JSON\\n')
    except OSError:
        pass
""",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "an exit": "import os\nos._exit(3)",
    "a recursion": "exec('(' * 100_000)",
    "other defaults": """
import os, random, sys
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.set_num_threads(7)
torch.nn.functional.cross_entropy = None
sys.setrecursionlimit(50)
random.random = None
os.environ.clear()
""",
}


def variant(number: int) -> str:
    """Return the small net with another width, so that its verdict is unique."""
    return SMALL.replace("44", str(20 + number % 100)) + f"\n\nNUMBER = {number}\n"


def hostile(number: int) -> tuple[str, str]:
    """Return the name of an attack, and a net that makes it while it learns."""
    name = list(ATTACKS)[number % len(ATTACKS)]
    lines = [f"        {line}" for line in ATTACKS[name].strip().splitlines()]
    learn = "\n    def learn(self, train_data):\n        import torch\n"
    code = f"{SMALL}{learn}" + "\n".join(lines) + "\n        return super().learn(train_data)\n"
    return name, f"{code}\n\nNUMBER = {number}\n"


def batch(count: int, with_hostile: bool) -> Iterator[BatchSource]:
    for number in range(count):
        if number % INTERVAL:
            yield BatchSource(str(number), variant(number))
        elif with_hostile:
            name, code = hostile(number // INTERVAL)
            yield BatchSource(f"{number} ({name})", code)


def verdicts(count: int, with_hostile: bool, options: argparse.Namespace) -> dict[str, Verdict]:
    """Return the verdicts of a batch by place, and print the time it took."""
    settings = CheckSettings(dataset="digits[samples=200]")
    started = time.perf_counter()
    with checker(settings, limits=LIMITS, threads=1, workers=options.workers, save=False) as check:
        sources = batch(count, with_hostile)
        checked = check_sources(check, sources, options.workers)
        results = {source.place: verdict for source, verdict in checked if verdict is not None}
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(results)} sources, {sum(verdict.valid for verdict in results.values())} valid, in "
        f"{time.perf_counter() - started:.0f} s; children's processor time so far "
        f"{children.ru_utime + children.ru_stime:.0f} s",
        flush=True,
    )
    return results


def comparable(verdict: Verdict) -> dict[str, object]:
    excluded = ("seconds", "score_per_second", "novelty")
    return {name: value for name, value in verdict.facts().items() if name not in excluded}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    mixed = verdicts(options.sources, True, options)
    without = verdicts(options.sources, False, options)
    for place, verdict in mixed.items():
        if place not in without:
            print(f"{place}: {verdict.step}: {verdict.reason or 'valid'}")
    different = [
        place for place in without if comparable(without[place]) != comparable(mixed[place])
    ]
    scores = {verdict.score for verdict in without.values()}
    print(
        f"{len(without)} others, with {len(scores)} different scores: "
        f"{len(different)} differ {different}"
    )
    return bool(different)


if __name__ == "__main__":
    raise SystemExit(main())
