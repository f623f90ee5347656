"""A box's handling of its process's answers, with a fake process that imports nothing."""

import sys

import pytest

from lemur_check import box as module
from lemur_check import sandbox
from lemur_check.box import Box
from lemur_check.run_result import Cause, RunResult
from lemur_check.sandbox import Limits, Sandbox
from lemur_core.errors import LemurError, SettingsError, WorkerError

FAKE_PROCESS = """
import json, os, sys, time

def receive():
    return json.loads(sys.stdin.readline())

def answer(number, **members):
    print(json.dumps({**members, "number": number}), flush=True)

answer(receive()["number"], ready=True)
for line in sys.stdin:
    job = json.loads(line)
    exec(job["before"])
    answer(job["number"], started=True)
    number = receive()["number"]
    answer(number, said="first")
    exec(job["during"])
    answer(number, ended=0, clean=True)
"""


@pytest.fixture(scope="module")
def run_job(tmp_path_factory):
    """Return a function that runs a job in a box whose process is fake."""
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "_PROGRAM", (sys.executable, "-S", "-c", FAKE_PROCESS))
    folder = tmp_path_factory.mktemp("data")
    box = Box(Sandbox(Limits(seconds=3), [], trust=True), folder, 1)

    def run(during="", before=""):
        return box.run({"before": before, "during": during})

    run.box = box
    yield run
    box.close()
    patch.undo()


FOREIGN = RunResult(
    ["first"], "its process sent answers in the name of the process that runs it", Cause.NET
)
DONE = RunResult(["first"])


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[" * 100_000,
        "[]",
        '{"refused": "in the words of a stranger"}',
        '{"ended": 0, "clean": true}',
        '{"number": "0", "ended": 0, "clean": true}',
    ],
    ids=lambda line: line[:20],
)
def test_a_malformed_answer_only_fails_the_running_net(run_job, line):
    assert run_job() == DONE
    process = run_job.box._process.pid
    assert run_job(f"print({line!r}, flush=True)") == FOREIGN
    assert run_job.box._process is None
    assert run_job() == DONE
    assert run_job.box._process.pid != process


def test_the_number_of_another_net_is_refused(run_job):
    run_job("open('number', 'w').write(number)")
    assert run_job("number = open('number').read()") == FOREIGN
    # The number of the job, which a fork has in its memory.
    assert run_job("number = job['number']") == FOREIGN


def test_errors_before_a_net_runs_are_not_its_failures(run_job, tmp_path):
    once = f"{str(tmp_path / 'once')!r}"
    spoilt = f"os.path.exists({once}) or (open({once}, 'w'), print('x', flush=True))"
    assert run_job(before=spoilt) == DONE
    with pytest.raises(LemurError, match="^no such data$"):
        run_job(before="answer(job['number'], refused='no such data')")
    with pytest.raises(WorkerError, match="a process to check nets could not be started: it broke"):
        run_job(before="print('it broke', file=sys.stderr, flush=True); os._exit(1)")
    assert run_job() == DONE


def test_limits_and_lost_processes_are_distinguished_from_failures(run_job):
    assert run_job("time.sleep(60)") == RunResult(["first"], "took longer than 3 s", Cause.TIME)
    lost = RunResult(["first"], "its process ended the process that runs it", Cause.LOST)
    assert run_job("os._exit(0)") == lost
    killed = run_job("answer(number, ended=-9, clean=True); number = receive()['number']")
    assert killed == RunResult(["first"], "its process was ended by signal 9 (SIGKILL)", Cause.LOST)
    run_job.box.close()
    ended = run_job("answer(number, ended=3, clean=True); number = receive()['number']")
    assert ended == RunResult(["first"], "its process exited with status 3", Cause.NET)
    run_job.box.close()
    assert [cause.is_limit for cause in Cause] == [False, True, True, True]


def test_the_time_limit_starts_after_the_data_is_read(run_job):
    assert run_job(before="time.sleep(4)") == DONE


def test_the_box_is_closed_if_it_cannot_be_cleaned(run_job):
    assert run_job("answer(number, ended=0, clean=False); time.sleep(60)") == DONE
    assert run_job.box._process is None


def test_without_bubblewrap_untrusted_nets_are_not_run():
    with pytest.raises(SettingsError) as refused:
        Sandbox(Limits(), [])
    assert str(refused.value) == (
        "nets are run in a sandbox, and bubblewrap 0.8 or later cannot be used here; install it, "
        "give --trust if the nets are your own, or --no-walls to run them with limits only"
    )
    assert Sandbox(Limits(), [], trust=True).not_enforced == ()
    assert "network" in Sandbox(Limits(), [], no_walls=True).not_enforced


def test_a_missing_filter_is_reported(monkeypatch):
    monkeypatch.setattr(sandbox.seccomp, "assemble", lambda: None)
    assert Sandbox(Limits(), [], bubblewrap="bwrap").not_enforced == ("any system call",)
