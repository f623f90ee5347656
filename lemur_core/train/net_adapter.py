"""What the training of a trial asks of a net, whatever its framework.

The net itself is called, and so are its methods ``train_setup``, ``learn``, ``train`` and ``eval``.
Everything else goes through a `NetAdapter`. There is one for `torch.nn.Module`, and one for nets of
other frameworks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from torch import nn

from lemur_core.train.foreign_adapter import ForeignAdapter
from lemur_core.train.torch_adapter import TorchAdapter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import torch

    from lemur_core.train.fitting_weights import Fitting


class Frozen(Protocol):
    """The frozen layers of a net."""

    def check(self) -> None:
        """Raise `ContractError` if training has changed a frozen layer."""


class NetAdapter(Protocol):
    """The access of training to a net.

    Attributes:
        may_fork: Whether the process that holds the net may be forked, to load samples.
    """

    may_fork: bool

    def check_options(self, prm: Mapping[str, Any], device: torch.device) -> None:
        """Raise `MisfitError` if the net cannot be trained with these options."""

    def place(self, device: torch.device) -> None:
        """Move the net to a device."""

    def check_outputs(self, outputs: Any) -> None:
        """Raise `ContractError` if the net returned what metrics cannot read."""

    def parameter_count(self) -> int:
        """Return the number of parameters, frozen ones included."""

    def configure(self, prm: Mapping[str, Any]) -> None:
        """Apply the hyperparameters that change how the net computes."""

    def freeze(self, patterns: Sequence[str], inputs: Any, drawn: Collection[str]) -> Frozen:
        """Freeze the layers that patterns name."""

    def finite_buffers(self) -> frozenset[str]:
        """Return the names of the floating-point and complex buffers that are finite."""

    def check_weights(self, buffers: Collection[str]) -> None:
        """Raise `NotFiniteError` if a parameter or one of these buffers is not finite."""

    def preserve_mode(self) -> AbstractContextManager[None]:
        """Return a context that restores training or evaluation mode on exit."""

    def write_weights(self, file: Path) -> None:
        """Write parameters and buffers to a safetensors file, in place if possible."""

    def save_weights(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Write parameters and buffers to a new safetensors file with metadata."""

    def load_weights(self, file: Path, device: str) -> None:
        """Load all parameters and buffers; raise any exception if they are not the net's."""

    def fit_weights(self, file: Path, device: str, classes: int | None) -> Fitting:
        """Load the initial weights in a file as far as they fit the net."""

    def state(self) -> Any:
        """Return the state besides the weights, as ``torch.load(weights_only=True)`` reads it."""

    def restore_state(self, state: Any) -> None:
        """Restore the result of `state` in a net that has been set up and has its weights."""


def adapter_of(net: Any, name: str = "") -> NetAdapter:
    """Return the adapter of a net.

    Args:
        net: The net.
        name: Name of the net, for error messages.

    Raises:
        ContractError: The net is neither a `torch.nn.Module` nor a `ForeignNet`.
    """
    return TorchAdapter(net, name) if isinstance(net, nn.Module) else ForeignAdapter(net, name)


def finite_buffers(net: Any) -> frozenset[str]:
    """Return the names of the floating-point and complex buffers of a net that are finite."""
    return adapter_of(net).finite_buffers()


def check_weights(net: Any, buffers: Collection[str] = ()) -> None:
    """Raise `NotFiniteError` if a parameter, or one of these buffers, is NaN or infinite.

    Args:
        net: The net.
        buffers: Names of the buffers that were finite before training. Others may be infinite
            from the start, for example a mask of minus infinity or a running minimum.
    """
    adapter_of(net).check_weights(buffers)
