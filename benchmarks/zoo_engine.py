"""The engine that trains one member in each SIMD lane, compared with a careful PyTorch loop.

    python benchmarks/zoo_engine.py [--rounds 7] [--lanes 16] [--images 500]

The nets are CNN-S and CNN-M of the model zoos with tanh, batch 10, Adam; the images are noise,
which takes the same time. The rival trains one member: images as one tensor, its batches by
``index_select``, the fused optimizer, no scores. It is scored in the size of batch with which it is
fastest. The programs alternate in one process on one thread. Times are CPU times of the fastest
rounds, because other load can only add to them, divided by members and images.

Rates count the multiplications and additions of convolutions and linear layers. They are compared
with two peaks: PyTorch's product of two matrices of 1024 x 1024, and fused multiply-adds of vectors
of as many lanes that stay in registers, which nothing can exceed.

Sparse twins are compared with the engine that trains as many of them together in PyTorch, once with
the noise that both engines draw, and once with that of ``torch.randn``, which is cheaper there.

Two threads are compared by wall time, which means something only if nothing else runs. "Ready"
is the time from the start of a process whose functions are compiled already until its first batch
is trained, with the imports of PyTorch and numba.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import time
from math import prod

import numpy as np
import torch
from torch.nn import functional

from lemur_zoo.engine.batch_draws import BatchDraws
from lemur_zoo.engine.lanes import compiling
from lemur_zoo.engine.lanes.engine import LANES_VARIABLE, Lanes, aligned
from lemur_zoo.engine.lanes.noisy_engine import NoisyLanes
from lemur_zoo.engine.lanes.vectors import fma, tile, vectors
from lemur_zoo.engine.variational import TwinSettings
from lemur_zoo.layers import Activation, Conv, Flatten, Linear, MaxPool, shapes_of
from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, SplitArrays
from lemur_zoo.modules import flat, net_of
from lemur_zoo.sparse import training
from lemur_zoo.sparse.training import NoisyGrouped

TANH = Activation("tanh")
NETS = {
    "CNN-S": (
        (1, 28, 28),
        (
            *(Conv(8, 5), MaxPool(2), TANH, Conv(6, 5), MaxPool(2), TANH, Conv(4, 2), TANH),
            *(Flatten(), Linear(20), TANH, Linear(10)),
        ),
    ),
    "CNN-M": (
        (3, 32, 32),
        (
            *(Conv(16, 3), MaxPool(2), TANH, Conv(32, 3), MaxPool(2), TANH),
            *(Conv(15, 3), MaxPool(2), TANH, Flatten(), Linear(20), TANH, Linear(10)),
        ),
    ),
}
TARGETS = {"CNN-S": {16: 16, 8: 12}, "CNN-M": {16: 5}}
EVALUATION_TARGET = 10
BATCH, LR = 10, 3e-4
SCORED = (50, 100, 200, 500)


def state_of(layers: tuple, shape: tuple, count: int) -> GroupState:
    rows = []
    for seed in range(count):
        torch.manual_seed(seed)
        rows.append(flat(list(net_of(layers, shape).parameters())).detach().numpy())
    rows = np.stack(rows)
    return GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))


def members_of(count: int) -> MemberSettings:
    zeros = np.zeros(count, np.float32)
    return MemberSettings(np.arange(count), zeros + np.float32(LR), zeros, zeros, zeros)


def noise(shape: tuple, count: int) -> SplitArrays:
    rng = np.random.default_rng(0)
    return SplitArrays(rng.standard_normal((count, *shape), np.float32), np.arange(count) % 10)


class Rival:
    """A careful PyTorch loop."""

    def __init__(self, layers: tuple, images: SplitArrays) -> None:
        torch.manual_seed(0)
        self.net = net_of(layers, images.inputs.shape[1:])
        self.inputs, self.targets = map(torch.from_numpy, images)
        self.optimizer = torch.optim.Adam(self.net.parameters(), LR, fused=True)

    def train(self) -> None:
        for index in torch.randperm(len(self.inputs)).split(BATCH):
            inputs, targets = (
                self.inputs.index_select(0, index),
                self.targets.index_select(0, index),
            )
            self.optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(self.net(inputs), targets).backward()
            self.optimizer.step()

    def score(self, batch: int) -> None:
        with torch.inference_mode():
            for inputs, targets in zip(
                self.inputs.split(batch), self.targets.split(batch), strict=True
            ):
                outputs = self.net(inputs)
                functional.cross_entropy(outputs, targets, reduction="sum").item()
                (outputs.argmax(1) == targets).sum().item()


def cpu_time(work) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def operations(layers: tuple, shape: tuple) -> tuple[int, int]:
    """Return multiplications and additions for an image: of the forward pass, and of training.

    The gradient of the images is not computed.
    """
    before, forward, training, first = shape, 0, 0, True
    for layer, after in zip(layers, shapes_of(layers, shape), strict=True):
        if isinstance(layer, Conv | Linear):
            kernel = layer.kernel**2 if isinstance(layer, Conv) else 1
            count = 2 * prod(after) * before[0] * kernel
            forward += count
            training += count * (2 if first else 3)
            first = False
        before = after
    return forward, training


def matmul_rate() -> float:
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    a @ b
    return 2 * 1024**3 / min(cpu_time(lambda: a @ b) for _ in range(9))


def register_rate(lanes: int, repeats: int = 1_000_000, sums: int = 12) -> float:
    @compiling.forward
    def add(parameters, values):
        x, total = vectors(parameters, 0, lanes), tile(sums, lanes)
        for i in range(sums):
            total[i] = x[i]
        factor, term = x[0], x[1]
        for _ in range(repeats):
            for i in range(sums):
                total[i] = fma(total[i], factor, term)
        for i in range(sums):
            x[i] = total[i]

    numbers = aligned(sums, lanes) + np.float32(0.5)
    begin = aligned(sums, lanes)
    begin[:] = numbers
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(add.address)
    work = lambda: call(begin.ctypes.data, begin.ctypes.data)  # noqa: E731
    return 2 * lanes * sums * repeats / min(cpu_time(work) for _ in range(9))


def measure(name: str, lanes: int, count: int, rounds: int) -> None:
    shape, layers = NETS[name]
    images, state = noise(shape, count), state_of(layers, shape, lanes)
    engine = Lanes(GroupSettings(layers, "adam", BATCH), members_of(lanes), images, lanes=lanes)
    rival = Rival(layers, images)
    ways = {
        "lanes": lambda: engine.train_epoch(state, state.steps),
        "torch": rival.train,
        "lanes scores": lambda: engine.scores(state, images),
        **{f"torch scores {batch}": lambda b=batch: rival.score(b) for batch in SCORED},
    }
    times = {way: [] for way in ways}
    for work in ways.values():
        work()
    for _ in range(rounds):
        for way, work in ways.items():
            times[way].append(cpu_time(work))
    each = {
        way: min(values) / count / (lanes if way.startswith("lanes") else 1)
        for way, values in times.items()
    }
    matmul, registers = matmul_rate(), register_rate(lanes)
    scored = min(each[f"torch scores {batch}"] for batch in SCORED)
    for what, ours, theirs, target, work in zip(
        ("training", "scoring"),
        (each["lanes"], each["lanes scores"]),
        (each["torch"], scored),
        (TARGETS[name].get(lanes), EVALUATION_TARGET),
        operations(layers, shape)[::-1],
        strict=True,
    ):
        rate = work / ours
        print(
            f"{name} {what:8} {lanes:2} lanes: {ours * 1e6:6.2f} us, torch {theirs * 1e6:6.1f} us, "
            f"{theirs / ours:5.1f}x, target {target or '-'}; {rate / 1e9:.0f} GFLOP/s, "
            f"{rate / registers:.0%} of registers', {rate / matmul:.0%} of PyTorch's product"
        )


class Randn(BatchDraws):
    """Noise that a PyTorch program would draw."""

    def normal(self, layer: int, values: torch.Tensor) -> torch.Tensor:
        return torch.randn_like(values)


def twins(lanes: int, count: int, rounds: int) -> None:
    shape, layers = NETS["CNN-S"]
    images, own, settings = (
        noise(shape, count),
        members_of(lanes),
        GroupSettings(layers, "adam", BATCH),
    )
    rows = state_of(layers, shape, lanes).parameters
    rows = np.concatenate([rows, np.full_like(rows, -10)], axis=1)
    plan = TwinSettings(np.full(lanes, 1e-3, np.float32), own.lr)
    engines = {
        "lanes": NoisyLanes(settings, own, plan, images, lanes=lanes),
        "torch": NoisyGrouped(settings, own, plan, images),
        "torch, randn": NoisyGrouped(settings, own, plan, images),
    }
    times = {name: [] for name in engines}
    for _ in range(rounds + 1):
        for name, engine in engines.items():
            state = GroupState(rows.copy(), np.zeros_like(rows), np.zeros_like(rows))
            training.BatchDraws = Randn if name == "torch, randn" else BatchDraws
            times[name].append(cpu_time(lambda e=engine, s=state: e.train_epoch(s, 1)))
    each = {name: min(values[1:]) / count / lanes for name, values in times.items()}
    for name, seconds in each.items():
        print(
            f"CNN-S twins {name:12} {lanes:2} members: {seconds * 1e6:6.1f} us, "
            f"{1 / seconds / BATCH:,.0f} steps a second of a member, "
            f"{seconds / each['lanes']:.1f} times lanes"
        )


def two_threads(lanes: int, count: int, rounds: int) -> None:
    shape, layers = NETS["CNN-S"]
    images, settings = noise(shape, count), GroupSettings(layers, "adam", BATCH)
    state = state_of(layers, shape, 2 * lanes)
    engines = [
        Lanes(settings, members_of(2 * lanes), images, lanes=lanes, threads=threads)
        for threads in (1, 2)
    ]
    times = [[], []]
    for _ in range(rounds):
        for engine, walls in zip(engines, times, strict=True):
            began = time.perf_counter()
            engine.train_epoch(state, 1)
            walls.append(time.perf_counter() - began)
    print(f"two threads: {min(times[0]) / min(times[1]):.2f}x one, target 1.7")


READY = """
import torch, sys
sys.path.insert(0, {folder!r})
from zoo_engine import NETS, BATCH, state_of, members_of, noise
from lemur_zoo.engine.choice import choose
from lemur_zoo.modules import net_of
shape, layers = NETS[{name!r}]
chosen = choose(net_of(layers, shape), shape)
images = noise(shape, BATCH)
engine = chosen.engine("adam", BATCH, members_of(16), images, net_of(layers, shape))
engine.train_epoch(state_of(layers, shape, 16), 1)
"""


def ready(name: str, lanes: int, rounds: int) -> None:
    code = READY.format(folder=os.path.dirname(os.path.abspath(__file__)), name=name)
    environment = {**os.environ, LANES_VARIABLE: str(lanes)}
    walls, cpus = [], []
    for _ in range(rounds + 1):
        began, used = time.perf_counter(), os.times()
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        walls.append(time.perf_counter() - began)
        done = os.times()
        cpus.append(done[2] + done[3] - used[2] - used[3])
    print(f"{name} ready: {min(walls[1:]):.1f} s, {min(cpus[1:]):.1f} s of CPU time, target 3")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--lanes", type=int, default=16, choices=(4, 8, 16))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in NETS:
        measure(name, options.lanes, options.images, options.rounds)
    twins(options.lanes, min(options.images, 100), options.rounds)
    two_threads(options.lanes, options.images, options.rounds)
    ready("CNN-S", options.lanes, 3)


if __name__ == "__main__":
    main()
