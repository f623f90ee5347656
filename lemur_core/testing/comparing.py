"""Compare the values that nets and loaders return."""

from __future__ import annotations

from typing import Any

import torch


def same(first: Any, second: Any) -> bool:
    """Return whether two tensors, numbers, or lists or dictionaries of them are equal."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            same(first[name], second[name]) for name in first
        )
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return torch.equal(torch.as_tensor(first), torch.as_tensor(second))
