"""Preserve the training and evaluation modes of torch's modules."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@contextmanager
def preserve_modes(*roots: nn.Module) -> Iterator[None]:
    """Restore the mode of each module in these modules on exit."""
    modes = [(module, module.training) for root in roots for module in root.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
