"""Train the members one after another in a plain PyTorch loop: any net, slowly."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lemur_zoo import draws
from lemur_zoo.engine.scoring import scored_batches, scores_of, sums_of, tensors
from lemur_zoo.engine.steps import BETAS, EPSILON
from lemur_zoo.modules import flat, net_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy import float32, float64, int64
    from numpy.typing import NDArray

    from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, Scores, SplitArrays


class CountedDropout(nn.Module):
    """Dropout whose zeros are those of `lemur_zoo.draws`.

    Args:
        layer: Index of the layer among the net's dropout layers.
    """

    def __init__(self, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.seed, self.probability, self.epoch = 0, 0.0, 0
        self.positions: NDArray[int64] = np.arange(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros, and the values that are kept, scaled; in evaluation all values."""
        if not self.training or self.probability == 0:
            return x
        factors = draws.dropout(
            self.seed, self.epoch, self.layer, self.positions, x[0].numel(), self.probability
        )
        return x * torch.from_numpy(factors).view(x.shape).to(x.device)


def with_counted_dropout(net: nn.Module) -> tuple[nn.Module, list[CountedDropout]]:
    """Return a copy of a net with other modules in place of ``nn.Dropout``, and these modules."""
    net = copy.deepcopy(net)
    dropouts: list[CountedDropout] = []
    for name, module in list(net.named_modules()):
        if isinstance(module, nn.Dropout):
            dropouts.append(CountedDropout(len(dropouts)))
            net.set_submodule(name, dropouts[-1])
    return net, dropouts


