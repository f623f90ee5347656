"""A trial's results do not depend on the trials that its worker trained before."""

import os
import signal
import time

import psutil
import pytest

from lemur_core.campaign.plan import plan
from lemur_core.settings import Settings
from lemur_core.train.data import Bundles
from lemur_core.train.in_process_worker import InProcessWorker
from lemur_core.train.limits import TrialLimits
from lemur_core.train.process_tree import IS_LINUX
from lemur_core.train.process_worker import ProcessWorker
from lemur_core.train.start import WorkerStart
from lemur_core.train.stop import StopNow
from lemur_core.train.worker import wait_for
from lemur_core.trial import Outcome, State, Trial, TrialDecision

BLOBS = "img-classification_blobs_hits"
PRM = {
    "batch": 8, "lr": 0.05, "momentum": 0.9, "weight_decay": 0.0, "dropout": 0.0, "width": 3,
    "optimizer": "sgd", "transform": "plain",
}  # fmt: skip

pytestmark = pytest.mark.skipif(not IS_LINUX, reason="processes are forked on Linux only")

NET = '''
{source}

import builtins, ctypes, gc, json, locale, os, random, signal, subprocess, sys, threading, time
import warnings
import numpy as np
import torch


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


def daemon(seconds=600):
    """Start a process of another session whose parent is gone."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            time.sleep(seconds)
        os._exit(0)
    return int(os.read(reader, 20))


class Hostile(Net):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.prm, self.device = prm, device

    def learn(self, train_data):
{body}
        return super().learn(train_data)


Net = Hostile
'''

# Trains like the toys' net; the loss of its second epoch shows the state of its process.
WITNESS = """
{source}

import builtins, locale, os, random, resource, signal, sys, threading, time, warnings, zlib
import numpy as np
import torch


def is_own(function):
    return getattr(function, "__name__", "") != "<lambda>"


def state():
    functions = [
        torch.randperm, torch.manual_seed, torch.nn.functional.cross_entropy, torch.Tensor.argmax,
        random.seed, np.random.seed, np.random.set_state, builtins.float, builtins.len,
    ]
    umask = os.umask(0o022)
    os.umask(umask)
    return (
        torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(), torch.get_num_threads(), torch.backends.mkldnn.enabled,
        torch.get_float32_matmul_precision(), torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled(),
        (torch.tensor([1e-39]) * 0.5).tolist(), sys.getrecursionlimit(),
        signal.getitimer(signal.ITIMER_REAL)[1],
        [str(signal.getsignal(number)) for number in range(1, 20)],
        len(torch.nn.modules.module._global_forward_hooks),
        len(sys.modules["torch.optim.optimizer"]._global_optimizer_pre_hooks),
        [is_own(function) for function in functions], None in sys.modules.values(),
        sorted(os.environ.items()), os.getcwd(), umask, locale.setlocale(locale.LC_ALL),
        len(warnings.filters), str(type(sys.gettrace())), threading._profile_hook,
        hasattr(builtins, "kept"),
        resource.getrlimit(resource.RLIMIT_NOFILE), os.nice(0),
    )


class Witness(Net):
    epochs = 0

    def learn(self, train_data):
        self.epochs += 1
        result = super().learn(train_data)
        return result if self.epochs == 1 else (0.0, float(zlib.crc32(repr(state()).encode())))


Net = Witness
"""

