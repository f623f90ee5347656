"""Check the shapes and labels of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import LabelError, ShapeError

if TYPE_CHECKING:
    from torch import Tensor


def check_shapes(outputs: Tensor, targets: Tensor, classes: int) -> None:
    """Check the shapes and labels of one batch.

    Raises:
        ShapeError: The shapes are not ``(batch, classes)`` and ``(batch,)``.
        LabelError: A target on the CPU is not a class. Targets on a GPU are not checked, because
            that would wait for the GPU; the dataset's labels are checked before.
    """
    if targets.ndim != 1 or outputs.shape != (len(targets), classes):
        raise ShapeError(
            f"a score of outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}: "
            f"expected (batch, {classes}) and (batch,)"
        )
    if targets.device.type == "cpu" and len(targets):
        for value in map(int, targets.aminmax()):
            if not 0 <= value < classes:
                raise LabelError(
                    value, f"a target is of class {value}; expected 0 to {classes - 1}"
                )
