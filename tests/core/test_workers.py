"""Trials in separate processes, several at once."""

import multiprocessing
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
import torch

from lemur_core import run
from lemur_core.errors import SettingsError
from lemur_core.events import TrialFinished, TrialStarted, Warned
from lemur_core.settings import Settings
from lemur_core.spawn import SpawnedProcess
from lemur_core.train.data import Bundles
from lemur_core.train.devices import devices_of
from lemur_core.train.limits import TrialLimits
from lemur_core.train.memory import KernelKills
from lemur_core.train.messages import MessageError, decode, encode
from lemur_core.train.process_tree import end_tree
from lemur_core.train.process_worker import ProcessWorker
from lemur_core.train.start import WorkerStart
from lemur_core.train.worker import wait_for
from lemur_core.trial import Epoch, Outcome, State, Trial

BLOBS = "img-classification_blobs_hits"
LINEAR = f"{BLOBS}_Linear"


@pytest.fixture
def net_file(tmp_path, toys):
    """Write a net whose ``learn`` starts with these lines; return its path."""

    def write(name, lines, imports=""):
        source = toys.get("net", "Linear").source()
        body = "".join(f"        {line}\n" for line in lines.splitlines())
        file = tmp_path / f"{name}.py"
        file.write_text(
            f"{source}\n\nimport torch\n{imports}\n\n\nclass Linear(Net):\n"
            f"    def __init__(self, in_shape, out_shape, prm, device):\n"
            f"        super().__init__(in_shape, out_shape, prm, device)\n"
            f"        self.prm = prm\n\n"
            f"    def learn(self, train_data):\n{body}"
            f"        return super().learn(train_data)\n\n\nNet = Linear\n"
        )
        return str(file)

    return write


def rows(db):
    with sqlite3.connect(db) as connection:
        return connection.execute(
            "select number, seed, epoch, accuracy, validation, loss, prm from stat"
            " join trial on trial_id = trial.id order by number, epoch"
        ).fetchall()


def test_scores_do_not_depend_on_the_number_of_workers(tmp_path):
    settings = {"trials": 6, "epochs": 3, "seed": 4, "sampler": "Random", "threads": 1}
    events, results = [], []
    for workers in (1, 3):
        db = str(tmp_path / f"{workers}.db")
        watch = events.append if workers == 3 else lambda event: None
        summary = run(LINEAR, **settings, workers=workers, db=db, watch=watch)
        assert summary.states == Counter({State.FINISHED: 6})
        results.append(rows(db))
    assert results[0] == results[1]
    assert len(results[0]) == 18
    kinds = [type(event) for event in events]
    assert kinds[: kinds.index(TrialFinished)].count(TrialStarted) == 3


def test_workers_start_the_next_study_while_one_study_ends(tmp_path):
    events = []
    summary = run(
        f"{BLOBS}_{{Linear,Picky}}", trials=1, epochs=2, workers=2, transform="double",
        db=str(tmp_path / "results.db"), watch=events.append,
    )  # fmt: skip
    assert summary.states == Counter({State.FINISHED: 2})
    kinds = [type(event) for event in events]
    assert kinds[: kinds.index(TrialFinished)].count(TrialStarted) == 2


def is_running(pid):
    # The process that adopted it may not have waited for its exit status yet.
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_processes_that_a_net_started_are_ended_with_its_process(tmp_path, net_file):
    file = net_file(
        "Spawns",
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(600)",
        "import subprocess\nimport time\nfrom pathlib import Path",
    )
    summary = run(
        BLOBS, net=file, trials=1, epochs=1, fail_attempts=1, epoch_limit=0.1,
        db=str(tmp_path / "results.db"),
    )  # fmt: skip
    assert summary.reasons == Counter({"epoch 1 took longer than 6 s": 1})
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_a_process_that_never_starts_fails_the_trial(tmp_path, toys):
    settings = Settings.of({"patterns": LINEAR})
    from lemur_core.campaign.plan import plan

    [pipeline] = plan(settings, toys).pipelines
    worker = ProcessWorker(
        Bundles(tmp_path), TrialLimits(start_s=0.01), "cpu", WorkerStart(tmp_path)
    )
    worker.begin(Trial(pipeline, 1, {"batch": 8, "transform": "plain"}, 0, 1))
    outcome = None
    while outcome is None:
        wait_for([worker])
        outcome = worker.receive()
    assert (outcome.state, outcome.reason) == (
        State.FAILED, "no worker process was ready within 0.01 s",
    )  # fmt: skip


