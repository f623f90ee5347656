"""An engine that trains one member after another in plain PyTorch."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from lemur_zoo.members import Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from lemur_zoo.members import GroupState, MemberSettings, SplitArrays

_SCORED_AT_ONCE = 2_000
_LOCK = Lock()


class PlainEngine:
    """Trains the members of a group one after another."""

    def __init__(
        self,
        nets: Sequence[nn.Module],
        optimizer: str,
        batch: int,
        members: MemberSettings,
        train: SplitArrays,
    ) -> None:
        self._nets, self._optimizer, self._batch, self._members = nets, optimizer, batch, members
        self._inputs, self._targets = map(torch.from_numpy, train)

    def train_epoch(self, state: GroupState, epoch: int) -> None:
        """Train an epoch of the training split, and change the state."""
        steps = -(-len(self._targets) // self._batch)
        for index, net in enumerate(self._nets):
            self._train(net.train(), state, index, epoch)
        state.steps += steps

    def _train(self, net: nn.Module, state: GroupState, index: int, epoch: int) -> None:
        parameters = list(net.parameters())
        _set(parameters, state.parameters[index])
        settings = [float(values[index]) for values in self._members[1:]]
        lr, momentum, weight_decay, _ = settings
        adam = self._optimizer == "adam"
        optimizer: torch.optim.Optimizer = (
            torch.optim.Adam(parameters, lr, weight_decay=weight_decay)
            if adam
            else torch.optim.SGD(parameters, lr, momentum, weight_decay=weight_decay)
        )
        if state.steps:
            self._restore(optimizer, parameters, state, index)
        generator = torch.Generator().manual_seed(int(self._members.seeds[index]) * 1000 + epoch)
        order = torch.randperm(len(self._targets), generator=generator)
        with _LOCK, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self._members.seeds[index]) * 1000 + epoch)
            for batch in order.split(self._batch):
                optimizer.zero_grad()
                functional.cross_entropy(net(self._inputs[batch]), self._targets[batch]).backward()
                optimizer.step()
        state.parameters[index] = _row(parameters)
        state_of = optimizer.state
        if adam:
            state.first[index] = _row([state_of[item]["exp_avg"] for item in parameters])
            state.second[index] = _row([state_of[item]["exp_avg_sq"] for item in parameters])
        else:
            state.first[index] = _row([state_of[item]["momentum_buffer"] for item in parameters])

    def _restore(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: list[nn.Parameter],
        state: GroupState,
        index: int,
    ) -> None:
        sizes = [item.numel() for item in parameters]
        rows = (state.first[index], state.second[index])
        first, second = (torch.from_numpy(row.copy()).split(sizes) for row in rows)
        for item, one, two in zip(parameters, first, second, strict=True):
            kept = (
                {
                    "step": torch.tensor(float(state.steps)),
                    "exp_avg": one.reshape(item.shape),
                    "exp_avg_sq": two.reshape(item.shape),
                }
                if self._optimizer == "adam"
                else {"momentum_buffer": one.reshape(item.shape)}
            )
            optimizer.state[item] = kept

    @torch.no_grad()
    def scores(self, state: GroupState, images: SplitArrays) -> Scores:
        """Return the scores of the members on a split."""
        inputs, targets = map(torch.from_numpy, images)
        rows = []
        for net, weights in zip(self._nets, state.parameters, strict=True):
            _set(list(net.parameters()), weights)
            outputs = torch.cat([net.eval()(part) for part in inputs.split(_SCORED_AT_ONCE)])
            loss = functional.cross_entropy(outputs.double(), targets)
            rows.append([loss.item(), (outputs.argmax(1) == targets).double().mean().item()])
        return Scores(*np.array(rows).T)


@torch.no_grad()
def _set(parameters: list[nn.Parameter], weights: np.ndarray) -> None:
    parts = torch.from_numpy(weights.copy()).split([item.numel() for item in parameters])
    for item, part in zip(parameters, parts, strict=True):
        item.copy_(part.reshape(item.shape))


def _row(tensors: Sequence[Tensor]) -> np.ndarray:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).numpy()
