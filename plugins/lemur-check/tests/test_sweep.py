"""Everything that outlives a net is found, in the first process of namespaces, without a filter."""

import json
import subprocess
import sys

import psutil
import pytest

from lemur_check.sandbox import Limits, Sandbox, find_bubblewrap, readable
from lemur_core import installed

pytestmark = pytest.mark.skipif(
    find_bubblewrap() is None, reason="bubblewrap cannot be used here: there are no namespaces"
)
ONE_PROCESSOR = len(psutil.Process().cpu_affinity() if psutil.LINUX else ()) == 1
# What a net does, and whether the state is restored afterwards.
LEAVING = {
    "nothing": ("pass", True),
    "files": ("open('/dev/shm/x', 'w').write('x'); os.mkdir('y'); os.chmod('y', 0)", True),
    "deep folders": ("[(os.mkdir('a'), os.chdir('a')) for _ in range(1500)]", True),
    "a daemon": ("os.fork() or (os.setsid(), os.fork() or time.sleep(600))", True),
    "a segment": ("assert library.shmget(7, 4096, 0o1666) != -1", False),
    "a queue": ("assert library.msgget(7, 0o1666) != -1", False),
    "a semaphore": ("assert library.semget(7, 1, 0o1666) != -1", False),
    "a queue of POSIX": ("assert real.mq_open(b'/x', 0o102, 0o666, None) != -1", False),
    "permissions": ("os.chmod('/scratch', 0o500)", False),
    "an attribute": ("os.setxattr('/scratch', 'user.x', b'x')", False),
    "a limit": ("resource.prlimit(1, resource.RLIMIT_NPROC, (200, 200))", False),
    "a priority": ("os.setpriority(os.PRIO_PROCESS, 1, 19)", False),
    "processors": (
        "os.sched_setaffinity(1, {min(os.sched_getaffinity(1))})",
        psutil.cpu_count() == 1,
    ),
    "a scheduler": ("os.sched_setscheduler(1, os.SCHED_BATCH, os.sched_param(0))", False),
}
SWEEPING = """
import ctypes, json, os, resource, sys, time
from pathlib import Path
from lemur_check.sweep import Sweep

library, real = ctypes.CDLL(None), ctypes.CDLL("librt.so.1")
sweep = Sweep(Path.cwd(), True)
for statement in json.loads(sys.argv[1]):
    sweep.prepare()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            exec(statement)
            status = 0
        finally:
            os._exit(status)
    status = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT).si_status
    clean = sweep.finish(child)
    left = [len(os.listdir(folder)) for folder in ("/dev/shm", "/scratch")]
    others = sum(name.isdecimal() for name in os.listdir("/proc")) - 1
    print(json.dumps([status, clean, *left, others]), flush=True)
"""


def test_what_a_net_leaves_behind_is_removed_or_reported(tmp_path):
    sandbox = Sandbox(Limits(), readable(installed(), tmp_path), bubblewrap=find_bubblewrap())
    statements = json.dumps([statement for statement, _ in LEAVING.values()])
    ran = subprocess.run(
        sandbox.command([sys.executable, "-c", SWEEPING, statements]),
        env=sandbox.environment(tmp_path),
        capture_output=True,
        check=True,
    )
    restored = dict(zip(LEAVING, map(json.loads, ran.stdout.splitlines()), strict=True))
    assert restored == {name: [0, clean, 0, 0, 0] for name, (_, clean) in LEAVING.items()}