# Actions of a net on its process before it trains.
HOSTILE = {
    "default dtype": "torch.set_default_dtype(torch.float64)",
    "default device": "torch.set_default_device('meta')",
    "grad mode": "torch.set_grad_enabled(False)",
    "inference mode": "builtins.mode = torch.inference_mode(); builtins.mode.__enter__()",
    "threads": "torch.set_num_threads(3)",
    "mkldnn": "torch.backends.mkldnn.enabled = False",
    "matmul precision": "torch.set_float32_matmul_precision('medium')",
    "cudnn": "torch.backends.cudnn.enabled = False; torch.backends.cudnn.benchmark = True",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "flush denormal": "torch.set_flush_denormal(True)",
    "recursion limit": "sys.setrecursionlimit(200)",
    "timer": "signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)",
    "alarm handler": (
        "signal.signal(signal.SIGALRM, lambda *_: sys.exit(3)); signal.setitimer(0, 0.2, 0.2)"
    ),
    "signal handlers": "[signal.signal(n, signal.SIG_IGN) for n in (15, 17, 10, 13)]",
    "module hook": ("torch.nn.modules.module.register_module_forward_hook(lambda m, i, o: o * 2)"),
    "optimizer hook": (
        "sys.modules['torch.optim.optimizer'].register_optimizer_step_pre_hook("
        "lambda o, *_: [p.data.zero_() for g in o.param_groups for p in g['params']])"
    ),
    "patched torch": "torch.randperm = lambda n, **_: torch.arange(n)",
    "patched loss": "torch.nn.functional.cross_entropy = lambda *a, **k: a[0].sum()",
    "patched tensor": "torch.Tensor.argmax = lambda self, *_: torch.zeros(len(self))",
    "patched random": "random.seed = np.random.seed = torch.manual_seed = lambda *_: None",
    "patched numpy": "np.random.seed = np.random.set_state = lambda *_: 1 / 0",
    "patched builtins": "builtins.float = builtins.len = builtins.isinstance = lambda *_: 1",
    "modules": "[sys.modules.__setitem__(n, None) for n in list(sys.modules) if 'metric' in n]",
    "patched lemur": ("import lemur_core.train.training as t; t.score = lambda *_: {'hits': 1.0}"),
    "patched metric": (
        "import lemur_toy.data as d; d.Hits.compute = lambda self: 1.0; "
        "d.Plain.forward = lambda self, x: x * 0.0"
    ),
    "environment": "os.environ.clear(); os.chdir('/'); os.umask(0o777)",
    "locale": "locale.setlocale(locale.LC_ALL, 'C'); warnings.simplefilter('error')",
    "trace": "sys.settrace(lambda *_: None); threading.setprofile(lambda *_: 1 / 0)",
    "shared data": (
        "from lemur_core.kinds.loader import InMemory\n"
        "for data in [o for o in gc.get_objects() if type(o) is InMemory]:\n"
        "    data.inputs.zero_(); data.targets.zero_()"
    ),
    "memory": "builtins.kept = torch.ones(2**24)",
    "failure in inference mode": (
        "builtins.mode = torch.inference_mode(); builtins.mode.__enter__(); raise ValueError"
    ),
    "exit": "torch.set_default_dtype(torch.float64); os._exit(7)",
    "worker's signals": "[os.kill(os.getppid(), number) for number in (1, 10, 12, 14, 15)]",
    "limits": ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)); os.nice(19)"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("isolation")


@pytest.fixture(scope="module")
def workers(folder):
    """A worker that all tests share, once a test has started it: it finds the toys then."""
    started_workers = []
    yield started_workers
    for worker in started_workers:
        worker.close()


@pytest.fixture
def worker(folder, workers, toys):
    if not workers:
        start = WorkerStart(folder, threads=1)
        workers.append(
            ProcessWorker(Bundles(folder), TrialLimits(epoch_s=60), "cpu", start, start())
        )
    return workers[0]


@pytest.fixture
def trial(folder, toys):
    """Return a trial of the witness net, or of a net whose ``learn`` starts with these lines."""

    def make(lines=None, epochs=1):
        source = toys.get("net", "Linear").source()
        file = folder / ("Witness.py" if lines is None else "Hostile.py")
        body = "\n".join(f"        {line}" for line in (lines or "").splitlines())
        template = WITNESS if lines is None else NET
        file.write_text(template.format(source=source, body=body))
        [pipeline] = plan(Settings.of({"patterns": BLOBS, "net": str(file)}), toys).pipelines
        return Trial(pipeline, 1, PRM, 5, epochs)

    return make


def trained(worker, trial, verdict=TrialDecision.GO_ON):
    worker.begin(trial)
    while True:
        wait_for([worker])
        message = worker.receive()
        if isinstance(message, Outcome):
            return message
        if message is not None:
            worker.answer(verdict)


def numbers(outcome):
    assert outcome.state is State.FINISHED, outcome.reason
    return [(e.number, e.loss, e.validation, e.accuracy, e.within) for e in outcome.epochs]


@pytest.fixture(scope="module")
def alone(folder):
    return {}


