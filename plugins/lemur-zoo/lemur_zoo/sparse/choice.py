"""Choose the engine that trains sparse twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from lemur_core.errors import SettingsError
from lemur_zoo.engine.choice import (
    AUTO,
    GROUPED,
    LANES,
    TOLERANCE,
    ChosenEngine,
    UnusableEngineError,
    choose,
    probe,
)
from lemur_zoo.engine.variational import TwinSettings
from lemur_zoo.members import GroupSettings, GroupState
from lemur_zoo.sparse.training import NoisyGrouped

if TYPE_CHECKING:
    from torch import nn

    from lemur_zoo.layers import Layers, Shape
    from lemur_zoo.members import MemberSettings, SplitArrays

ENGINES = (LANES, GROUPED)
"""The engines that train sparse twins."""
# Of the weights in the probe: log alpha is neither at its limits nor negligible.
_LOG_SIGMA2, _KL_WEIGHT = -2.0, 0.01


class NoisyEngine(Protocol):
    """Trains the sparse twins of a group."""

    def train_epoch(self, state: GroupState, epoch: int) -> object:
        """Train an epoch of the training split, and change the state.

        Args:
            state: The state after the epochs before. Its parameters are the weights, followed by
                the logarithms of their variances.
            epoch: Number of the epoch, from 1.
        """


def choose_noisy(net: nn.Module, shape: Shape, wanted: str = AUTO) -> ChosenEngine:
    """Return the fastest engine that can train sparse twins, or the one that the user wants.

    Args:
        net: A net with the architecture of the members.
        shape: Shape of an image, ``(channels, height, width)``.
        wanted: One of `ENGINES`, or ``auto``.

    Raises:
        SettingsError: There is no such engine.
        UnusableEngineError: The engine cannot train the twins.
    """
    if wanted not in (AUTO, *ENGINES):
        raise SettingsError(f"unknown engine {wanted!r}; use {AUTO}, {', '.join(ENGINES)}")
    chosen = choose(net, shape, wanted)
    if chosen.name != LANES or chosen.layers is None:
        return chosen
    why = why_no_noisy_lanes(chosen.layers, shape)
    if not why:
        return chosen
    if wanted == LANES:
        raise UnusableEngineError(f"engine {LANES} cannot be used: {why}")
    return ChosenEngine(GROUPED, chosen.layers, why)


def noisy_engine(
    chosen: ChosenEngine,
    settings: GroupSettings,
    members: MemberSettings,
    twins: TwinSettings,
    images: SplitArrays,
    threads: int = 1,
) -> NoisyEngine:
    """Return the engine that trains the twins of a group; its arguments are those of `Lanes`."""
    if chosen.name == LANES:
        # Imports numba, which may be missing.
        from lemur_zoo.engine.lanes.noisy_engine import NoisyLanes

        return NoisyLanes(settings, members, twins, images, threads=threads)
    return NoisyGrouped(settings, members, twins, images)


def why_no_noisy_lanes(layers: Layers, shape: Shape) -> str:
    """Return why twins cannot be trained in SIMD lanes here, an empty text if they can be.

    A step on two images must give the gradient that PyTorch gives.
    """
    from lemur_zoo.engine.lanes.noisy_engine import NoisyLanes

    members, images, state = probe(layers, shape)
    settings, weight = GroupSettings(layers, "sgd", 2), np.ones(1, np.float32)
    twins = TwinSettings(weight * np.float32(_KL_WEIGHT), members.lr)
    rows = np.concatenate([state.parameters, np.full_like(state.parameters, _LOG_SIGMA2)], axis=1)
    gradients = []
    try:
        for engine in (NoisyLanes, NoisyGrouped):
            state = GroupState(rows.copy(), np.zeros_like(rows), np.zeros_like(rows))
            engine(settings, members, twins, images).train_epoch(state, 1)
            # After one step, the momentum buffer is the gradient.
            gradients.append(state.first.reshape(2, -1))
    # Whatever a compiler that does not fit this machine raises.
    except Exception as error:
        return f"numba cannot compile noisy layers: {type(error).__name__}: {error}".splitlines()[0]
    ours, theirs = gradients
    differences = np.abs(ours - theirs).max(1) / np.abs(theirs).max(1)
    if not (differences <= TOLERANCE).all():
        return f"its gradients of noisy layers differ from PyTorch's by {differences.max():.1e}"
    return ""
