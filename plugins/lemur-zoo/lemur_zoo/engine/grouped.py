"""Train members together in PyTorch: their convolutions are the groups of one convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lemur_zoo import draws
from lemur_zoo.engine.batch_draws import BatchDraws
from lemur_zoo.engine.optimizer import GroupOptimizer
from lemur_zoo.engine.scoring import scored_batches, scores_of, sums_of, tensors
from lemur_zoo.engine.steps import steps_of
from lemur_zoo.engine.together import affine, class_scores, run_layers, split_rows
from lemur_zoo.layers import Dropout

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from lemur_zoo.layers import Layer
    from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, Scores, SplitArrays

# oneDNN pads the channels of each group to 16; with more members its speed no longer grows.
MOST = 32


class Grouped:
    """Trains up to 32 members together; see `lemur_zoo.members.Engine`.

    The last bits of a member can depend on its company.

    Args:
        settings: What the members have in common.
        members: What they differ in.
        images: The training split.
        device: Device that they are trained on.
    """

    def __init__(
        self,
        settings: GroupSettings,
        members: MemberSettings,
        images: SplitArrays,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        assert settings.layers is not None
        self.settings, self.members, self.device = settings, members, torch.device(device)
        self.layers, self.shape = settings.layers, images.inputs.shape[1:]
        self.inputs, self.targets = tensors(images, self.device)
        count = len(members.seeds)
        parts = -(-count // MOST)
        self.groups = [
            slice(int(p[0]), int(p[-1]) + 1) for p in np.array_split(range(count), parts)
        ]

    def train_epoch(
        self, state: GroupState, epoch: int, factors: NDArray[float64] | None = None
    ) -> Scores:
        """Train an epoch; see `lemur_zoo.members.Engine`."""
        steps = -(-len(self.targets) // self.settings.batch)
        factors = np.ones(steps) if factors is None else factors
        trained = [self._train(state, group, epoch, factors) for group in self.groups]
        for group, (numbers, _) in zip(self.groups, trained, strict=True):
            for rows, values in zip(
                (state.parameters, state.first, state.second), numbers, strict=True
            ):
                rows[group] = values.cpu().numpy()
        state.steps += steps
        return scores_of([sums for _, sums in trained], len(self.targets))

    def scores(self, state: GroupState, images: SplitArrays) -> Scores:
        """Return the scores on a split; see `lemur_zoo.members.Engine`."""
        sums = []
        for group in self.groups:
            parameters = self._on_device(state.parameters[group])
            total = torch.zeros(2, len(parameters), dtype=torch.float64, device=self.device)
            with torch.inference_mode():
                for some, targets in scored_batches(images, self.device):
                    outputs = class_scores(self.layers, parameters, some)
                    total += sums_of(outputs, targets.expand(len(parameters), -1))
            sums.append(total)
        return scores_of(sums, len(images.targets))

    def _on_device(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(self.device, copy=True)

    def _train(
        self, state: GroupState, group: slice, epoch: int, factors: NDArray[float64]
    ) -> tuple[list[Tensor], Tensor]:
        """Return the numbers of members after an epoch, and the sums of their scores."""
        own = self.members.of(group)
        rows = (state.parameters[group], state.first[group], state.second[group])
        parameters, first, second = (self._on_device(values) for values in rows)
        parameters.requires_grad_()
        order = np.stack([draws.order(seed, epoch, len(self.targets)) for seed in own.seeds])
        steps = steps_of(self.settings.optimizer, own.lr, state.steps, factors)
        step = self._optimizer(own, parameters, first, second)
        sums = torch.zeros(2, len(parameters), dtype=torch.float64, device=self.device)
        for i, size in enumerate(steps.sizes):
            positions = np.arange(order.shape[1])[i * self.settings.batch :][: self.settings.batch]
            index = self._on_device(order[:, positions])
            drawn = BatchDraws(own, epoch, positions)
            outputs = self._outputs(parameters, self.inputs[index], drawn)
            targets = self.targets[index]
            # Of each member the mean over the batch. The sum keeps their gradients apart.
            losses = functional.cross_entropy(
                outputs.flatten(0, 1), targets.flatten(), reduction="sum"
            )
            (gradient,) = torch.autograd.grad(losses / len(positions), parameters)
            step(gradient, size[:, None], steps.corrections[i])
            sums += sums_of(outputs.detach(), targets)
        return [parameters.detach(), first, second], sums

    def _outputs(self, parameters: Tensor, images: Tensor, drawn: BatchDraws) -> Tensor:
        """Return the class scores in training, ``(members, samples, classes)``.

        Args:
            parameters: Shape (members, parameters).
            images: Shape (members, samples, channels, height, width).
            drawn: The random numbers of the batch.
        """
        weights = split_rows(parameters, self.layers, self.shape)
        dropouts = [index for index, layer in enumerate(self.layers) if layer == Dropout()]

        def apply(index: int, layer: Layer, values: Tensor) -> Tensor:
            if isinstance(layer, Dropout):
                return drawn.dropout(dropouts.index(index), values)
            return affine(layer, *weights[index], values)

        maps = images.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        return run_layers(self.layers, len(parameters), maps, apply, shared=False)

    def _optimizer(
        self, own: MemberSettings, parameters: Tensor, first: Tensor, second: Tensor
    ) -> GroupOptimizer:
        decay, momentum = (
            self._on_device(values)[:, None] for values in (own.weight_decay, own.momentum)
        )
        name = self.settings.optimizer
        return GroupOptimizer(name, momentum, decay, parameters, first, second)
