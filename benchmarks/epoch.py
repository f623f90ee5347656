"""What an epoch costs through ``lemur run``, against a bare loop that trains the same.

    python benchmarks/epoch.py [--rounds 5] [--nets Small,SqueezeNet-1,ResNet]

Both train on the embedded digits at 32 pixels, one CPU thread: the same net, batches, transform,
loss, clipped gradients and optimizer, then one pass over validation and one over test. What is
measured is CPU time of whole processes and their children, so that everything counts that lemur
adds: the checkpoint, the record in the database, the campaign that listens. Each is run with few
epochs and with many, in turns; the difference of the fastest, divided by the epochs, is the cost
of one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Epochs of the two runs: enough between them that starting up does not blur the difference.
EPOCHS = {"Small": (10, 250), "SqueezeNet-1": (1, 25), "ResNet": (1, 9)}
MUST = {"Small": 1.05, "SqueezeNet-1": 1.02, "ResNet": 1.01}
PRM = {"lr": 0.001, "momentum": 0.9, "batch": 32, "weight_decay": 0.0, "dropout": 0.0}
OPTIMIZER = {"SqueezeNet-1": "adam"}


def lemur(net: str, epochs: int) -> list[str]:
    place = HERE / "nets" / f"{net}.py"
    prm = [f"--set={name}={PRM[name]}" for name in ("lr", "momentum", "batch")]
    return [
        str(Path(sys.executable).with_name("lemur")), "run", "img-classification_digits_acc",
        "--net", str(place) if place.exists() else net, "--transform", "norm_32", "--trials", "1",
        "--epochs", str(epochs), "--threads", "1", "--device", "cpu", *prm,
    ]  # fmt: skip


def bare(net: str, epochs: int) -> list[str]:
    return [sys.executable, str(Path(__file__).resolve()), "--bare", net, str(epochs)]


def train(name: str, epochs: int) -> None:
    """Train as one would who needs nothing but the numbers."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils import clip_grad_norm_

    from lemur_core.entry import entry_of_file
    from lemur_core.registry import installed
    from lemur_vision_cls.loaders.digits import load
    from lemur_vision_cls.transforms.norm import norm_32

    torch.set_num_threads(1)
    place = HERE / "nets" / f"{name}.py"
    entry = entry_of_file(place) if place.exists() else installed().get("net", name)
    data = load(Path("data"), "img-classification").held_out()
    transform = norm_32(data.normalisation)
    prm = PRM | {"optimizer": OPTIMIZER.get(name, "sgd")}
    net = entry.load().Net((1, 1, 32, 32), (10,), prm, torch.device("cpu"))
    if prm["optimizer"] == "adam":
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

    for _ in range(epochs):
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
        score(data.validation)
        score(data.test)


def run(command: list[str], folder: str) -> float:
    """Run a command to its end; return its processor seconds and those of its children."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def cpu_seconds(command: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return run(command, folder)


def epoch_seconds(net: str, rounds: int) -> tuple[float, float]:
    """Return what an epoch of the bare loop and one through lemur take, of the fastest runs."""
    few, many = EPOCHS[net]
    runs = [(make, epochs) for epochs in EPOCHS[net] for make in (bare, lemur)]
    seconds = [[cpu_seconds(make(net, epochs)) for make, epochs in runs] for _ in range(rounds)]
    # What else the machine does only ever adds to a run, of few epochs as of many.
    bare_few, lemur_few, bare_many, lemur_many = map(min, zip(*seconds, strict=True))
    return (bare_many - bare_few) / (many - few), (lemur_many - lemur_few) / (many - few)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nets", default=",".join(EPOCHS))
    parser.add_argument("--bare", nargs=2, metavar=("NET", "EPOCHS"))
    options = parser.parse_args()
    if options.bare:
        train(options.bare[0], int(options.bare[1]))
        return
    print(f"{'net':<14}{'bare ms':>10}{'lemur ms':>10}{'ratio':>8}{'must':>8}")
    for net in options.nets.split(","):
        plain, through = epoch_seconds(net, options.rounds)
        print(
            f"{net:<14}{plain * 1e3:10.1f}{through * 1e3:10.1f}{through / plain:8.3f}"
            f"{MUST[net]:8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
