"""The complexities of designs, by formula and counted in their nets on the device ``meta``.

    python benchmarks/spaces_complexity.py [--designs 2000] [--counted 200] [--rounds 3]

Designs of AnyNetX at 224 px. Both must give equal numbers. Times are CPU times of one thread, of
the fastest round, because other load can only add to them.
"""

from __future__ import annotations

import argparse
import random
import time

import torch

from lemur_core import Entry
from lemur_spaces import anynet
from lemur_spaces.complexity import Images
from lemur_spaces.counting import count_design

NET = Entry("AnyNet", "lemur_spaces.nets.AnyNet")
TARGETS = {"formula": 5_000, "meta": 200}


def designs(count: int) -> list:
    rng = random.Random(0)
    return [anynet.adjust(anynet.draw(rng)) for _ in range(count)]


def by_formula(design: dict, images: Images) -> tuple:
    return anynet.complexity(design, images)


def on_meta(design: dict, images: Images) -> tuple:
    return count_design(anynet.SPACE, NET, design, images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, default=2000)
    parser.add_argument("--counted", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = Images()
    drawn = designs(options.designs)
    ways = {"formula": (by_formula, drawn), "meta": (on_meta, drawn[: options.counted])}
    fastest = dict.fromkeys(ways, 0.0)
    results = {}
    for _ in range(options.rounds):
        for name, (way, given) in ways.items():
            began = time.process_time()
            results[name] = [way(design, images) for design in given]
            rate = len(given) / (time.process_time() - began)
            fastest[name] = max(fastest[name], rate)
    assert results["meta"] == results["formula"][: options.counted]
    for name, rate in fastest.items():
        print(f"{name:8} {rate:10,.0f} designs/s, target {TARGETS[name]:,}")


if __name__ == "__main__":
    main()
