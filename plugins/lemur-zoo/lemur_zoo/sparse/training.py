"""Train sparse twins in PyTorch: the members of a group together, an epoch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_zoo import draws
from lemur_zoo.engine.batch_draws import BatchDraws
from lemur_zoo.engine.optimizer import GroupOptimizer
from lemur_zoo.engine.steps import steps_of
from lemur_zoo.engine.together import losses_of
from lemur_zoo.sparse.variational import (
    CUT,
    Noise,
    can_be_cut,
    divergence,
    log_alpha,
    noisy_scores,
    variances,
)

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_zoo.engine.variational import TwinSettings
    from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, SplitArrays


class NoisyGrouped:
    """Trains sparse twins together, by variational dropout in PyTorch.

    The parameters of a state are the weights, followed by the logarithms of their variances. The
    loss of a twin is the mean cross-entropy, plus the divergence of its weights times its weight.
    Weight decay acts on the weights alone.

    Args:
        settings: What the members have in common.
        members: What they differ in.
        twins: What their twins have beyond.
        images: The training split.
    """

    def __init__(
        self,
        settings: GroupSettings,
        members: MemberSettings,
        twins: TwinSettings,
        images: SplitArrays,
    ) -> None:
        assert settings.layers is not None
        self._layers, self._optimizer, self._batch = settings.layers, *settings[1:]
        self._members, self._twins = members, twins
        self._inputs, self._targets = map(torch.from_numpy, images)
        self._has_noise = can_be_cut(settings.layers, images.inputs.shape[1:])
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
        count = len(self._targets)
        orders = torch.from_numpy(
            np.stack([draws.order(seed, epoch, count) for seed in self._members.seeds])
        )
        rows, first, second = (
            torch.from_numpy(array) for array in (state.parameters, state.first, state.second)
        )
        # Variances do not decay.
        of_weights = torch.arange(rows.shape[1]) < rows.shape[1] // 2
        decay = self._decay * of_weights
        step = GroupOptimizer(self._optimizer, self._momentum, decay, rows, first, second)
        factors = np.ones(-(-count // self._batch))
        steps, of_variances = (
            steps_of(self._optimizer, lr, state.steps, factors)
            for lr in (self._members.lr, self._twins.variance_lr)
        )
        kl_weight = torch.from_numpy(self._twins.kl_weight_in(epoch))
        for number, correction in enumerate(steps.corrections):
            positions = np.arange(count)[number * self._batch :][: self._batch]
            noise = BatchDraws(self._members, epoch, positions)
            gradient = self._gradient(rows, orders[:, positions], noise, kl_weight)
            sizes = np.stack([steps.sizes[number], of_variances.sizes[number]], axis=1)
            step(gradient, sizes.repeat(rows.shape[1] // 2, axis=1), correction)
        state.steps += len(factors)

    def _gradient(self, rows: Tensor, batch: Tensor, noise: Noise, kl_weight: Tensor) -> Tensor:
        rows = rows.detach().requires_grad_()
        weights, log_sigma2 = rows.chunk(2, dim=1)
        noisy = variances(weights, log_sigma2) * self._has_noise
        # From (members, samples, channels, ...) to images whose channels are those of all members.
        images = self._inputs[batch].transpose(0, 1).flatten(1, 2)
        # The faster layout of grouped convolutions.
        images = images.contiguous(memory_format=torch.channels_last)
        losses = losses_of(
            noisy_scores(self._layers, weights, noisy, images, noise), self._targets[batch]
        )
        costs = (divergence(log_alpha(weights, log_sigma2)) * self._has_noise).sum(1) * kl_weight
        (gradient,) = torch.autograd.grad((losses + costs).sum(), rows)
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
