"""Workers are forked from a process that has imported torch, and start as if they were spawned."""

import os
import signal
import sys
import time
from types import SimpleNamespace

import pytest

from lemur_core.spawn import SpawnedProcess
from lemur_core.train import start
from lemur_core.train.process_tree import IS_LINUX
from lemur_core.train.template import Template

pytestmark = pytest.mark.skipif(not IS_LINUX, reason="processes are forked on Linux only")
MODULE = """
import os, sys

def report(connection, settings, prints):
    os.write(prints.fileno(), b"printed")
    connection.send({
        "settings": settings, "folder": os.getcwd(), "variable": os.environ.get("VARIABLE"),
        "path": sys.path, "torch": "torch" in sys.modules, "parent": os.getppid(),
    })
    os._exit(connection.recv())
"""


@pytest.fixture(scope="module")
def template():
    template = Template()
    yield template
    template.close()


@pytest.fixture
def report(tmp_path, monkeypatch):
    (tmp_path / "reporting.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "reporting", raising=False)
    import reporting

    return reporting.report


def eventually(condition, patience_s=60):
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def ended(forked, code):
    forked.connection.send(code)
    # The worker may run before the template has sent its id, without which nothing is joined.
    eventually(lambda: forked.process.pid)
    forked.process.join(60)
    return forked.process.exitcode, forked.process.is_alive()


def test_a_worker_has_the_state_that_this_process_has_now(template, report, tmp_path, monkeypatch):
    for value in ("first", None):
        monkeypatch.setenv("VARIABLE", value) if value else monkeypatch.delenv("VARIABLE")
        forked = template.fork(report, ["settings"])
        state = forked.connection.recv()
        assert state.pop("parent") not in (os.getpid(), forked.process.pid)
        assert state == {
            "settings": ["settings"], "folder": str(tmp_path), "variable": value,
            "path": sys.path, "torch": True,
        }  # fmt: skip
        assert forked.output.poll(60)
        assert os.read(forked.output.fileno(), 100).endswith(b"printed")
        assert ended(forked, 3) == (3, False)


def test_workers_share_one_template_and_end_separately(template, report):
    first, second = (template.fork(report, None) for _ in range(2))
    assert first.connection.recv()["parent"] == second.connection.recv()["parent"]
    assert first.process.pid != second.process.pid
    first.process.kill()
    eventually(lambda: not first.process.is_alive())
    assert first.process.exitcode == -signal.SIGKILL
    assert second.process.is_alive()
    assert ended(second, 0) == (0, False)


def test_workers_end_with_their_template_and_the_next_worker_starts_another(template, report):
    first = template.fork(report, None)
    parent = first.connection.recv()["parent"]
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: not first.process.is_alive())
    assert first.process.exitcode is None
    second = template.fork(report, None)
    assert second.connection.recv()["parent"] != parent
    assert ended(second, 1) == (1, False)


def test_a_worker_whose_process_is_not_forked_yet_can_be_given_up(report):
    template = Template()
    forked = template.fork(report, None)
    assert forked.process.pid is None
    assert forked.process.is_alive()
    for end in (forked.process.terminate, forked.process.kill, forked.process.join):
        end()
    forked.process.close()
    assert not forked.process.is_alive()
    template.close()
    eventually(lambda: not template._process.process.is_alive())


def test_only_workers_without_a_gpu_are_forked(monkeypatch, tmp_path):
    monkeypatch.setattr(start, "template", SimpleNamespace(fork=lambda *_: "forked", start=list))
    monkeypatch.setattr(start, "spawn", lambda *_: SpawnedProcess("spawned", None))
    workers = start.WorkerStart(tmp_path, workers=2)
    assert workers("cpu") == "forked"
    assert workers("cuda:1").process == "spawned"
    monkeypatch.setattr(start, "_GPUS", [str(tmp_path / "none")])
    assert workers.ahead() == []
    monkeypatch.setattr(start, "_GPUS", [str(tmp_path / "none"), str(tmp_path)])
    assert [worker.process for worker in workers.ahead()] == ["spawned"] * 2
