"""The engine that trains one member in each SIMD lane."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import binding
from numpy import float32, float64, int64, uint64

from lemur_core.errors import MisfitError, SettingsError
from lemur_zoo import draws
from lemur_zoo.engine.lanes import loops, optimizers
from lemur_zoo.engine.lanes.program import assemble
from lemur_zoo.engine.steps import EPSILON, steps_of
from lemur_zoo.layers import Dropout
from lemur_zoo.members import Scores, SplitArrays

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lemur_zoo.engine.lanes.program import Program
    from lemur_zoo.layers import Layers
    from lemur_zoo.members import GroupSettings, GroupState, MemberSettings

REGISTERS = {16: 32, 8: 16, 4: 32}
"""Vectors that fit in the registers: of AVX-512, AVX2 and NEON."""
LANES_VARIABLE = "LEMUR_ZOO_LANES"


def lanes_here() -> int:
    """Return the number of lanes of this processor's vectors, or what `LANES_VARIABLE` says.

    Raises:
        SettingsError: The processor's vectors have no fused multiply-add, or the variable is none
            of 4, 8 and 16.
    """
    given = os.environ.get(LANES_VARIABLE)
    if given:
        if given not in map(str, REGISTERS):
            raise SettingsError(f"{LANES_VARIABLE} is {given!r}; set it to 4, 8 or 16")
        return int(given)
    features = binding.get_host_cpu_features()
    for name, lanes in (("avx512f", 16), ("avx2", 8), ("neon", 4)):
        if features.get(name) and (name == "neon" or features.get("fma")):
            return lanes
    raise SettingsError("this processor has none of AVX-512, AVX2 with FMA, and NEON")


def aligned(*shape: int) -> NDArray[float32]:
    """Return zeros that begin at a multiple of 64 bytes."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 16, float32)
    start = -raw.ctypes.data % 64 // 4
    return raw[start : start + size].reshape(shape)


class LaneGroup:
    """The members that are trained together, one in each lane.

    If there are fewer members than lanes, the last one is in several lanes.

    Attributes:
        members: Index of the member in each lane.
        count: Number of different members.
    """

    def __init__(self, first: int, lanes: int, settings: MemberSettings) -> None:
        last = len(settings.seeds) - 1
        self.members = np.minimum(np.arange(first, first + lanes), last)
        self.count = int(self.members[-1]) - first + 1
        self.rows = slice(first, first + self.count)
        self.settings = settings.of(self.members)
        self.keys = self.settings.seeds.astype(uint64)
        p = self.settings.dropout
        self.thresholds = np.array([draws.threshold(value) for value in p], uint64)
        self.scales = np.array([draws.scale(value) for value in p], float32)

    def lanes_of(self, rows: NDArray[float32], size: int = 0) -> NDArray[float32]:
        """Return rows of members, with the members as the last axis, one in each lane.

        There is room for a size of numbers, if it is larger; the others are 0.
        """
        result = aligned(max(size, rows.shape[1]), len(self.members))
        result[: rows.shape[1]] = rows[self.members].T
        return result

    def orders(self, epoch: int, samples: int) -> NDArray[int64]:
        """Return the order of the samples for each lane."""
        drawn = [draws.order(seed, epoch, samples) for seed in self.settings.seeds[: self.count]]
        return np.array(drawn)[np.minimum(np.arange(len(self.members)), self.count - 1)]