@pytest.mark.parametrize("name", HOSTILE)
def test_results_are_those_of_a_net_that_trained_alone(worker, trial, alone, name):
    if not alone:
        alone["numbers"] = numbers(trained(worker, trial(epochs=2)))
    process = worker._process
    trained(worker, trial(HOSTILE[name]))
    assert numbers(trained(worker, trial(epochs=2))) == alone["numbers"]
    assert worker._process is process


NO_MESSAGE = "its process sent an invalid message"
EPOCH = (
    '{"Epoch": {"number": %s, "loss": %s, "validation": %s, "accuracy": 1.0, "duration_ns": %s, '
    '"scores": %s, "within": [], "size": null, "facts": {}, '
    '"validation_loss": null}}'
)
OUTCOME = (
    '{"Outcome": {"state": "%s", "epochs": [], "reason": "", "traceback": "", "misfit": false, '
    '"out_of_memory": false, "corrupt": false, "prediction": null}}'
)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("nonsense\n", NO_MESSAGE),
        ("[" * 2**21 + "\n", NO_MESSAGE),
        ("x" * (2**20 + 2**17), NO_MESSAGE),
        ('{"Epoch": {}}\n', NO_MESSAGE),
        ("W1 \"ready\"\n", NO_MESSAGE),
        ('{"Began": {"pid": 1}}\n', NO_MESSAGE),
        ('{"Ended": {"code": 0}}\n', NO_MESSAGE),
        (EPOCH % ("1", "null", '"1.0"', "5", "{}") + "\n", NO_MESSAGE),
        (EPOCH % ("1", "NaN", "1.0", "5", "{}") + "\n", "a score or loss of epoch 1 is not finite"),
        (EPOCH % ("1", "0.5", "-Infinity", "5", "{}") + "\n",
         "a score or loss of epoch 1 is not finite"),
        (EPOCH % ("-1", "0.5", "1.0", "5", "{}") + "\n", "it sent epoch -1; expected epoch 1"),
        (EPOCH % ("2", "0.5", "1.0", "5", "{}") + "\n", "it sent epoch 2; expected epoch 1"),
        (EPOCH % ("1", "0.5", "1.0", "-5", "{}") + "\n", "epoch 1 ended before it began"),
        (EPOCH % ("1", "0.5", "1.0", f"{2**63}", "{}") + "\n", "epoch 1 ended before it began"),
        (EPOCH % ("1", "0.5", "1.0", "5", '{"other": [1.0, 1.0]}') + "\n",
         "the scores of epoch 1 do not match the pipeline's metrics"),
        (OUTCOME % "finished" + "\n", "it reported 'finished' after epoch 0 of 2"),
        (OUTCOME % "pruned" + "\n", "it reported 'pruned' after epoch 0 of 2"),
        (OUTCOME % "running" + "\n", "it reported 'running' after epoch 0 of 2"),
        (OUTCOME % "abandoned" + "\n", "it reported 'abandoned' after epoch 0 of 2"),
        ('{"Outcome" ' + "\n", NO_MESSAGE),
        # The remainder of the first message is that of its first epoch.
        ('{"Epoch": ', NO_MESSAGE),
    ],
)  # fmt: skip
def test_a_net_that_writes_to_the_pipe_fails(worker, trial, alone, sent, reason):
    process = worker._process
    outcome = trained(worker, trial(f"send({sent!r})", epochs=2))
    text = reason if reason.startswith(NO_MESSAGE) else f"{NO_MESSAGE}: {reason}"
    assert (outcome.state, outcome.epochs, outcome.reason) == (State.FAILED, (), text)
    assert worker._process is process


def test_an_epoch_is_not_reported_twice(worker, trial):
    message = EPOCH % ("1", "0.5", "1.0", "5", "{}")
    outcome = trained(worker, trial(f"send({message + chr(10) + message + chr(10)!r})", epochs=3))
    reason = f"{NO_MESSAGE}: it sent epoch 1; expected epoch 2"
    assert (outcome.state, outcome.reason) == (State.FAILED, reason)
    assert [epoch.number for epoch in outcome.epochs] == [1]


def test_a_net_that_ends_its_process_before_the_outcome_has_failed(worker, trial):
    for line, reason in (
        ("os._exit(0)", "its process exited with status 0"),
        ("os.kill(os.getpid(), 9)", "its process was ended by signal 9 (SIGKILL)"),
        ("os.kill(os.getpid(), 40)", "its process was ended by signal 40 (a real-time signal)"),
        ("ctypes.string_at(0)", "its process was ended by signal 11 (SIGSEGV)"),
    ):
        assert trained(worker, trial(line)).reason == reason


