"""Choose the engine that trains the members of a zoo."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_core.errors import LemurError, SettingsError
from lemur_zoo.engine.grouped import Grouped
from lemur_zoo.engine.one_by_one import OneByOne
from lemur_zoo.layers import parameter_shapes
from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, SplitArrays
from lemur_zoo.modules import NotMadeOfLayersError, layers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from lemur_zoo.layers import Layers, Shape
    from lemur_zoo.members import Engine

AUTO = "auto"
LANES, GROUPED, ONE_BY_ONE = "lanes", "grouped", "one-by-one"
ENGINES = (LANES, GROUPED, ONE_BY_ONE)
_DESCRIPTIONS = {
    LANES: "a member in each SIMD lane",
    GROUPED: "up to 32 members together, by grouped convolution",
    ONE_BY_ONE: "one member at a time",
}
# A gradient's difference from PyTorch's, relative to the largest element, that rounding explains.
TOLERANCE = 1e-4


class UnusableEngineError(LemurError, ValueError):
    """An engine cannot train a net, or does not work on this machine."""


class ChosenEngine(NamedTuple):
    """The engine of a zoo.

    Attributes:
        name: One of `ENGINES`.
        layers: The layers of the net, None if it is not made of such layers.
        reason: Why it is not a faster engine; empty if there is none, or the user wants this one.
        device: Device that members are trained on.
    """

    name: str
    layers: Layers | None
    reason: str = ""
    device: str = "cpu"

    @property
    def line(self) -> str:
        """What to tell the user."""
        because = f", because {self.reason}" if self.reason else ""
        return f"engine {self.name} ({_DESCRIPTIONS[self.name]}){because}"

    def engine(
        self,
        optimizer: str,
        batch: int,
        members: MemberSettings,
        images: SplitArrays,
        net: nn.Module,
        threads: int = 1,
    ) -> Engine:
        """Return the engine for a group of members.

        Args:
            optimizer: Optimizer of all members, ``adam`` or ``sgd``.
            batch: Number of samples in a batch.
            members: What the members differ in.
            images: The training split.
            net: A net with the architecture of the members.
            threads: Number of threads; only ``lanes`` has several.
        """
        settings = GroupSettings(self.layers, optimizer, batch)
        if self.name == LANES:
            # Imports numba, which may be missing.
            from lemur_zoo.engine.lanes.engine import Lanes

            return Lanes(settings, members, images, threads=threads)
        if self.name == GROUPED:
            return Grouped(settings, members, images, device=self.device)
        return OneByOne(settings, members, images, net=net, device=self.device)


def choose(net: nn.Module, shape: Shape, wanted: str = AUTO, device: str = "cpu") -> ChosenEngine:
    """Return the fastest engine that can train a net, or the one that the user wants.

    Args:
        net: A net with the architecture of the members, on the CPU.
        shape: Shape of an image, (channels, height, width).
        wanted: One of `ENGINES`, or ``auto``.
        device: Device that members are trained on; ``lanes`` needs ``cpu``.

    Raises:
        SettingsError: There is no such engine.
        UnusableEngineError: The engine that the user wants cannot train the net; the message says
            why.
    """
    if wanted not in (AUTO, *ENGINES):
        raise SettingsError(f"unknown engine {wanted!r}; use {AUTO}, {', '.join(ENGINES)}")
    try:
        layers, why = layers_of(net, shape), ""
    except NotMadeOfLayersError as error:
        layers, why = None, f"the net is not made of the layers of a zoo: {error}"
    if wanted == ONE_BY_ONE or (wanted == AUTO and layers is None):
        return ChosenEngine(ONE_BY_ONE, layers, why if wanted == AUTO else "", device)
    if layers is None:
        raise UnusableEngineError(f"engine {wanted} cannot be used: {why}")
    if wanted == GROUPED:
        return ChosenEngine(GROUPED, layers, device=device)
    why = why_no_lanes(layers, shape, device)
    if not why:
        return ChosenEngine(LANES, layers)
    if wanted == LANES:
        raise UnusableEngineError(f"engine {LANES} cannot be used: {why}")
    return ChosenEngine(GROUPED, layers, why, device)


def why_no_lanes(layers: Layers, shape: Shape, device: str = "cpu") -> str:
    """Return why members cannot be trained in SIMD lanes here, an empty text if they can be.

    A step on two images must give the gradient that PyTorch gives.
    """
    if device != "cpu":
        return f"lanes are the CPU's, and the device is {device}"
    try:
        from lemur_zoo.engine.lanes.engine import Lanes
    except (ImportError, OSError) as error:
        return f"numba cannot be loaded: {error}"
    members, images, state = probe(layers, shape)
    expected = _gradient(layers, members, images, state)
    try:
        Lanes(GroupSettings(layers, "sgd", 2), members, images).train_epoch(state, 1)
    except SettingsError as error:
        return str(error)
    # Whatever a compiler that does not fit this machine raises.
    except Exception as error:
        return f"numba cannot compile the net: {type(error).__name__}: {error}".splitlines()[0]
    # After one step, the momentum buffer is the gradient.
    difference = np.abs(state.first[0] - expected).max()
    if not difference <= TOLERANCE * np.abs(expected).max():
        return f"its gradients differ from PyTorch's by {difference:.1e}"
    return ""


def probe(layers: Layers, shape: Shape) -> tuple[MemberSettings, SplitArrays, GroupState]:
    """Return a member, two images, and a state in which values keep their size."""
    rng = np.random.default_rng(0)
    lr, momentum, decay, dropout = (np.full(1, n, np.float32) for n in (0.01, 0.9, 0, 0.5))
    parts = [
        rng.standard_normal(prod(size), np.float32) / np.sqrt(prod(size[1:]), dtype=np.float32)
        for size in parameter_shapes(layers, shape)
    ]
    row = np.concatenate(parts)[None]
    return (
        MemberSettings(np.zeros(1, np.int64), lr, momentum, decay, dropout),
        SplitArrays(rng.standard_normal((2, *shape), np.float32), np.zeros(2, np.int64)),
        GroupState(row, np.zeros_like(row), np.zeros_like(row)),
    )


def _gradient(
    layers: Layers, members: MemberSettings, images: SplitArrays, state: GroupState
) -> NDArray[np.float32]:
    """Return the gradient of a member's first batch, all images, by PyTorch."""
    # Without an optimizer: the first one of a process imports much of PyTorch.
    engine = OneByOne(GroupSettings(layers, "sgd", len(images.targets)), members, images)
    return engine.gradient(state, 0, 1, np.arange(len(images.targets)))
