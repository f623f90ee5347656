"""Behind the walls hostile nets fail and the caller goes on; without, they do what they want."""

import os
import socket
import sqlite3
import threading
import time

import psutil
import pytest

from lemur_core.checking.asked import Asked
from lemur_core.checking.check import checker
from lemur_core.checking.sandbox import Limits, find_bubblewrap

FEW = Asked(dataset="digits[samples=200]")

pytestmark = pytest.mark.skipif(
    find_bubblewrap() is None,
    reason="bubblewrap cannot be used here: only time, memory and files' sizes are limited",
)


@pytest.fixture
def walled(walls, source):
    """Whatever a net does, the next one is checked, and nothing of the first is left."""
    before = _children()
    yield walls
    assert walls(source).valid
    # Twice bubblewrap and the process that nets are forked from, which may be others now; and that
    # of one's own nets, which may have come.
    assert len(_children() - before) <= 3 + 1


def _children():
    return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text("the secret\n")
    return file


def test_files_are_not_read(walled, trusting, doing, secret):
    net = doing(f"raise ValueError(open({str(secret)!r}).read())")
    assert trusting(net).reason == "ValueError: the secret"
    verdict = walled(net)
    assert verdict.reason.startswith("FileNotFoundError")
    assert (verdict.step, verdict.not_enforced) == ("batch", ())


def test_the_home_folder_is_not_there(walled, doing):
    home = os.path.expanduser("~")
    verdict = walled(doing(f"import os; raise ValueError(sorted(os.listdir({home!r})))"))
    # Where Python itself lies in it, that is all there is of it.
    there = verdict.reason.removeprefix("ValueError: ")
    assert verdict.reason.startswith("FileNotFoundError") or not {
        name for name in eval(there) if not (name.startswith(".") or name == "envs")
    }


def test_the_environment_is_not_handed_on(walled, monkeypatch, doing):
    monkeypatch.setenv("LEMUR_SECRET", "hidden")
    with checker(FEW, threads=1, save=False) as one:
        verdict = one(doing("import os; raise ValueError(dict(os.environ))"))
    assert verdict.reason.startswith("ValueError: {")
    assert "hidden" not in verdict.reason + verdict.traceback


def test_nothing_is_written_outside(walled, trusting, tmp_path, doing):
    import lemur_core

    def writing(file):
        return doing(f"open({str(file)!r}, 'w').write('x')")

    assert trusting(writing(tmp_path / "written")).valid
    assert (tmp_path / "written").exists()
    for file in (tmp_path / "other", f"{lemur_core.__path__[0]}/written.py", "/usr/written"):
        verdict = walled(writing(file))
        assert verdict.reason.startswith(("FileNotFoundError", "OSError: [Errno 30]"))
        assert not os.path.exists(file)


def test_there_is_no_network(walled, trusting, doing):
    with socket.create_server(("127.0.0.1", 0)) as server:
        came = []

        def accept():
            while True:
                try:
                    came.append(server.accept()[0].close())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        net = doing(f"import socket; socket.create_connection({server.getsockname()!r}, 5).close()")
        assert trusting(net).valid
        reached = len(came)
        verdict = walled(net)
        assert reached > 0
        assert len(came) == reached
        assert "OSError" in verdict.reason or "ConnectionRefused" in verdict.reason
        server.shutdown(socket.SHUT_RDWR)


def test_a_fork_without_end_is_ended(walled, doing):
    before = time.monotonic()
    verdict = walled(doing("import os\nwhile True:\n    os.fork()"))
    assert not verdict.valid
    # What forks share is counted for each.
    assert "than 16 processes" in verdict.reason or "of memory; the limit" in verdict.reason
    assert time.monotonic() - before < 30


def test_processes_that_are_left_behind_are_ended(walled, doing):
    left = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
    os._exit(0)
"""
    assert walled(doing(left)).valid


def test_the_disk_is_not_filled(walled, doing):
    one_file = """
with open("big", "wb") as file:
    while True:
        file.write(bytes(2**20))
"""
    many_files = """
number = 0
while True:
    number += 1
    with open(f"/dev/shm/{number}", "wb") as file:
        file.write(bytes(2**20))
