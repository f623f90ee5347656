"""Train sparse twins: the members of a group together, an epoch at a time.

The order of the samples is that of `lemur_zoo.draws`. The noise of a member in an epoch comes from
a generator of its own, seeded with its seed and the epoch, so it is the same in any group, resumed
or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_zoo import draws
from lemur_zoo.engine.optimizer import GroupOptimizer
from lemur_zoo.engine.steps import steps_of
from lemur_zoo.engine.together import losses_of
from lemur_zoo.sparse.variational import (
    CUT,
    can_be_cut,
    divergence,
    log_alpha,
    noisy_scores,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_zoo.layers import Layers
    from lemur_zoo.members import GroupState, MemberSettings, SplitArrays

# Twins draw other numbers than their members do.
_STREAM = 2


class MemberNoise:
    """The random numbers of a group in an epoch.

    Args:
        seeds: Seed of each member.
        epoch: Number of the epoch.
        dropout: Probability of dropout of each member, ``(members,)``.
    """

    def __init__(self, seeds: Sequence[int], epoch: int, dropout: Tensor) -> None:
        words = (np.random.SeedSequence([seed, epoch, _STREAM]) for seed in seeds)
        states = [int(word.generate_state(1, np.uint64)[0] >> 1) for word in words]
        self._generators = [torch.Generator().manual_seed(state) for state in states]
        self._dropout = dropout

    def normal(self, values: Tensor) -> Tensor:
        """Return standard normal numbers in the shape of values."""
        shape, axis = self._shape(values)
        return torch.cat([torch.randn(shape, generator=item) for item in self._generators], axis)

    def dropout(self, _: int, values: Tensor) -> Tensor:
        """Return what dropout makes of values."""
        shape, axis = self._shape(values)
        # A member without dropout draws nothing, so its noise is the same in any company.
        parts = [
            (torch.rand(shape, generator=generator) >= share) / (1 - share)
            if share
            else torch.ones(shape)
            for share, generator in zip(self._dropout.tolist(), self._generators, strict=True)
        ]
        return values * torch.cat(parts, axis)

    def _shape(self, values: Tensor) -> tuple[tuple[int, ...], int]:
        """Return the shape of a member's values, and the axis along which members are."""
        if values.ndim == 4:
            samples, channels, *size = values.shape
            return (samples, channels // len(self._generators), *size), 1
        return (1, *values.shape[1:]), 0


class SparseEngine:
    """Trains the sparse twins of the members of a group.

    The parameters of a state are the weights, followed by the logarithms of their variances. The
    loss of a twin is the mean cross-entropy, plus the divergence of its weights divided by the
    number of training images and multiplied by a weight. Weight decay acts on the weights alone.

    Args:
        layers: The layers of their net.
        optimizer: ``adam`` or ``sgd``.
        batch: Number of samples in a batch.
        members: What they differ in.
        train: The training images.
        kl_weight: What the divergence is multiplied by; 1 is the bound of the paper.
    """

    def __init__(
        self,
        layers: Layers,
        optimizer: str,
        batch: int,
        members: MemberSettings,
        train: SplitArrays,
        kl_weight: float = 1.0,
    ) -> None:
        self._layers, self._optimizer, self._batch = layers, optimizer, batch
        self._members, self._kl_weight = members, kl_weight
        self._inputs, self._targets = map(torch.from_numpy, train)
        self._shape = tuple(self._inputs.shape[1:])
        self._has_noise = can_be_cut(layers, self._shape)
        self._momentum, self._decay = (
            torch.from_numpy(np.array(column, np.float32))[:, None]
            for column in (members.momentum, members.weight_decay)
        )

    def train_epoch(self, state: GroupState, epoch: int) -> None:
        """Train an epoch of the training split, and change the state.

        Args:
            state: The state after the epochs before.
            epoch: Number of the epoch, from 1.
        """
        seeds = [int(seed) for seed in self._members.seeds]
        orders = torch.from_numpy(
            np.stack([draws.order(seed, epoch, len(self._targets)) for seed in seeds])
        )
        dropout = torch.from_numpy(np.array(self._members.dropout, np.float32))
        noise = MemberNoise(seeds, epoch, dropout)
        rows, first, second = (
            torch.from_numpy(array) for array in (state.parameters, state.first, state.second)
        )
        batches = orders.split(self._batch, dim=1)
        steps = steps_of(self._optimizer, self._members.lr, state.steps, np.ones(len(batches)))
        # Variances do not decay.
        of_weights = torch.arange(rows.shape[1]) < rows.shape[1] // 2
        step = GroupOptimizer(
            self._optimizer, self._momentum, self._decay * of_weights, rows, first, second
        )
        for number, batch in enumerate(batches):
            gradient = self._gradient(rows, batch, noise)
            step(gradient, steps.sizes[number], steps.corrections[number])
        state.steps += len(batches)

    def _gradient(self, rows: Tensor, batch: Tensor, noise: MemberNoise) -> Tensor:
        rows = rows.detach().requires_grad_()
        weights, log_sigma2 = rows.chunk(2, dim=1)
        alphas = log_alpha(weights, log_sigma2)
        variances = alphas.exp() * weights.square() * self._has_noise
        # From (members, samples, channels, ...) to images whose channels are those of all members.
        images = self._inputs[batch].transpose(0, 1).flatten(1, 2)
        # The faster layout of grouped convolutions.
        images = images.contiguous(memory_format=torch.channels_last)
        scores = noisy_scores(self._layers, weights, variances, images, noise)
        losses = losses_of(scores, self._targets[batch])
        costs = (divergence(alphas) * self._has_noise).sum(1) * self._kl_weight
        (gradient,) = torch.autograd.grad((losses + costs / len(self._targets)).sum(), rows)
        return gradient


def prune(rows: NDArray[float32], has_noise: NDArray[np.bool_]) -> NDArray[float32]:
    """Return weights in which those are 0 whose log alpha is `CUT` or more.

    Args:
        rows: Weights followed by the logarithms of their variances, ``(members, 2 * parameters)``.
        has_noise: Which parameters can be cut, ``(parameters,)``.

    Returns:
        Shape ``(members, parameters)``.
    """
    weights, log_sigma2 = torch.from_numpy(np.array(rows)).chunk(2, dim=1)
    is_cut = (log_alpha(weights, log_sigma2) >= CUT) & torch.from_numpy(has_noise)
    return weights.masked_fill(is_cut, 0).numpy()
