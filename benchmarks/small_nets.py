"""What makes the training of a study's small nets quicker, next to the plain loop.

    python benchmarks/small_nets.py [--nets 12] [--batch 32] [--rounds 5] [--compile]

Designs of AnyNetX of 2 to 3 million multiply-adds at 32 px take training steps in several ways, in
turns: forward, loss, backward, clipping, and SGD with momentum, as `lemur run` takes them. Times
are CPU times of one thread, of each net's fastest round, because other load can only add to them;
ratios are geometric means over the nets. With ``--compile``, the time that torch.compile takes for
a net is measured too.
"""

from __future__ import annotations

import argparse
import math
import time
from contextlib import nullcontext

import torch
from torch import nn

from lemur_core import Entry
from lemur_spaces import anynet
from lemur_spaces.band import Band
from lemur_spaces.complexity import Images
from lemur_spaces.counting import build
from lemur_spaces.population import Request, draw_population

NET = Entry("AnyNet", "lemur_spaces.nets.AnyNet")
IMAGES = Images(32, 3, 10)
STEPS = 3
PLAIN, CHANNELS_LAST, BF16, FUSED, COMPILED = (
    "plain", "channels last", "channels last, bf16", "channels last, fused SGD",
    "channels last, compiled",
)  # fmt: skip


class Way:
    """A way to train one net."""

    def __init__(self, name: str, design: dict, batch: int) -> None:
        torch.manual_seed(0)
        last = torch.contiguous_format if name == PLAIN else torch.channels_last
        self.net = build(NET, design, IMAGES).to(memory_format=last).train()
        self.inputs = torch.randn(batch, IMAGES.channels, IMAGES.px, IMAGES.px)
        self.inputs = self.inputs.to(memory_format=last)
        self.targets = torch.randint(IMAGES.classes, (batch,))
        self.parameters = list(self.net.parameters())
        self.optimizer = torch.optim.SGD(
            self.parameters, 0.05, momentum=0.9, fused=name == FUSED or None
        )
        self.call = torch.compile(self.net) if name == COMPILED else self.net
        self.is_bf16 = name == BF16
        self.seconds = math.inf
        began = time.perf_counter()
        self.step()
        self.first_step = time.perf_counter() - began

    def step(self) -> None:
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if self.is_bf16 else nullcontext():
            loss = nn.functional.cross_entropy(self.call(self.inputs), self.targets)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 3.0)
        self.optimizer.step()

    def time(self) -> None:
        began = time.process_time()
        for _ in range(STEPS):
            self.step()
        self.seconds = min(self.seconds, (time.process_time() - began) / STEPS)


def population(count: int) -> list:
    space, bands = anynet.SPACE, {"macs": Band(2e6, 3e6)}
    request = Request("AnyNetX", space, count, bands, IMAGES, shared={"stride_1": 1})
    return [member.design for member in draw_population(request).members]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=12)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = [PLAIN, CHANNELS_LAST, BF16, FUSED, *([COMPILED] if options.compile else [])]
    per_image: dict[str, list[float]] = {name: [] for name in names}
    for design in population(options.nets):
        ways = {name: Way(name, design, options.batch) for name in names}
        for _ in range(options.rounds):
            for way in ways.values():
                way.time()
        for name, way in ways.items():
            per_image[name].append(way.seconds / options.batch)
        if options.compile:
            print(f"torch.compile took {ways[COMPILED].first_step:.0f} s for a net")
    for name, seconds in per_image.items():
        ratios = [plain / other for plain, other in zip(per_image[PLAIN], seconds, strict=True)]
        speed = math.prod(ratios) ** (1 / len(ratios))
        print(f"{name:26} {1e3 * sum(seconds) / len(seconds):.3f} ms per image, {speed:.2f} times")


if __name__ == "__main__":
    main()
