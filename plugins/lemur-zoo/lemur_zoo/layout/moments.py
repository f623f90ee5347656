"""Read the states of optimizers in the published layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lemur_zoo.layout.files import DamagedError, read_dictionary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray

    from lemur_zoo.parameters import Parameter


class Moments(NamedTuple):
    """The state of a member's optimizer.

    Attributes:
        first: Adam's mean of the gradients or SGD's momentum buffer, shape ``(parameters,)``.
        second: Adam's mean of the squared gradients, of the same shape.
        steps: Number of steps.
    """

    first: NDArray[float32]
    second: NDArray[float32]
    steps: int


def read_moments(checkpoint: Path, parameters: Sequence[Parameter]) -> Moments:
    """Return the state of the optimizer beside a checkpoint; zeros if it is not stored.

    Raises:
        DamagedError: The file cannot be read, or is not the state of an optimizer.
    """
    path = checkpoint.with_name("optimizer")
    width = sum(parameter.elements for parameter in parameters)
    zeros = np.zeros(width, np.float32)
    states = read_dictionary(path).get("state") if path.is_file() else None
    if not isinstance(states, dict) or len(states) != len(parameters):
        return Moments(zeros, zeros, 0)
    try:
        return _moments([states[number] for number in sorted(states)], zeros)
    except (AttributeError, TypeError, ValueError, RuntimeError):
        raise DamagedError(f"{path}: is not the state of an optimizer") from None


def _moments(rows: Sequence[Mapping[str, Any]], zeros: NDArray[float32]) -> Moments:
    joined = (_joined(rows, *names) for names in (("exp_avg", "momentum_buffer"), ("exp_avg_sq",)))
    first, second = (zeros if row is None or len(row) != len(zeros) else row for row in joined)
    return Moments(first, second, int(rows[0].get("step", 0)))


def _joined(rows: Sequence[Mapping[str, Any]], *names: str) -> NDArray[float32] | None:
    parts = [row[name] for row in rows for name in names if row.get(name) is not None]
    if len(parts) != len(rows):
        return None
    joined: NDArray[float32] = torch.cat([part.reshape(-1) for part in parts]).float().numpy()
    return joined