class OneByOne:
    """Trains one member at a time; see `lemur_zoo.members.Engine`.

    Args:
        settings: What the members have in common.
        members: What they differ in.
        images: The training split.
        net: A net whose architecture the members have; None for one of the settings' layers.
        device: Device that they are trained on.
    """

    def __init__(
        self,
        settings: GroupSettings,
        members: MemberSettings,
        images: SplitArrays,
        *,
        net: nn.Module | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings, self.members, self.device = settings, members, torch.device(device)
        made = net_of(settings.layers or (), images.inputs.shape[1:]) if net is None else net
        self.net, self.dropouts = with_counted_dropout(made)
        self.net.to(self.device)
        self.inputs, self.targets = tensors(images, self.device)

    def train_epoch(
        self, state: GroupState, epoch: int, factors: NDArray[float64] | None = None
    ) -> Scores:
        """Train an epoch; see `lemur_zoo.members.Engine`."""
        steps = -(-len(self.targets) // self.settings.batch)
        factors = np.ones(steps) if factors is None else factors
        trained = [
            self._train(state, member, epoch, factors) for member in range(len(state.parameters))
        ]
        for member, (numbers, _) in enumerate(trained):
            for rows, values in zip(self._rows(state), numbers, strict=True):
                rows[member] = values
        state.steps += steps
        return scores_of([sums for _, sums in trained], len(self.targets))

    def scores(self, state: GroupState, images: SplitArrays) -> Scores:
        """Return the scores on a split; see `lemur_zoo.members.Engine`."""
        sums = []
        self.net.eval()
        for member in range(len(state.parameters)):
            self._load(state, member)
            total = torch.zeros(2, 1, dtype=torch.float64, device=self.device)
            with torch.inference_mode():
                for some, targets in scored_batches(images, self.device):
                    total += sums_of(self.net(some)[None], targets[None])
            sums.append(total)
        return scores_of(sums, len(images.targets))

    def _rows(self, state: GroupState) -> list[NDArray[float32]]:
        """Return the arrays of a state that training changes."""
        moments = (
            [state.first, state.second] if self.settings.optimizer == "adam" else [state.first]
        )
        return [state.parameters, *moments, *([] if state.buffers is None else [state.buffers])]

    def _load(self, state: GroupState, member: int) -> None:
        _write(self.net.parameters(), state.parameters[member])
        if state.buffers is not None:
            _write(self.net.buffers(), state.buffers[member])

    def gradient(
        self, state: GroupState, member: int, epoch: int, positions: NDArray[int64]
    ) -> NDArray[float32]:
        """Return the gradient of a member's mean loss on the samples at positions of an epoch."""
        self._load(state, member)
        self.net.train()
        self.net.zero_grad()
        order = draws.order(int(self.members.seeds[member]), epoch, len(self.targets))
        self._backward(member, epoch, order, positions)
        gradients = [parameter.grad for parameter in self.net.parameters()]
        return flat([g for g in gradients if g is not None]).cpu().numpy()

    def _train(
        self, state: GroupState, member: int, epoch: int, factors: NDArray[float64]
    ) -> tuple[list[NDArray[float32]], Tensor]:
        """Return the numbers of a member after an epoch, and the sums of its scores."""
        self._load(state, member)
        self.net.train()
        optimizer = self._optimizer(state, member)
        order = draws.order(int(self.members.seeds[member]), epoch, len(self.targets))
        sums = torch.zeros(2, 1, dtype=torch.float64, device=self.device)
        for step, positions in enumerate(_batches(len(order), self.settings.batch)):
            optimizer.param_groups[0]["lr"] = float(self.members.lr[member]) * factors[step]
            optimizer.zero_grad(set_to_none=True)
            sums += self._backward(member, epoch, order, positions)
            optimizer.step()
        return self._numbers(optimizer, state.buffers is not None), sums

    def _backward(
        self, member: int, epoch: int, order: NDArray[int64], positions: NDArray[int64]
    ) -> Tensor:
        """Compute the gradient of a batch, and return the sums of its scores."""
        self._set_dropout(member, epoch, positions)
        index = torch.from_numpy(order[positions]).to(self.device)
        outputs, targets = self.net(self.inputs[index]), self.targets[index]
        functional.cross_entropy(outputs, targets).backward()
        return sums_of(outputs.detach()[None], targets[None])

    def _set_dropout(self, member: int, epoch: int, positions: NDArray[int64]) -> None:
        for module in self.dropouts:
            module.seed, module.epoch = int(self.members.seeds[member]), epoch
            module.probability = float(self.members.dropout[member])
            module.positions = positions

    def _optimizer(self, state: GroupState, member: int) -> torch.optim.Optimizer:
        """Return an optimizer that continues after the steps of the state."""
        parameters = list(self.net.parameters())
        decay = float(self.members.weight_decay[member])
        moments = {"momentum_buffer": state.first}
        optimizer: torch.optim.Optimizer
        if self.settings.optimizer == "adam":
            moments = {"exp_avg": state.first, "exp_avg_sq": state.second}
            optimizer = torch.optim.Adam(
                parameters, betas=BETAS, eps=EPSILON, weight_decay=decay, fused=True
            )
        else:
            momentum = float(self.members.momentum[member])
            optimizer = torch.optim.SGD(
                parameters, lr=0.0, momentum=momentum, weight_decay=decay, fused=True
            )
        for parameter in parameters:
            optimizer.state[parameter] = {name: torch.zeros_like(parameter) for name in moments}
            if self.settings.optimizer == "adam":
                steps = torch.tensor(float(state.steps), device=self.device)
                optimizer.state[parameter]["step"] = steps
        for name, rows in moments.items():
            _write((optimizer.state[parameter][name] for parameter in parameters), rows[member])
        return optimizer

    def _numbers(
        self, optimizer: torch.optim.Optimizer, with_buffers: bool
    ) -> list[NDArray[float32]]:
        """Return a row for each of `_rows`, of the member that the net and the optimizer hold."""
        parameters = list(self.net.parameters())
        kept = [optimizer.state[parameter] for parameter in parameters]
        names = (
            ["exp_avg", "exp_avg_sq"] if self.settings.optimizer == "adam" else ["momentum_buffer"]
        )
        parts = [parameters, *([values[name] for values in kept] for name in names)]
        if with_buffers:
            parts.append(list(self.net.buffers()))
        return [flat(tensors).detach().float().cpu().numpy() for tensors in parts]


def _write(tensors: Iterable[Tensor], row: NDArray[float32]) -> None:
    """Write a row of numbers into tensors, one after another."""
    start = 0
    with torch.no_grad():
        for tensor in tensors:
            values = torch.from_numpy(row[start : start + tensor.numel()].copy())
            tensor.copy_(values.view(tensor.shape))
            start += tensor.numel()


def _batches(samples: int, batch: int) -> list[NDArray[int64]]:
    return np.split(np.arange(samples), range(batch, samples, batch))
