"""Train random small CNNs and keep their learning curves: a population to judge estimators by.

``python benchmarks/population.py --nets 300 --data ../shared/data``

The generator is that of Rorabaugh et al., PEng4NN (arXiv 2101.04185), made small: 1 to 10
convolutions of kernels 1 to 5 with strides, paddings and filters drawn at random, learning rates
from 1e-6 to 1, no normalisation, so that many never learn. Half of the nets see `digits`, half
`mnist-10k` at 14x14 pixels; each is scored after every half epoch. A line of
``benchmarks/population/curves.jsonl`` is written after each net; what is there is not trained
again. Three more populations are those from ``--first 300``, ``600`` and ``900``, each in a
``--file`` of its own.
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
# Multiply-adds that a net may take for an image, so that 200 nets take a core no more than an hour.
COSTS = 400_000
# Samples to learn from and to score on; enough of the latter that a sample is no tenth of a point.
SAMPLES = {"digits": (897, 900), "mnist-10k": (1_500, 1_000)}


def load(dataset: str, folder: Path) -> tuple[Tensor, Tensor]:
    """Return images, float32, shape ``(n, 1, H, W)``, and their classes."""
    from lemur_vision_cls.loaders import digits, mnist

    task = "img-classification"
    given = digits.load(folder, task) if dataset == "digits" else mnist.load_10k(folder, task)
    images = torch.cat([given.train.inputs, given.test.inputs]).float() / 255
    targets = torch.cat([given.train.targets, given.test.targets])
    if dataset != "digits":
        images = functional.avg_pool2d(images, 2)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    order = order[: sum(SAMPLES[dataset])]
    return ((images - images.mean()) / images.std())[order], targets[order]


def draw(rng: random.Random, size: int) -> dict:
    """Draw an architecture that fits images of a size, and how it is trained."""
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
        if costs(layers, size) <= COSTS:
            return {
                "layers": layers,
                "hidden": rng.choice((0, 0, 32, 64)),
                "lr": 10 ** rng.uniform(-6, 0),
                "batch": rng.choice((32, 64)),
            }


def costs(layers: list[dict], size: int) -> float:
    """Return the multiply-adds of an image, infinitely many where a layer leaves nothing of it."""
    side, narrow, total = size, 1, 0
    for layer in layers:
        side = (side + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1
        if side < 1:
            return math.inf
        total += side**2 * narrow * layer["filters"] * layer["kernel"] ** 2
        narrow = layer["filters"]
    return total


def build(drawn: dict, size: int) -> nn.Sequential:
    widths = [1, *(layer["filters"] for layer in drawn["layers"])]
    parts: list[nn.Module] = []
    for (narrow, wide), layer in zip(pairwise(widths), drawn["layers"], strict=True):
        shape = (layer["kernel"], layer["stride"], layer["padding"])
        parts += [nn.Conv2d(narrow, wide, *shape), nn.ReLU()]
    parts.append(nn.Flatten())
    with torch.no_grad():
        features = nn.Sequential(*parts)(torch.zeros(1, 1, size, size)).shape[1]
    if drawn["hidden"]:
        parts += [nn.Linear(features, drawn["hidden"]), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(drawn["hidden"] or features, 10))


def train(drawn: dict, seed: int, images: Tensor, targets: Tensor, held: int) -> dict:
    """Return right answers and losses after each part of an epoch."""
    torch.manual_seed(seed)
    net = build(drawn, images.shape[-1])
    optimizer = torch.optim.SGD(net.parameters(), drawn["lr"], momentum=0.9)
    learnt = len(targets) - held
    right, losses, learning = [], [], []
    for _ in range(EPOCHS):
        for part in torch.randperm(learnt).tensor_split(PARTS):
            total = 0.0
            for batch in part.split(drawn["batch"]):
                optimizer.zero_grad()
                loss = functional.cross_entropy(net(images[batch]), targets[batch])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)
            learning.append(_short(total / len(part)))
            with torch.no_grad():
                outputs = net(images[learnt:])
                right.append(int((outputs.argmax(1) == targets[learnt:]).sum()))
                losses.append(_short(functional.cross_entropy(outputs, targets[learnt:]).item()))
    return {"right": right, "val_loss": losses, "train_loss": learning}


def _short(number: float) -> float | None:
    return float(f"{number:.4g}") if math.isfinite(number) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="Nets are numbered from here.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--file", type=Path, default=FILE)
    args = parser.parse_args()
    torch.set_num_threads(1)
    # Nets that have gone astray are full of them, and slow.
    torch.set_flush_denormal(True)
    done = len(args.file.read_text().splitlines()) if args.file.exists() else 0
    sets = {name: load(name, args.data) for name in SAMPLES}
    for number in range(args.first + done, args.first + args.nets):
        dataset = list(SAMPLES)[number % len(SAMPLES)]
        images, targets = sets[dataset]
        held = SAMPLES[dataset][1]
        drawn = draw(random.Random(number), images.shape[-1])
        found = train(drawn, number, images, targets, held)
        chance = torch.bincount(targets[-held:]).max().item() / held
        line = {"study": dataset, "net": number, "of": held, "every": 1 / PARTS, "chance": chance}
        layers = "-".join(
            f"{one['filters']}k{one['kernel']}s{one['stride']}p{one['padding']}"
            for one in drawn["layers"]
        )
        prm = {"lr": _short(drawn["lr"]), "batch": drawn["batch"]}
        prm |= {"depth": len(drawn["layers"]), "hidden": drawn["hidden"]}
        line |= {"hyperparameters": prm, "layers": layers} | found
        with args.file.open("a") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        print(number, dataset, layers, f"{drawn['lr']:.1e}", max(found["right"]) / held, flush=True)


if __name__ == "__main__":
    main()
