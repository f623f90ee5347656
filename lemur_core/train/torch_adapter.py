"""The access of training to a net that is a `torch.nn.Module`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_model, save_model

from lemur_core.train.finite import check_weights, finite_buffers
from lemur_core.train.fitting_weights import fit_weights
from lemur_core.train.freezing import FrozenLayers
from lemur_core.train.modes import preserve_modes
from lemur_core.train.net_state import net_state, restore_net_state
from lemur_core.train.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import nn

    from lemur_core.train.fitting_weights import Fitting


class TorchAdapter:
    """Implements `lemur_core.train.net_adapter.NetAdapter`.

    Args:
        net: The net.
        name: Name of the net, for error messages.
    """

    may_fork = True

    def __init__(self, net: nn.Module, name: str) -> None:
        self._net, self._name = net, name

    def check_options(self, prm: Mapping[str, Any], device: torch.device) -> None:
        """Return: a torch net takes all options."""

    def place(self, device: torch.device) -> None:
        """Move the net to a device."""
        self._net.to(device)

    def check_outputs(self, outputs: Any) -> None:
        """Return: the metrics see whether the outputs are those of the task."""

    def parameter_count(self) -> int:
        """Return the number of parameters, frozen ones included."""
        return sum(parameter.numel() for parameter in self._net.parameters())

    def configure(self, prm: Mapping[str, Any]) -> None:
        """Use channels-last memory format, and compile the net, if ``prm`` says so."""
        if prm.get("channels_last"):
            self._net.to(memory_format=torch.channels_last)
        if prm.get("compile"):
            self._net.compile()

    def freeze(self, patterns: Sequence[str], inputs: Any, drawn: Collection[str]) -> FrozenLayers:
        """Freeze the layers that patterns name."""
        return FrozenLayers(self._net, patterns, inputs, drawn, self._name)

    def finite_buffers(self) -> frozenset[str]:
        """Return the names of the floating-point and complex buffers that are finite."""
        return finite_buffers(self._net)

    def check_weights(self, buffers: Collection[str]) -> None:
        """Raise `NotFiniteError` if a parameter or one of these buffers is not finite."""
        check_weights(self._net, buffers)

    def preserve_mode(self) -> AbstractContextManager[None]:
        """Return a context that restores the mode of each module on exit."""
        return preserve_modes(self._net)

    def write_weights(self, file: Path) -> None:
        """Write the weights to a file, in place if possible."""
        save_weights(self._net, file)

    def save_weights(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Write the weights to a new file with metadata."""
        save_model(self._net, str(file), dict(metadata))

    def load_weights(self, file: Path, device: str) -> None:
        """Load the weights in a file, which are all those of the net."""
        load_model(self._net, str(file), device=device)

    def fit_weights(self, file: Path, device: str, classes: int | None) -> Fitting:
        """Load the initial weights in a file as far as they fit the net."""
        return fit_weights(self._net, file, device, classes)

    def state(self) -> Any:
        """Return the state of optimizers, schedulers and other attributes."""
        return net_state(self._net)

    def restore_state(self, state: Any) -> None:
        """Restore the result of `state`."""
        restore_net_state(self._net, state)
