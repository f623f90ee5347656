"""Memory of every kind is counted once."""

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from lemur_check.sandbox import Limits, Sandbox, find_bubblewrap
from lemur_check.usage import FamilyUsage, NamespaceUsage

MIB = 2**20
LIMITS = Limits(scratch_bytes=64 * MIB)
# The first process has memory of its own, which is not counted.
TAKING = """
import ctypes, mmap, os, sys, time
own = b"x" * (100 * 2**20)
kept = []
if os.fork() == 0:
{lines}
    print("taken", flush=True)
    time.sleep(600)
time.sleep(600)
"""

pytestmark = pytest.mark.skipif(
    find_bubblewrap() is None, reason="bubblewrap cannot be used here: memory is estimated"
)


@contextmanager
def taking(statements, shares=False, limit=16):
    """Return the usage of a box whose first process has a fork that takes memory."""
    places = [Path(name).resolve() for name in {sys.prefix, sys.base_prefix}]
    sandbox = Sandbox(LIMITS, places, bubblewrap=find_bubblewrap())
    lines = "\n".join(f"    {line}" for line in statements.strip().splitlines())
    program = [sys.executable, "-S", "-c", TAKING.format(lines=lines)]
    with subprocess.Popen(sandbox.command(program), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"taken\n"
            keeper = psutil.Process(process.pid).children()[0].pid
            usage = NamespaceUsage(keeper, sandbox.folders, shares, limit)
            yield usage
            usage.close()
        finally:
            process.kill()


def mib(usage, enough=0):
    return usage.look(enough).memory_bytes / MIB


def test_memory_shared_with_the_first_process_is_not_counted():
    with taking("pass") as usage:
        assert mib(usage) < 4
        assert usage.look(0).processes == 1


def test_memory_shared_by_forks_is_counted_once():
    forks = """
held = b"x" * (60 * 2**20)
ready, tell = os.pipe()
for number in range(4):
    if os.fork() == 0:
        mine = b"x" * (10 * 2**20)
        os.write(tell, b"x")
        time.sleep(600)
for number in range(4):
    os.read(ready, 1)
"""
    with taking(forks) as usage:
        assert usage.look(0).processes == 5
        assert 100 <= mib(usage) < 112
        # The upper bound counts shared pages for each process.
        assert mib(usage, enough=2**40) > 5 * 100


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("kept = b'x' * (50 * 2**20)", 50),
        ("open('/dev/shm/x', 'wb').write(bytes(40 * 2**20))", 40),
        ("open('/scratch/x', 'wb').write(bytes(40 * 2**20))", 40),
        # Deleted, but still mapped.
        (
            "file = open('/scratch/x', 'w+b')\nos.unlink('/scratch/x')\n"
            "file.truncate(40 * 2**20)\nkept = mmap.mmap(file.fileno(), 40 * 2**20)\n"
            "kept[:] = bytes(40 * 2**20)",
            40,
        ),
        # 10,000 inodes take a KiB each, without any content.
        ("for number in range(10_000):\n    open(f'/scratch/{number}', 'w').close()", 10),
    ],
)
def test_memory_of_every_kind_is_counted_once(statements, expected):
    with taking(statements) as usage:
        assert expected - 1 <= mib(usage) < expected + 5


def test_without_a_filter_shared_memory_is_counted():
    shared = """
size = 20 * 2**20
kept.append(mmap.mmap(-1, size))
number = os.memfd_create("x")
os.truncate(number, size)
kept.append(mmap.mmap(number, size))
library = ctypes.CDLL(None)
library.shmat.restype = ctypes.c_void_p
place = library.shmat(library.shmget(7, size, 0o1600), None, 0)
ctypes.memset(place, 1, size)
kept[0][:] = kept[1][:] = bytes(size)
os.fork() or time.sleep(600)
"""
    with taking(shared, shares=True) as usage:
        assert 60 <= mib(usage) < 70
    with taking(shared) as usage:
        assert mib(usage) < 10


def test_zeros_cannot_be_mapped_as_memory():
    zeros = """
file = open("/dev/zero", "r+b", buffering=0)
assert file.read(3) == bytes(3)
try:
    kept = mmap.mmap(file.fileno(), 2**20)
except OSError:
    open("/scratch/refused", "wb").write(bytes(30 * 2**20))
"""
    with taking(zeros) as usage:
        assert 30 <= mib(usage) < 35


def test_ended_processes_take_nothing():
    # Multiprocessing's resource tracker is one of them.
    others = set(psutil.Process().children(recursive=True))
    with taking("pass") as usage:
        for process in set(psutil.Process().children(recursive=True)) - others:
            process.kill()
        # The kernel frees their memory a little later.
        deadline = time.monotonic() + 30
        while mib(usage) >= 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert mib(usage) < 4


def test_the_memory_of_too_many_processes_is_not_measured():
    another = """
reader, writer = os.pipe()
if os.fork() == 0:
    kept = b"x" * (50 * 2**20)
    os.write(writer, b".")
    time.sleep(600)
os.read(reader, 1)
"""
    with taking(another, limit=1) as usage:
        assert usage.look(0) == (2, 0)
    with taking(another, limit=2) as usage:
        assert 50 <= mib(usage) < 60


def test_without_namespaces_descendants_are_counted():
    program = [sys.executable, "-S", "-c", TAKING.format(lines="    kept = b'x' * (50 * 2**20)")]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"taken\n"
        usage = FamilyUsage(process.pid, 16)
        assert usage.look(0).processes == 1
        # Memory shared with the forking process is counted too.
        assert 150 <= mib(usage) < 170
        assert FamilyUsage(process.pid, 0).look(0) == (1, 0)
        for child in psutil.Process(process.pid).children():
            child.kill()
        process.kill()