class Lanes:
    """Trains one member in each SIMD lane; see `lemur_zoo.members.Engine`.

    Args:
        settings: What the members have in common.
        members: What they differ in.
        images: The training split.
        lanes: Number of lanes, 4, 8 or 16; None for what the processor has.
        threads: Number of threads, each of which trains as many members as there are lanes.
        fuse: Whether one function computes several layers where it can.

    Raises:
        SettingsError: The processor has no such vectors.
        MisfitError: A class is none of the net's.
    """

    def __init__(
        self,
        settings: GroupSettings,
        members: MemberSettings,
        images: SplitArrays,
        *,
        lanes: int | None = None,
        threads: int = 1,
        fuse: bool = True,
    ) -> None:
        self.lanes = lanes or lanes_here()
        self.settings, self.threads = settings, threads
        assert settings.layers is not None
        layers = settings.layers
        if not members.dropout.any():
            layers = tuple(layer for layer in layers if layer != Dropout())
        self.shape = images.inputs.shape[1:]
        self.program = self._program(layers, fuse)
        self.images = self._checked(images)
        make = {"adam": optimizers.adam, "sgd": optimizers.sgd}[settings.optimizer]
        self.step = make(self.lanes, self.program.parameters // self.program.parts)
        count = len(members.seeds)
        self.groups = [
            LaneGroup(first, self.lanes, members) for first in range(0, count, self.lanes)
        ]

    def train_epoch(
        self, state: GroupState, epoch: int, factors: NDArray[float64] | None = None
    ) -> Scores:
        """Train an epoch; see `lemur_zoo.members.Engine`."""
        self._check(state)
        steps = -(-len(self.images.targets) // self.settings.batch)
        factors = np.ones(steps) if factors is None else factors
        trained = self._each(lambda group: self._train(group, state, epoch, factors))
        for group, (numbers, _) in zip(self.groups, trained, strict=True):
            for rows, values in zip(
                (state.parameters, state.first, state.second), numbers, strict=True
            ):
                rows[group.rows] = values[: rows.shape[1]].T[: group.count]
        state.steps += steps
        return self._scores([scores for _, scores in trained], len(self.images.targets))

    def scores(self, state: GroupState, images: SplitArrays) -> Scores:
        """Return the scores on a split; see `lemur_zoo.members.Engine`."""
        images = self._checked(images)
        self._check(state)
        scored = self._each(lambda group: self._evaluate(group, state, images))
        return self._scores(scored, len(images.targets))

    def _program(self, layers: Layers, fuse: bool) -> Program:
        return assemble(layers, self.shape, self.lanes, REGISTERS[self.lanes], fuse)

    def _checked(self, images: SplitArrays) -> SplitArrays:
        """Return images of the types that the compiled functions read without a check."""
        inputs = np.ascontiguousarray(images.inputs, float32)
        targets = np.ascontiguousarray(images.targets, int64)
        classes = self.program.classes
        if inputs.shape != (len(targets), *self.shape):
            raise MisfitError(
                f"{len(targets)} images of shape {self.shape} are expected, and the array of "
                f"images has shape {inputs.shape}"
            )
        if len(targets) and not 0 <= targets.min() <= targets.max() < classes:
            raise MisfitError(
                f"the net has {classes} classes, and targets are {targets.min()} to {targets.max()}"
            )
        return SplitArrays(inputs, targets)

    def _check(self, state: GroupState) -> None:
        """Raise an error if the state is not one of these members."""
        expected = (sum(group.count for group in self.groups), self.program.parameters)
        for rows in (state.parameters, state.first, state.second):
            if rows.shape != expected:
                raise MisfitError(f"a state of shape {expected} is expected, not {rows.shape}")

    def _each(self, work: Callable[[LaneGroup], Any]) -> list[Any]:
        if self.threads == 1:
            return [work(group) for group in self.groups]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, self.groups))

    def _scores(self, sums: list[Any], samples: int) -> Scores:
        """Return scores, given the sums of the losses and the hits in the lanes of each group."""
        counts = [group.count for group in self.groups]
        losses, hits = (
            np.concatenate([values[:count] for values, count in zip(each, counts, strict=True)])
            for each in zip(*sums, strict=True)
        )
        return Scores(losses / samples, hits / samples)

    def _train(
        self, group: LaneGroup, state: GroupState, epoch: int, factors: NDArray[float64]
    ) -> tuple[Any, Any]:
        program, lanes = self.program, self.lanes
        numbers = [
            group.lanes_of(state.parameters, program.numbers),
            *(group.lanes_of(rows) for rows in (state.first, state.second)),
        ]
        steps = [
            steps_of(self.settings.optimizer, lr, state.steps, factors) for lr in self._lrs(group)
        ]
        adam = self.settings.optimizer == "adam"
        sums = np.zeros(lanes), np.zeros(lanes, int64)
        loops.train(
            self._places(), self.step.address, numbers[0].ravel(),
            aligned(program.numbers * lanes), numbers[1].ravel(), numbers[2].ravel(),
            self._values(group, epoch).ravel(), self._step_settings(group),
            np.stack([part.sizes for part in steps], axis=1).astype(float32),
            steps[0].corrections[: len(factors) * adam].astype(float32),
            self.images.inputs.ravel(), self.images.targets,
            group.orders(epoch, len(self.images.targets)), self.settings.batch, lanes,
            group.keys, group.thresholds, group.scales, uint64(epoch), *sums,
        )  # fmt: skip
        return numbers, sums

    def _lrs(self, group: LaneGroup) -> Sequence[NDArray[float32]]:
        """Return the learning rates in the lanes, of each part of the parameters."""
        return (group.settings.lr,)

    def _step_settings(self, group: LaneGroup) -> NDArray[float32]:
        """Return the settings of the optimizer, shape (parts, 4, lanes)."""
        settings, own = aligned(self.program.parts, 4, self.lanes), group.settings
        settings[0, 0], settings[:, 2], settings[:, 3] = own.weight_decay, own.momentum, EPSILON
        return settings

    def _values(self, group: LaneGroup, epoch: int) -> NDArray[float32]:
        """Return the values of the net before an epoch, shape (values, lanes)."""
        return aligned(self.program.values, self.lanes)

    def _evaluate(self, group: LaneGroup, state: GroupState, images: SplitArrays) -> Any:
        values = aligned(self.program.values * self.lanes)
        for start, size in self.program.masks:
            values[start * self.lanes : (start + size) * self.lanes] = 1
        sums = np.zeros(self.lanes), np.zeros(self.lanes, int64)
        loops.evaluate(
            self._places(), self.program.spread, group.lanes_of(state.parameters).ravel(), values,
            images.inputs.ravel(), images.targets, self.lanes, *sums,
        )  # fmt: skip
        return sums

    def _places(self) -> tuple[Any, ...]:
        p = self.program
        return (
            p.forwards, p.backwards, p.inputs, p.features, p.scores, p.classes, p.score_gradient,
            p.softmax, p.masks, p.noises, p.prepares, p.finishes,
        )  # fmt: skip
