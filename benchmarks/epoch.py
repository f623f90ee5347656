"""The cost of an epoch in lemur, compared with a bare loop that trains the same net.

    python benchmarks/epoch.py [--rounds 5] [--nets Small,SqueezeNet-1,ResNet]

Both programs train on the embedded digits at 32 pixels, on one CPU thread, with the same net,
batches, transform, loss, gradient clipping and optimizer, followed by one pass over validation and
one over test. They alternate after each epoch in one process, because the same loop differs more
between processes than what is measured here. lemur's epoch includes writing a checkpoint and
checking the weights. Added to it is the time of the campaign's process for an epoch: recording it,
reporting it to the search, displaying it. All times are the CPU times of the fastest epochs,
because other load can only add to them. If epochs vary by more than the difference, the time that
lemur spends apart from training also helps: checkpoint, weights and campaign, measured separately,
the median over epochs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import psutil
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from lemur_core.campaign.plan import plan
from lemur_core.registry import installed
from lemur_core.settings import Settings
from lemur_core.train import training as training_module
from lemur_core.train.data import Bundles
from lemur_core.train.training import run_trial
from lemur_core.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
EPOCHS = {"Small": 60, "SqueezeNet-1": 10, "ResNet": 10}
TARGETS = {"Small": 1.05, "SqueezeNet-1": 1.02, "ResNet": 1.01}
PRM = {
    "lr": 0.001, "momentum": 0.9, "batch": 32, "weight_decay": 0.0, "dropout": 0.0,
    "transform": "norm_32",
}  # fmt: skip
OPTIMIZER = {"SqueezeNet-1": "adam"}
SEED = 0


def net_option(net: str) -> str:
    file = HERE / "nets" / f"{net}.py"
    return str(file) if file.exists() else net


def lemur_epochs(trial: Trial) -> Iterator:
    return run_trial(trial, Bundles(Path("data")).get(trial.pipeline))


def bare_epochs(trial: Trial) -> Iterator:
    """Train in a loop that computes only the scores."""
    data = Bundles(Path("data")).get(trial.pipeline)
    transform = trial.transform_entry.load()(data.normalisation)
    torch.manual_seed(SEED)
    shape, device = (1, 1, 32, 32), torch.device("cpu")
    net = trial.pipeline.net_entry.load().Net(shape, (10,), dict(trial.prm), device)
    if trial.prm["optimizer"] == "adam":
        optimizer = torch.optim.Adam(net.parameters(), PRM["lr"], betas=(0.9, 0.999), fused=True)
    else:
        optimizer = torch.optim.SGD(net.parameters(), PRM["lr"], momentum=0.9)

    def score(samples):
        hits = 0
        with torch.inference_mode():
            for start in range(0, len(samples), 256):
                outputs = net(transform(samples.inputs[start : start + 256]))
                hits += (outputs.argmax(1) == samples.targets[start : start + 256]).sum()
        return hits.item() / len(samples)

    while True:
        net.train()
        total = torch.zeros(())
        for indices in torch.randperm(len(data.train)).split(PRM["batch"]):
            inputs, targets = data.train.inputs[indices], data.train.targets[indices]
            optimizer.zero_grad()
            loss = cross_entropy(net(transform(inputs)), targets)
            loss.backward()
            clip_grad_norm_(net.parameters(), 3.0)
            optimizer.step()
            total += loss.detach() * len(indices)
        total.item()
        net.eval()
        yield score(data.validation), score(data.test)


def cpu_seconds(epochs: Iterator) -> float:
    started = time.process_time()
    next(epochs)
    return time.process_time() - started


class TimeBesideTraining:
    """Measures the time that functions of `lemur_core.train.training` take besides training."""

    def __init__(self, *names: str) -> None:
        self.seconds: list[float] = []
        for name in names:
            setattr(training_module, name, self._timed(getattr(training_module, name)))

    def _timed(self, work):
        def timed(*arguments):
            started = time.process_time()
            work(*arguments)
            self.seconds.append(time.process_time() - started)

        return timed

    def median_s(self, epochs: int) -> float:
        """Return the median per epoch since the last call, without the first two epochs."""
        seconds, self.seconds = self.seconds, []
        per_epoch = len(seconds) // epochs
        return median(
            sum(seconds[start : start + per_epoch])
            for start in range(2 * per_epoch, len(seconds), per_epoch)
        )


def measure(net: str, beside: TimeBesideTraining) -> tuple[float, float, float]:
    """Return the seconds per epoch of the bare loop, of lemur, and of lemur apart from training."""
    settings = {"patterns": ["img-classification_digits_acc"], "net": [net_option(net)]}
    pipeline = plan(
        Settings.of(settings | {"transform": [PRM["transform"]]}), installed()
    ).pipelines[0]
    prm = PRM | {"optimizer": OPTIMIZER.get(net, "sgd")}
    with TemporaryDirectory() as folder:
        # One more, because no checkpoint is written after the last epoch.
        epochs = EPOCHS[net] + 1
        trial = Trial(pipeline, 1, prm, SEED, epochs + 1, checkpoint=Path(folder) / "state")
        programs = bare_epochs(trial), lemur_epochs(trial)
        times = [tuple(map(cpu_seconds, programs)) for _ in range(epochs)]
    plain, through_lemur = map(min, zip(*times[1:], strict=True))
    return plain, through_lemur, beside.median_s(epochs)


def campaign_seconds() -> float:
    """Return the seconds of the campaign's process per epoch, which do not depend on the net."""
    epochs = 100
    command = [
        str(Path(sys.executable).with_name("lemur")), "run", "img-classification_digits_acc",
        "--net", net_option("Small"), "--transform", "norm_32", "--trials", "1", "--threads", "1",
        "--epochs", str(epochs),
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times = []
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        for line in process.stdout:
            if line.lstrip().startswith("epoch"):
                usage = psutil.Process(process.pid).cpu_times()
                times.append(usage.user + usage.system)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return (times[-1] - times[0]) / (epochs - 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nets", default=",".join(EPOCHS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    campaign = median(campaign_seconds() for _ in range(3))
    print(f"the campaign's process: {campaign * 1e3:.1f} ms an epoch")
    beside = TimeBesideTraining("check_weights", "save_checkpoint")
    print("net              bare ms  lemur ms   ratio   beside   share    must")
    for net in options.nets.split(","):
        results = [measure(net, beside) for _ in range(options.rounds)]
        plain, through_lemur = (min(times) for times in list(zip(*results, strict=True))[:2])
        through_lemur += campaign
        beside_s = median(seconds for *_, seconds in results) + campaign
        print(
            f"{net:<14}{plain * 1e3:10.1f}{through_lemur * 1e3:10.1f}{through_lemur / plain:8.3f}"
            f"{beside_s * 1e3:9.1f}{beside_s / plain:8.3f}{TARGETS[net]:8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