@pytest.mark.parametrize(
    "kind", ["KeyboardInterrupt", "SystemExit", "GeneratorExit", "BaseException"]
)
@pytest.mark.parametrize("is_here", [True, False])
def test_a_net_that_raises_system_exit_has_failed(worker, trial, kind, is_here):
    lines = f"raise {kind}('so')"
    used = InProcessWorker(worker.bundles, "cpu") if is_here else worker
    outcome = trained(used, trial(lines))
    assert (outcome.state, outcome.reason) == (State.FAILED, f"{kind}: so")
    assert lines in outcome.traceback


def test_a_trial_is_stopped_by_its_caller(worker, trial):
    here = InProcessWorker(worker.bundles, "cpu")
    with pytest.raises(StopNow):
        trained(here, trial("from lemur_core.train.stop import StopNow; raise StopNow"))


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(condition, patience_s=60):
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


STARTS = """
from pathlib import Path
pids = [subprocess.Popen(["sleep", "600"], start_new_session=True).pid, daemon()]
Path({file!r}).write_text(" ".join(map(str, pids)))
{then}
"""


def started(file):
    return [int(pid) for pid in file.read_text().split()]


@pytest.mark.parametrize("then", ["", "raise ValueError", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_processes_that_left_the_process_group_are_ended_with_their_trial(
    worker, trial, tmp_path, then
):
    file = tmp_path / "pids"
    trained(worker, trial(STARTS.format(file=str(file), then=then)))
    # The next trial is started either after that or in the meantime.
    numbers(trained(worker, trial(epochs=2)))
    eventually(lambda: not any(map(is_running, started(file))))


def test_a_trial_that_takes_too_long_is_ended_with_its_children(worker, trial, tmp_path):
    file, process = tmp_path / "pids", worker._process
    holds_lock = "ctypes.PyDLL(None).pause()"
    limits, worker._watch.limits = worker._watch.limits, TrialLimits(epoch_s=1.5)
    try:
        outcome = trained(worker, trial(STARTS.format(file=str(file), then=holds_lock)))
    finally:
        worker._watch.limits = limits
    assert outcome.reason == "epoch 1 took longer than 1.5 s"
    assert not any(map(is_running, started(file)))
    assert worker._process is process


def test_a_trial_that_takes_too_much_memory_is_ended_without_others(worker, trial):
    process = worker._process
    limits, worker._watch.limits = worker._watch.limits, TrialLimits(memory_bytes=2 * 2**30)
    try:
        outcome = trained(worker, trial("kept = torch.ones(2**29 + 2**28); time.sleep(60)"))
    finally:
        worker._watch.limits = limits
    assert outcome.reason.endswith("GiB of memory; the limit is 2.00 GiB")
    assert worker._process is process


def test_no_process_remains_of_a_killed_campaign(worker, trial, tmp_path):
    """Kill a process that represents the campaign while a net holds the interpreter's lock."""
    file, pid = tmp_path / "pids", tmp_path / "pid"
    lines = STARTS.format(
        file=str(file),
        then=f"Path({str(pid)!r}).write_text(str(os.getpid())); ctypes.PyDLL(None).pause()",
    )
    first_trial, reading = trial(lines), os.pipe()
    campaign = os.fork()
    if campaign == 0:
        try:
            used = ProcessWorker(worker.bundles, worker.limits, "cpu", worker._start)
            used.begin(first_trial)
            eventually(lambda: used._process.pid)
            os.write(reading[1], str(used._process.pid).encode())
            time.sleep(600)
        finally:
            os._exit(1)
    guardian = int(os.read(reading[0], 20))
    tree = psutil.Process(guardian)
    eventually(lambda: pid.exists() and pid.read_text())
    below = [process.pid for process in (tree, *tree.children(recursive=True))]
    assert int(pid.read_text()) in below
    os.kill(campaign, signal.SIGKILL)
    os.waitpid(campaign, 0)
    eventually(lambda: not any(map(is_running, [*below, *started(file)])))
    for descriptor in reading:
        os.close(descriptor)
