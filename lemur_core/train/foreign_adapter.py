"""The access of training to a net of another framework than torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from lemur_core.errors import ContractError, MisfitError, NotFiniteError
from lemur_core.kinds.foreign_net import as_foreign_net
from lemur_core.train.fitting_weights import Fitting, listed, shape_text
from lemur_core.train.torch_options import refusal, torch_option

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from lemur_core.kinds.foreign_net import Arrays

_PLAIN = (bool, int, float, str, type(None))


class ForeignAdapter:
    """Implements `lemur_core.train.net_adapter.NetAdapter` with the methods of `ForeignNet`.

    Args:
        net: The net.
        name: Name of the net, for error messages.

    Raises:
        ContractError: The net lacks a method.
    """

    # Frameworks have threads, which a fork lacks.
    may_fork = False

    def __init__(self, net: Any, name: str) -> None:
        self._net, self._name = as_foreign_net(net, name), name

    def check_options(self, prm: Mapping[str, Any], device: torch.device) -> None:
        """Raise `MisfitError` if an option only exists for torch nets."""
        if option := torch_option(prm):
            raise MisfitError(refusal(self._name, option))
        if device.type != "cpu":
            line = refusal(self._name, f"device {str(device)!r}", "choose --device cpu")
            raise MisfitError(line)

    def place(self, device: torch.device) -> None:
        """Return: `check_options` refuses all devices but the CPU."""

    def check_outputs(self, outputs: Any) -> None:
        """Raise `ContractError` if the net returned something other than torch tensors."""
        for value in _leaves(outputs):
            if not isinstance(value, Tensor):
                raise ContractError(
                    f"net {self._name!r}: gives {_type(value)}; expected torch tensors, "
                    "for example torch.from_numpy(array)"
                )

    def parameter_count(self) -> int:
        """Return the number of parameters."""
        return sum(array.size for array in self._net.parameter_arrays().values())

    def configure(self, prm: Mapping[str, Any]) -> None:
        """Return: `check_options` refuses what could be configured."""

    def freeze(self, patterns: Sequence[str], inputs: Any, drawn: Collection[str]) -> NoReturn:
        """Raise `MisfitError`."""
        raise MisfitError(refusal(self._name, f"--freeze {','.join(patterns)}"))

    def finite_buffers(self) -> frozenset[str]:
        """Return the names of the floating-point and complex buffers that are finite."""
        return frozenset(
            name
            for name, array in self._net.buffer_arrays().items()
            if np.issubdtype(array.dtype, np.inexact) and _is_finite(array)
        )

    def check_weights(self, buffers: Collection[str]) -> None:
        """Raise `NotFiniteError` if a parameter or one of these buffers is not finite."""
        weights = {f"parameter {name}": at for name, at in self._net.parameter_arrays().items()}
        known = self._net.buffer_arrays()
        weights |= {f"buffer {name}": known[name] for name in known if name in buffers}
        for name, array in weights.items():
            if not _is_finite(array):
                raise NotFiniteError(f"{name} is not finite")

    @contextmanager
    def preserve_mode(self) -> Iterator[None]:
        """Enter training mode again on exit: only during an epoch is a mode preserved."""
        try:
            yield
        finally:
            self._net.train()

    def write_weights(self, file: Path) -> None:
        """Write parameters and buffers to a file."""
        self.save_weights(file, {})

    def save_weights(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Write parameters and buffers to a file with metadata."""
        save_file(self._arrays(), str(file), dict(metadata))

    def load_weights(self, file: Path, device: str) -> None:
        """Load the parameters and buffers in a file, which are all those of the net.

        Raises:
            ContractError: They are not those of the net.
        """
        arrays = load_file(str(file))
        if faults := self._faults(arrays):
            raise ContractError("; ".join(faults))
        self._net.load_arrays(arrays)

    def fit_weights(self, file: Path, device: str, classes: int | None) -> Fitting:
        """Load the initial weights in a file if they are all those of the net."""
        arrays = load_file(str(file))
        faults = self._faults(arrays)
        if not faults:
            self._net.load_arrays(arrays)
        return Fitting({}, faults)

    def state(self) -> Any:
        """Return the training state with tensors in place of arrays."""
        return _encoded(dict(self._net.training_state()), "training_state()")

    def restore_state(self, state: Any) -> None:
        """Restore the result of `state`."""
        self._net.load_training_state(_decoded(state))

    def _arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return parameters and buffers, each contiguous.

        Raises:
            ContractError: A value is not an array, or two have one name.
        """
        parameters, buffers = self._net.parameter_arrays(), self._net.buffer_arrays()
        for name in parameters.keys() & buffers.keys():
            raise ContractError(f"{name!r} is a parameter and a buffer")
        arrays = {**parameters, **buffers}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise ContractError(f"{name!r} is {_type(array)}; expected an array of NumPy")
        return {
            name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()
        }

    def _faults(self, arrays: Arrays) -> list[str]:
        """Return how arrays differ from those of the net in names, shapes and types."""
        own = self._arrays()
        faults = listed("missing", own.keys() - arrays.keys())
        faults += listed("unexpected", arrays.keys() - own.keys())
        return (
            faults
            + [
                f"{name} is {_described(arrays[name])}, the net's {_described(array)}"
                for name, array in own.items()
                if name in arrays and _described(arrays[name]) != _described(array)
            ][:1]
        )


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__name__}"


def _described(array: np.ndarray[Any, Any]) -> str:
    return f"{array.dtype} {shape_text(array.shape)}"


def _is_finite(array: np.ndarray[Any, Any]) -> bool:
    return bool(np.isfinite(array).all())


def _leaves(outputs: Any) -> Iterator[Any]:
    if isinstance(outputs, Mapping):
        outputs = list(outputs.values())
    if not isinstance(outputs, list | tuple):
        yield outputs
        return
    for item in outputs:
        yield from _leaves(item)


def _encoded(value: Any, name: str) -> Any:
    """Return a value of a training state with tensors in place of arrays, which are copied.

    Raises:
        ContractError: The value has another type.
    """
    if isinstance(value, np.ndarray | np.generic):
        # The format has no types of other byte orders.
        native = np.asarray(value).astype(value.dtype.newbyteorder("="), order="C")
        try:
            return torch.from_numpy(native)
        except TypeError:
            raise ContractError(
                f"{name} is an array of {value.dtype}, a type that torch does not have; store "
                "another type"
            ) from None
    if isinstance(value, Mapping):
        return {_key(key, name): _encoded(item, f"{name}[{key!r}]") for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_encoded(item, f"{name}[{at}]") for at, item in enumerate(value))
    if type(value) not in _PLAIN:
        raise ContractError(
            f"{name} is {_type(value)}; expected arrays of NumPy, numbers, "
            "texts, None, and lists, tuples and dictionaries of them"
        )
    return value


def _key(key: Any, name: str) -> Any:
    # Reading the state would fail for other types.
    if type(key) not in _PLAIN:
        raise ContractError(f"{name} has the key {key!r}; expected texts and numbers")
    return key


def _decoded(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {key: _decoded(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_decoded, value))
    return value