"""
    for net in (one_file, many_files):
        verdict = walled(doing(net))
        assert verdict.reason.startswith("OSError: [Errno ")
        assert "No space left" in verdict.reason or "File too large" in verdict.reason


def test_memory_is_not_filled(walled, doing):
    verdict = walled(doing("kept = []\nwhile True:\n    kept.append(b'x' * 2**26)"))
    assert "MemoryError" in verdict.reason or "of memory; the limit is 2.00 GiB" in verdict.reason
    tensors = walled(doing("kept = []\nwhile True:\n    kept.append(torch.ones(2**26))"))
    assert "allocate" in tensors.reason or "of memory" in tensors.reason


def test_memory_of_several_processes_is_counted_together(walled, doing):
    net = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = b"x" * (6 * 2**27)
        time.sleep(600)
time.sleep(600)
"""
    assert "of memory; the limit is 2.00 GiB" in walled(doing(net)).reason


@pytest.mark.parametrize("target", ["os.getppid()", "-1", "1", "caller"])
def test_nothing_outside_is_killed(walled, target, doing):
    target = target.replace("caller", str(os.getpid()))
    verdict = walled(doing(f"import os, signal; os.kill({target}, signal.SIGKILL)"))
    reached = verdict.valid or "ended" in verdict.reason or "Lookup" in verdict.reason
    assert reached or "PermissionError" in verdict.reason


def test_a_gigabyte_of_words_is_not_heard(walled, capfd, doing):
    net = """
import os, sys
for _ in range(16):
    sys.stdout.write("x" * 2**26)
    sys.stderr.write("x" * 2**26)
    os.write(1, b"x" * 2**20)
"""
    assert walled(doing(net)).valid
    assert capfd.readouterr() == ("", "")


def test_what_is_said_where_lemur_listens_is_limited_and_read_as_a_strangers(walled, doing):
    net = """
import os
for number in range(3, 64):
    try:
        while True:
            os.write(number, b'{"parameters": -1, "epoch": {"accuracy": "NaN"}}\\n[1]\\nno JSON\\n')
    except OSError:
        pass
"""
    verdict = walled(doing(net))
    assert verdict.reason == "its process said too much"
    assert verdict.score is None
    assert verdict.parameters == 18_090


def test_the_database_is_not_reached(walled, trusting, tmp_path, doing):
    file = tmp_path / "lemur.db"
    with sqlite3.connect(file) as connection:
        connection.execute("create table stat (accuracy)")
    net = doing(
        f"import sqlite3\nwith sqlite3.connect({str(file)!r}) as one:\n"
        "    one.execute('insert into stat values (1.0)')"
    )
    assert trusting(net).valid
    before = sqlite3.connect(file).execute("select count(*) from stat").fetchall()
    assert "OperationalError" in walled(net).reason
    assert sqlite3.connect(file).execute("select count(*) from stat").fetchall() == before != [(0,)]


@pytest.mark.parametrize("what", ["mem", "fd/0", "environ"])
def test_the_process_it_was_forked_of_is_not_seen_into(walled, what, doing):
    verdict = walled(doing(f"import os; open(f'/proc/{{os.getppid()}}/{what}', 'rb').read(1)"))
    assert verdict.reason.startswith("PermissionError")


def test_a_sleep_without_end_is_ended(doing):
    limits = Limits(seconds=2)
    with checker(Asked(), limits=limits, threads=1, save=False) as one:
        for sleep in ("import time; time.sleep(600)", "while True: pass"):
            before = time.monotonic()
            assert one(doing(sleep)).reason == "took longer than 2 s"
            assert time.monotonic() - before < 60


def test_a_user_namespace_of_its_own_gives_it_nothing(walled, doing):
    verdict = walled(
        doing(
            "import os; os.unshare(os.CLONE_NEWUSER)".replace(
                "os.unshare(os.CLONE_NEWUSER)",
                "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0, 'refused'",
            )
        )
    )
    assert verdict.reason == "AssertionError: refused"


def test_modules_are_not_looked_for_where_nets_write(walled, source):
    write = "import os\nopen('tabnanny.py', 'w').write('raise OSError(1)')\n"
    for name, before in ((None, write), ("tabnanny", "")):
        hook = f"import torch\n{before}import tabnanny\nassert tabnanny.check\n"
        assert walled(source.replace("import torch\n", hook, 1), name).valid


def test_nothing_is_written_beside_what_is_read(source, doing, tmp_path):
    """Where Python itself is below the folder for temporary files, modules would be found there."""
    (tmp_path / "data").mkdir()
    with checker(FEW, threads=1, save=False, data=tmp_path / "data") as one:
        for place in (tmp_path, tmp_path / "data", "/tmp", "/"):
            verdict = one(doing(f"open({str(place)!r} + '/written.py', 'w')"))
            assert verdict.reason.startswith("OSError: [Errno 30] Read-only file system")
        assert one(doing("open('written.py', 'w')")).valid
        assert one(doing("import tempfile; tempfile.TemporaryFile().write(b'x')")).valid
