"""What an epoch costs through lemur, against a bare loop that trains the same.

    python benchmarks/epoch.py [--rounds 5] [--nets Small,SqueezeNet-1,ResNet]

Both train on the embedded digits at 32 pixels, one CPU thread: the same net, batches, transform,
loss, clipped gradients and optimizer, then one pass over validation and one over test. They take
turns, epoch by epoch, in one process: from process to process the same loop differs by more than
what is measured here. To lemur's epoch, which writes a checkpoint and looks at each weight, is
added what the campaign's process takes for one: recording it, telling the search, showing it. All
of it is CPU time, of the fastest epochs, for what else the machine does only ever adds. Where
epochs differ by more than what is looked for, there is also what lemur does beside training,
measured by itself: checkpoint, weights and campaign, the median of epochs.
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
MUST = {"Small": 1.05, "SqueezeNet-1": 1.02, "ResNet": 1.01}
PRM = {
    "lr": 0.001, "momentum": 0.9, "batch": 32, "weight_decay": 0.0, "dropout": 0.0,
    "transform": "norm_32",
}  # fmt: skip
OPTIMIZER = {"SqueezeNet-1": "adam"}
SEED = 0


def spelt(net: str) -> str:
    place = HERE / "nets" / f"{net}.py"
    return str(place) if place.exists() else net


def through_lemur(trial: Trial) -> Iterator:
    return run_trial(trial, Bundles(Path("data")).get(trial.pipeline))


def bare(trial: Trial) -> Iterator:
    """Train as one would who needs nothing but the numbers."""
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
            for at in range(0, len(samples), 256):
                outputs = net(transform(samples.inputs[at : at + 256]))
                hits += (outputs.argmax(1) == samples.targets[at : at + 256]).sum()
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
    began = time.process_time()
    next(epochs)
    return time.process_time() - began


class Beside:
    """Counts what lemur does beside training."""

    def __init__(self, *names: str) -> None:
        self.taken: list[float] = []
        for name in names:
            setattr(training_module, name, self._counted(getattr(training_module, name)))

    def _counted(self, work):
        def counted(*arguments):
            began = time.process_time()
            work(*arguments)
            self.taken.append(time.process_time() - began)

        return counted

    def an_epoch(self, epochs: int) -> float:
        """Return the median of the epochs since this was last asked, but the first two."""
        taken, self.taken = self.taken, []
        each = len(taken) // epochs
        return median(sum(taken[at : at + each]) for at in range(2 * each, len(taken), each))


def in_turns(net: str, beside: Beside) -> tuple[float, float, float]:
    """Return what an epoch of the bare loop takes, what lemur's, and that beside training."""
    settings = {"patterns": ["img-classification_digits_acc"], "net": [spelt(net)]}
    pipeline = plan(
        Settings.of(settings | {"transform": [PRM["transform"]]}), installed()
    ).pipelines[0]
    prm = PRM | {"optimizer": OPTIMIZER.get(net, "sgd")}
    with TemporaryDirectory() as folder:
        # One more, as the last leaves no checkpoint.
        epochs = EPOCHS[net] + 1
        trial = Trial(pipeline, 1, prm, SEED, epochs + 1, checkpoint=Path(folder) / "state")
        both = bare(trial), through_lemur(trial)
        taken = [tuple(map(cpu_seconds, both)) for _ in range(epochs)]
    plain, through = map(min, zip(*taken[1:], strict=True))
    return plain, through, beside.an_epoch(epochs)


def campaign_seconds() -> float:
    """Return what the campaign's process takes for an epoch, whatever is trained."""
    epochs = 100
    command = [
        str(Path(sys.executable).with_name("lemur")), "run", "img-classification_digits_acc",
        "--net", spelt("Small"), "--transform", "norm_32", "--trials", "1", "--threads", "1",
        "--epochs", str(epochs),
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    told = []
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        for line in process.stdout:
            if line.lstrip().startswith("epoch"):
                used = psutil.Process(process.pid).cpu_times()
                told.append(used.user + used.system)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return (told[-1] - told[0]) / (epochs - 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nets", default=",".join(EPOCHS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    campaign = median(campaign_seconds() for _ in range(3))
    print(f"the campaign's process: {campaign * 1e3:.1f} ms an epoch")
    beside = Beside("check_weights", "save_checkpoint")
    print("net              bare ms  lemur ms   ratio   beside   share    must")
    for net in options.nets.split(","):
        found = [in_turns(net, beside) for _ in range(options.rounds)]
        plain, through = (min(each) for each in list(zip(*found, strict=True))[:2])
        through += campaign
        own = median(one for *_, one in found) + campaign
        print(
            f"{net:<14}{plain * 1e3:10.1f}{through * 1e3:10.1f}{through / plain:8.3f}"
            f"{own * 1e3:9.1f}{own / plain:8.3f}{MUST[net]:8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
