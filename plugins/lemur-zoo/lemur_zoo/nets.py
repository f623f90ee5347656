"""The net of a zoo: its parameters in order, and its initial values."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_core.errors import MisfitError
from lemur_core.kinds.net import as_net
from lemur_core.training import middle_prm
from lemur_zoo.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy import float32
    from numpy.typing import NDArray
    from torch import nn

    from lemur_core import Entry
    from lemur_zoo.spec.population import ZooMember
    from lemur_zoo.spec.spec import Value

_OF_NET = ("init", "activation", "dropout")
"""Factors that the net itself reads."""

DRAWING = RLock()
"""Held while torch's global generator, which threads share, is seeded, drawn from or restored."""


class ZooNet:
    """The net of a zoo, which its members are built from.

    Args:
        entry: The net's entry.
        in_shape: Shape of an input, ``(1, channels, height, width)``.
        classes: Number of classes.
        width: Value of the net's hyperparameter ``width``; 0 is the middle of its range.

    Raises:
        MisfitError: The net does not read the factors of zoos, or has no width.
    """

    def __init__(self, entry: Entry, in_shape: Sequence[int], classes: int, width: int = 0) -> None:
        self.name = entry.name
        self._module = as_net(entry.load(), entry.name)
        self._in_shape, self._classes = tuple(in_shape), classes
        self._prm = {**middle_prm(self._module), **entry.prm}
        lacks = [name for name in _OF_NET if name not in self._prm]
        if lacks:
            raise MisfitError(
                f"net {entry.name!r} has no hyperparameter {' and '.join(lacks)}, which the "
                "members of zoos differ in; choose another net, such as CNN-S"
            )
        if width and "width" not in self._prm:
            raise MisfitError(f"net {entry.name!r} has no hyperparameter width; leave it out")
        if width:
            self._prm["width"] = width

    def build(self, values: Mapping[str, Value], seed: int = 0) -> nn.Module:
        """Return the net of a member with its initial weights.

        Args:
            values: Values of the member's factors.
            seed: Seed of its initial weights.
        """
        with DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            prm = {**self._prm, **values}
            return self._module.net(self._in_shape, (self._classes,), prm, torch.device("cpu"))

    def parameters(self, values: Mapping[str, Value]) -> tuple[Parameter, ...]:
        """Return the parameters in the order in which they are stored."""
        return _described(self.build(values).named_parameters())

    def buffers(self, values: Mapping[str, Value]) -> tuple[Parameter, ...]:
        """Return the buffers, such as running statistics, in the order in which they are stored.

        Raises:
            MisfitError: The net has a buffer that is not part of its state dictionary.
        """
        net = self.build(values)
        buffers = _described(net.named_buffers())
        state = net.state_dict()
        for name, _ in buffers:
            if name not in state:
                raise MisfitError(
                    f"net {self.name!r} has the buffer {name!r}, which its state dictionary lacks; "
                    "zoos store state dictionaries"
                )
        return buffers

    def initial(self, members: Sequence[ZooMember]) -> NDArray[float32]:
        """Return the initial weights of members, of shape ``(members, parameters)``."""
        return np.stack([_flat(net.parameters()) for net in self._nets(members)])

    def initial_buffers(self, members: Sequence[ZooMember]) -> NDArray[float32]:
        """Return the initial buffers of members, of shape ``(members, elements)``."""
        return np.stack([_flat(net.buffers()) for net in self._nets(members)])

    def _nets(self, members: Sequence[ZooMember]) -> Iterator[nn.Module]:
        return (self.build(member.values, member.seed) for member in members)


def _described(named: Iterable[tuple[str, torch.Tensor]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, tuple(value.shape)) for name, value in named)


def _flat(tensors: Iterable[torch.Tensor]) -> NDArray[float32]:
    parts = [tensor.detach().reshape(-1).float() for tensor in tensors]
    return torch.cat(parts).numpy() if parts else np.empty(0, np.float32)


def state_of(row: NDArray[float32], parameters: Sequence[Parameter]) -> dict[str, torch.Tensor]:
    """Return the state dictionary of a net from its weights in a row.

    Args:
        row: Weights of shape ``(parameters,)``, which are copied.
        parameters: The parameters in their order.
    """
    values = torch.from_numpy(np.array(row, np.float32)).split(
        [item.elements for item in parameters]
    )
    return {
        item.name: value.reshape(item.shape).to(_type(item.name))
        for item, value in zip(parameters, values, strict=True)
    }


def _type(name: str) -> torch.dtype:
    # The number of batches, which batch normalisation counts, is the only whole number.
    return torch.int64 if name.endswith("num_batches_tracked") else torch.float32
