"""Train random small CNNs and record their learning curves, to evaluate estimators on.

``python benchmarks/population.py --nets 300 --data ../shared/data``

The generator is that of Rorabaugh et al., PEng4NN (arXiv 2101.04185), scaled down: 1 to 10
convolutions of kernels 1 to 5 with random strides, paddings and filters, learning rates from 1e-6
to 1, and no normalisation, so many nets never learn. Half of the nets are trained on `digits`, half
on `mnist-10k` at 14x14 pixels; each is scored after every half epoch. A line of
``benchmarks/population/curves.jsonl`` is written after each net; nets that have a line are not
trained again. Three more populations start at ``--first 300``, ``600`` and ``900``, each with its
own ``--file``.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

FILE = Path(__file__).parent / "population" / "curves.jsonl"
EPOCHS, PARTS = 20, 2
# Maximum multiply-adds per image, with which one core trains 200 nets in at most an hour.
MAX_COST = 400_000
# Training and validation samples. There are so many of the latter that one of them changes the
# score by about 0.1 % only.
SAMPLES = {"digits": (897, 900), "mnist-10k": (1_500, 1_000)}


def load(dataset: str, folder: Path) -> tuple[Tensor, Tensor]:
    """Return images, float32, shape ``(n, 1, H, W)``, and their classes."""
    from lemur_vision_cls.loaders import digits, mnist

    task = "img-classification"
    bundle = digits.load(folder, task) if dataset == "digits" else mnist.load_10k(folder, task)
    images = torch.cat([bundle.train.inputs, bundle.test.inputs]).float() / 255
    targets = torch.cat([bundle.train.targets, bundle.test.targets])
    if dataset != "digits":
        images = functional.avg_pool2d(images, 2)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    order = order[: sum(SAMPLES[dataset])]
    return ((images - images.mean()) / images.std())[order], targets[order]


def draw(rng: random.Random, size: int) -> dict:
    """Draw an architecture that fits images of a size, and its training hyperparameters."""
    while True:
        layers = [
            {
                "kernel": rng.randint(1, 5),
                "stride": rng.choice((1, 1, 1, 2)),
                "padding": rng.randint(0, 2),
                "filters": round(2 ** rng.uniform(2, 4.5)),
            }
            for _ in range(rng.randint(1, 10))
        ]
        if cost(layers, size) <= MAX_COST:
            return {
                "layers": layers,
                "hidden": rng.choice((0, 0, 32, 64)),
                "lr": 10 ** rng.uniform(-6, 0),
                "batch": rng.choice((32, 64)),
            }


def cost(layers: list[dict], size: int) -> float:
    """Return the multiply-adds per image, infinite if a layer's output is empty."""
    side, channels, total = size, 1, 0
    for layer in layers:
        side = (side + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1
        if side < 1:
            return math.inf
        total += side**2 * channels * layer["filters"] * layer["kernel"] ** 2
        channels = layer["filters"]
    return total


def build(config: dict, size: int) -> nn.Sequential:
    widths = [1, *(layer["filters"] for layer in config["layers"])]
    modules: list[nn.Module] = []
    for (narrow, wide), layer in zip(pairwise(widths), config["layers"], strict=True):
        shape = (layer["kernel"], layer["stride"], layer["padding"])
        modules += [nn.Conv2d(narrow, wide, *shape), nn.ReLU()]
    modules.append(nn.Flatten())
    with torch.no_grad():
        features = nn.Sequential(*modules)(torch.zeros(1, 1, size, size)).shape[1]
    if config["hidden"]:
        modules += [nn.Linear(features, config["hidden"]), nn.ReLU()]
    return nn.Sequential(*modules, nn.Linear(config["hidden"] or features, 10))


def train(config: dict, seed: int, images: Tensor, targets: Tensor, held_out: int) -> dict:
    """Return the numbers of correct predictions and the losses after each part of an epoch."""
    torch.manual_seed(seed)
    net = build(config, images.shape[-1])
    optimizer = torch.optim.SGD(net.parameters(), config["lr"], momentum=0.9)
    training_samples = len(targets) - held_out
    correct, losses, training_losses = [], [], []
    for _ in range(EPOCHS):
        for part in torch.randperm(training_samples).tensor_split(PARTS):
            total = 0.0
            for batch in part.split(config["batch"]):
                optimizer.zero_grad()
                loss = functional.cross_entropy(net(images[batch]), targets[batch])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)
            training_losses.append(_short(total / len(part)))
            with torch.no_grad():
                outputs = net(images[training_samples:])
                correct.append(int((outputs.argmax(1) == targets[training_samples:]).sum()))
                losses.append(
                    _short(functional.cross_entropy(outputs, targets[training_samples:]).item())
                )
    return {"right": correct, "val_loss": losses, "train_loss": training_losses}


def _short(number: float) -> float | None:
    return float(f"{number:.4g}") if math.isfinite(number) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="Number of the first net.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--file", type=Path, default=FILE)
    args = parser.parse_args()
    torch.set_num_threads(1)
    # Diverged nets have many denormal numbers, which are slow.
    torch.set_flush_denormal(True)
    done = len(args.file.read_text().splitlines()) if args.file.exists() else 0
    sets = {name: load(name, args.data) for name in SAMPLES}
    for number in range(args.first + done, args.first + args.nets):
        dataset = list(SAMPLES)[number % len(SAMPLES)]
        images, targets = sets[dataset]
        held_out = SAMPLES[dataset][1]
        config = draw(random.Random(number), images.shape[-1])
        curves = train(config, number, images, targets, held_out)
        chance = torch.bincount(targets[-held_out:]).max().item() / held_out
        line = {
            "study": dataset,
            "net": number,
            "of": held_out,
            "every": 1 / PARTS,
            "chance": chance,
        }
        layers = "-".join(
            f"{layer['filters']}k{layer['kernel']}s{layer['stride']}p{layer['padding']}"
            for layer in config["layers"]
        )
        prm = {"lr": _short(config["lr"]), "batch": config["batch"]}
        prm |= {"depth": len(config["layers"]), "hidden": config["hidden"]}
        line |= {"hyperparameters": prm, "layers": layers} | curves
        with args.file.open("a") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        print(
            number,
            dataset,
            layers,
            f"{config['lr']:.1e}",
            max(curves["right"]) / held_out,
            flush=True,
        )


if __name__ == "__main__":
    main()
