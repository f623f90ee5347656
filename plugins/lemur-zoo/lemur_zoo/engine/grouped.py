"""Train members together in PyTorch: their convolutions are the groups of one convolution."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lemur_zoo import draws
from lemur_zoo.engine.scoring import scored_batches, scores_of, sums_of, tensors
from lemur_zoo.engine.steps import BETAS, EPSILON, steps_of
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool, parameter_shapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import float64, int64
    from numpy.typing import NDArray

    from lemur_zoo.layers import Layer, Layers, Shape
    from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, Scores, SplitArrays

# oneDNN pads the channels of each group to 16; with more members its speed no longer grows.
MOST = 32
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "gelu": functional.gelu,
}


class _Net:
    """The nets of some members, as one.

    Args:
        layers: Layers of each of them.
        shape: Shape of an image, (channels, height, width).
        count: Number of members.
    """

    def __init__(self, layers: Layers, shape: Shape, count: int) -> None:
        self.layers, self.count = layers, count
        self.shapes = parameter_shapes(layers, shape)

    def __call__(
        self, parameters: Tensor, images: Tensor, drop: Callable[[int, Tensor], Tensor]
    ) -> Tensor:
        """Return the class scores, shape (members, samples, classes).

        Args:
            parameters: Shape (members, parameters).
            images: Shape (members, samples, channels, height, width).
            drop: Returns the values that a dropout layer with an index keeps.
        """
        numbers = parameters.split([prod(shape) for shape in self.shapes], dim=1)
        rest = [n.view(self.count, *shape) for n, shape in zip(numbers, self.shapes, strict=True)]
        x = images.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        dropped = 0
        for layer in self.layers:
            if isinstance(layer, Dropout):
                x = drop(dropped, x)
                dropped += 1
            else:
                x = self._apply(layer, x, rest)
        return x

    def _apply(self, layer: Layer, x: Tensor, rest: list[Tensor]) -> Tensor:
        """Apply a layer, which takes its parameters from the front of the list.

        Maps have the shape (samples, members * channels, height, width), vectors the shape
        (members, samples, features).
        """
        match layer:
            case Conv(_, _, stride, padding, bias):
                weight = rest.pop(0).flatten(0, 1).contiguous(memory_format=torch.channels_last)
                offset = rest.pop(0).flatten() if bias else None
                return functional.conv2d(x, weight, offset, stride, padding, groups=self.count)
            case MaxPool(size):
                return functional.max_pool2d(x, size)
            case Flatten():
                return self.by_member(x).transpose(0, 1).flatten(2)
            case Linear(bias=bias):
                weight = rest.pop(0).transpose(1, 2)
                return torch.baddbmm(rest.pop(0)[:, None], x, weight) if bias else x.bmm(weight)
            case Activation(name):
                return _ACTIVATIONS[name](x)
        raise TypeError(layer)

    def by_member(self, maps: Tensor) -> Tensor:
        """Return maps with the shape (samples, members, channels, height, width)."""
        samples, _, *sizes = maps.shape
        return maps.view(samples, self.count, -1, *sizes)


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
            count = len(parameters)
            net = _Net(self.layers, self.shape, count)
            total = torch.zeros(2, count, dtype=torch.float64, device=self.device)
            with torch.inference_mode():
                for some, targets in scored_batches(images, self.device):
                    several = some.expand(count, *some.shape)
                    outputs = net(parameters, several, lambda _, x: x)
                    total += sums_of(outputs, targets.expand(count, -1))
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
        net = _Net(self.layers, self.shape, len(parameters))
        order = np.stack([draws.order(seed, epoch, len(self.targets)) for seed in own.seeds])
        steps = steps_of(self.settings.optimizer, own.lr, state.steps, factors)
        step = _Optimizer(self.settings.optimizer, own, parameters, first, second)
        sums = torch.zeros(2, len(parameters), dtype=torch.float64, device=self.device)
        for i, size in enumerate(steps.sizes):
            positions = np.arange(order.shape[1])[i * self.settings.batch :][: self.settings.batch]
            index = self._on_device(order[:, positions])
            outputs = net(parameters, self.inputs[index], _Drop(net, own, epoch, positions))
            targets = self.targets[index]
            # Of each member the mean over the batch. The sum keeps their gradients apart.
            losses = functional.cross_entropy(
                outputs.flatten(0, 1), targets.flatten(), reduction="sum"
            )
            (gradient,) = torch.autograd.grad(losses / len(positions), parameters)
            step(gradient, size, steps.corrections[i])
            sums += sums_of(outputs.detach(), targets)
        return [parameters.detach(), first, second], sums


class _Drop:
    """Dropout of the batch at some positions of an epoch; called with the index of the layer."""

    def __init__(
        self, net: _Net, members: MemberSettings, epoch: int, positions: NDArray[int64]
    ) -> None:
        self.net, self.members, self.epoch, self.positions = net, members, epoch, positions

    def __call__(self, layer: int, x: Tensor) -> Tensor:
        if not self.members.dropout.any():
            return x
        values = self.net.by_member(x) if x.dim() == 4 else x.transpose(0, 1)
        factors = [
            draws.dropout(seed, self.epoch, layer, self.positions, values[0, 0].numel(), p)
            for seed, p in zip(self.members.seeds, self.members.dropout, strict=True)
        ]
        scaled = values * torch.from_numpy(np.stack(factors, 1)).to(x.device).view(values.shape)
        if x.dim() == 3:
            return scaled.transpose(0, 1)
        return scaled.flatten(1, 2).contiguous(memory_format=torch.channels_last)


class _Optimizer:
    """A step of the optimizer of all members, as torch.optim computes it."""

    def __init__(
        self, name: str, members: MemberSettings, parameters: Tensor, first: Tensor, second: Tensor
    ) -> None:
        self.adam = name == "adam"
        self.parameters, self.first, self.second = parameters, first, second
        self.decay, self.momentum = (
            torch.from_numpy(values)[:, None].to(parameters.device)
            for values in (members.weight_decay, members.momentum)
        )

    @torch.no_grad()
    def __call__(self, gradient: Tensor, sizes: NDArray[float64], correction: float) -> None:
        """Change the parameters and moments, given the gradient and each member's step size."""
        gradient = gradient + self.decay * self.parameters
        size = torch.from_numpy(sizes.astype(np.float32))[:, None].to(gradient.device)
        if not self.adam:
            self.first.mul_(self.momentum).add_(gradient)
            self.parameters.sub_(size * self.first)
            return
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        scale = self.second.sqrt().div_(correction).add_(EPSILON)
        self.parameters.sub_(size * self.first / scale)