HUNGRY = "if self.prm['batch'] > 16:\n    {}"
# torch's messages for a GPU and for a CPU.
OF_GPU = (
    "CUDA out of memory. Tried to allocate 9.20 GiB. GPU 0 has a total capacity of 79.11 GiB of "
    "which 3.06 GiB is free"
)
ADVICE = ". Of the allocated memory 75 GiB is allocated by PyTorch. If reserved memory is large try"
OF_CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 4000000000000000 bytes. Error code 12 (Cannot allocate memory)"
)


def test_a_process_that_cannot_be_killed_does_not_hold_up_its_campaign(monkeypatch):
    class Blocked:
        """Blocked in the kernel, for example reading from a lost disk."""

        pid, exitcode, waits = None, None, []

        def is_alive(self):
            return True

        def terminate(self):
            pass

        def join(self, timeout=None):
            self.waits.append(timeout)

        def close(self):
            raise ValueError("Cannot close a process while it is still running.")

    ours, theirs = multiprocessing.Pipe()
    started = SpawnedProcess(Blocked(), ours)
    worker = ProcessWorker(Bundles(Path("data")), TrialLimits(), "cpu", None, started)
    worker.kill()
    assert ours.closed
    assert Blocked.waits
    assert None not in Blocked.waits
    theirs.close()


def test_a_stopped_process_is_killed_even_if_its_children_are_unknown(monkeypatch):
    def children(self, recursive=False):
        raise psutil.NoSuchProcess(self.pid)

    monkeypatch.setattr(psutil.Process, "children", children)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        end_tree(process.pid)
        assert process.wait(60) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (f"torch.OutOfMemoryError({OF_GPU + ADVICE!r})", f"OutOfMemoryError: {OF_GPU}"),
        (f"RuntimeError({OF_CPU!r})", f"RuntimeError: {OF_CPU}"),
        ("MemoryError('no room')", "MemoryError: no room"),
    ],
)
def test_a_trial_that_runs_out_of_memory_is_repeated_with_smaller_batches(
    tmp_path, net_file, raised, reason
):
    db, events = str(tmp_path / "results.db"), []
    summary = run(
        BLOBS, net=net_file("Hungry", HUNGRY.format(f"raise {raised}")), trials=4, epochs=1,
        batch="2^3..2^6", seed=5, in_process=True, db=db, watch=events.append,
    )  # fmt: skip
    assert summary.states == Counter({State.FINISHED: 4})
    assert summary.exit_status == 0
    ended = [(e.trial.prm, e.outcome) for e in events if isinstance(e, TrialFinished)]
    hungry = [i for i, (_, outcome) in enumerate(ended) if outcome.out_of_memory]
    assert hungry
    for index in hungry:
        before, after = ended[index][0], ended[index + 1][0]
        assert after == before | {"batch": after["batch"]}
        assert after["batch"] < before["batch"]
    assert all(prm["batch"] <= 16 for prm, outcome in ended if outcome.state is State.FINISHED)
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert warnings[-1] == (
        f"{BLOBS}_Hungry: memory ran out with batch=32; it continues with batch=8,16"
    )
    with sqlite3.connect(db) as connection:
        failed = connection.execute("select reason from trial where state = 'failed'").fetchall()
    assert failed == [(reason,)] * len(hungry)


def test_a_batch_that_cannot_be_smaller_is_a_failure(tmp_path, net_file):
    summary = run(
        BLOBS, net=net_file("Hungry", HUNGRY.format("raise MemoryError('no room')")), trials=1,
        epochs=1, batch=32, fail_attempts=2, in_process=True, db=str(tmp_path / "results.db"),
    )  # fmt: skip
    assert summary.reasons == Counter({"MemoryError: no room": 2})


