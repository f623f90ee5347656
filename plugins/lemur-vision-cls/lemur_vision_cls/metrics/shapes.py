"""That outputs and targets go together."""

from __future__ import annotations

from torch import Tensor

from lemur_core.errors import ShapeError


def check_shapes(outputs: Tensor, targets: Tensor, classes: int) -> None:
    """Raise `ShapeError` unless the shapes are ``(batch, classes)`` and ``(batch,)``."""
    if targets.ndim != 1 or outputs.shape != (len(targets), classes):
        raise ShapeError(
            f"a score of outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}: "
            f"expected (batch, {classes}) and (batch,)"
        )
