"""Detect NaN and infinite values in the outputs and the weights of nets."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lemur_core.errors import NotFiniteError


class Outputs:
    """The outputs of a net for each batch of a split, checked without waiting for a GPU.

    Args:
        split: Name of the split.
    """

    def __init__(self, split: str) -> None:
        self._split = split
        self._batches: list[Tensor] = []

    def record(self, outputs: Any) -> None:
        """Record the outputs of one batch: tensors, and lists, tuples and mappings of them."""
        # Zero times a value is NaN if the value is not finite, and cannot overflow.
        total = torch.zeros(())
        for tensor in _numbers(outputs):
            low, high = tensor.aminmax()
            total = total + low * 0 + high * 0
        self._batches.append(total)

    def check(self) -> None:
        """Raise `NotFiniteError`, naming the first batch with a value that is not finite."""
        device = self._batches[-1].device if self._batches else None
        for number, finite in enumerate(_finite(self._batches, device), 1):
            if not finite:
                raise NotFiniteError(
                    f"outputs are not finite: in evaluation the net gives NaN or infinity for "
                    f"batch {number} of the {self._split} split"
                )

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Raise `NotFiniteError` instead of an exception that NaN or infinite outputs caused."""
        try:
            yield
        # A metric may raise anything if it is given NaN.
        except Exception:
            self.check()
            raise


def finite_buffers(net: nn.Module) -> frozenset[str]:
    """Return the names of the floating-point and complex buffers that are finite."""
    return frozenset(
        name
        for name, buffer in net.named_buffers()
        if (buffer.is_floating_point() or buffer.is_complex()) and buffer.isfinite().all()
    )


def check_weights(net: nn.Module, buffers: Collection[str] = ()) -> None:
    """Raise `NotFiniteError` if a parameter, or one of these buffers, is NaN or infinite.

    Args:
        net: The net.
        buffers: Names of the buffers that were finite before training. Others may be infinite
            from the start, for example a mask of minus infinity or a running minimum.
    """
    weights = {f"parameter {name}": value.detach() for name, value in net.named_parameters()}
    weights |= {f"buffer {name}": value for name, value in net.named_buffers() if name in buffers}
    # A sum is finite only if all values are. Checking each value takes seven times as long; it is
    # only needed for the rare net whose finite weights have an infinite sum.
    sums = [value.sum() for value in weights.values()]
    if all(_finite(sums, sums[0].device if sums else None)):
        return
    for name, value in weights.items():
        if not value.isfinite().all():
            raise NotFiniteError(f"{name} is not finite")


def check_number(what: str, value: float) -> float:
    """Return a number, or raise `NotFiniteError` if it is NaN or infinite."""
    if not math.isfinite(value):
        raise NotFiniteError(f"{what} is {value}")
    return value


def _finite(scalars: Collection[Tensor], device: torch.device | None) -> list[bool]:
    # Copy all flags at once, as each copy from a GPU synchronises with it.
    flags = [scalar.isfinite().to(device) for scalar in scalars]
    finite: list[bool] = torch.stack(flags).tolist() if flags else []
    return finite


def _numbers(outputs: Any) -> Iterator[Tensor]:
    """Yield the non-empty floating-point tensors in a net's outputs, complex ones as real."""
    if isinstance(outputs, Mapping):
        outputs = outputs.values()
    elif isinstance(outputs, float | np.ndarray):
        outputs = torch.as_tensor(outputs)
    if isinstance(outputs, Tensor):
        tensor = outputs.detach()
        tensor = (tensor.to_dense() if tensor.is_sparse else tensor).as_subclass(Tensor)
        if tensor.is_complex():
            tensor = torch.view_as_real(tensor.resolve_conj())
        if tensor.is_floating_point() and tensor.numel():
            yield tensor
    elif not isinstance(outputs, str | bytes) and isinstance(outputs, Collection):
        for item in outputs:
            yield from _numbers(item)