LUCK = (
    "calls = Path({counter!r})\n"
    "calls.write_text(calls.read_text() + 'x' if calls.exists() else 'x')\n"
    "call = len(calls.read_text())\n"
    "if {when}:\n"
    "    raise ValueError('an odd call' if call % 2 else 'an even call')"
)


@pytest.mark.parametrize(
    ("when", "finished", "failed"),
    [
        ("True", 0, 20),  # never alike: only when it fails ten times as often as may
        ("call > 1 and call < 8", 3, 6),  # had one that went well: goes on
        ("call < 8", 3, 7),  # not alike
    ],
)
def test_a_net_is_given_up_after_failures_at_the_start_or_many_in_a_row(
    tmp_path, net_file, when, finished, failed
):
    lines = LUCK.format(counter=str(tmp_path / "calls"), when=when)
    summary = run(
        BLOBS, net=net_file("Luck", lines, "from pathlib import Path"), trials=3, epochs=1,
        fail_attempts=2, in_process=True, db=str(tmp_path / "results.db"),
    )  # fmt: skip
    assert (summary.states[State.FINISHED], summary.states[State.FAILED]) == (finished, failed)
    assert bool(summary.left_out) == (finished == 0)


def test_gpus_are_given_to_workers_in_turn(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for arguments, devices in (
        ({"gpus": "0,1"}, ["cuda:0", "cuda:1"]),
        ({"gpus": [1, 0], "workers": 3}, ["cuda:1", "cuda:0", "cuda:1"]),
        ({"device": "cpu", "workers": 2}, ["cpu", "cpu"]),
    ):
        settings = Settings.of(arguments)
        assert devices_of(settings.device, settings.gpus, settings.worker_count) == devices
    with pytest.raises(SettingsError) as caught:
        devices_of("auto", [0, 2], 2)
    assert str(caught.value) == "device 'cuda:2' cannot be used: there are 2 GPUs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gpus": "a"}, "gpus is 'a'; expected numbers, for example 0,1"),
        ({"gpus": []}, "gpus is []; expected numbers, for example 0,1"),
        ({"workers": 0}, "workers is 0; expected 1 or more"),
        (
            {"workers": 2, "in_process": True},
            "in_process trains one trial at a time; workers is 2",
        ),
    ],
)
def test_invalid_workers_are_reported(arguments, message):
    with pytest.raises(SettingsError) as caught:
        Settings.of(arguments)
    assert str(caught.value) == message


EPOCH = Epoch(3, None, 0.25, 0.125, 10**12)


@pytest.mark.parametrize(
    "message", [EPOCH, Outcome(State.FAILED, (), "nul \0", "surrogate \ud800", True, True)]
)
def test_messages_arrive_as_they_were_sent(message):
    assert decode(encode(message)) == message


def test_an_outcomes_epochs_are_not_sent_twice():
    assert decode(encode(Outcome(State.FINISHED, (EPOCH,)))) == Outcome(State.FINISHED, ())


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"\xff", b"1", b'{"Epoch": {"number": 1}}', b'{"State": {}}', b"[[]]",
        b"[" * 100_000,
        b'{"Epoch": {"number": 1, "loss": 1%s}}' % (b"0" * 400),
        b'{"Epoch": {"number": 1e999}}',
    ],
)  # fmt: skip
def test_an_invalid_message_is_rejected(sent):
    with pytest.raises(MessageError):
        decode(sent)


def test_kernel_kills_are_counted_since_the_last_check(tmp_path):
    counter = Path(tmp_path / "vmstat")
    counter.write_text("pgfault 7\noom_kill 3\n")
    kills = KernelKills([counter, tmp_path / "absent"])
    assert not kills.occurred()
    counter.write_text("pgfault 9\noom_kill 4\n")
    assert kills.occurred()
    assert not kills.occurred()
