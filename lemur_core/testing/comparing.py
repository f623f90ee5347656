"""Compare what nets and loaders give."""

from __future__ import annotations

from typing import Any

import torch


def same(one: Any, two: Any) -> bool:
    """Return whether two are equal: tensors, numbers, and lists and dictionaries of them."""
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[name], two[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return torch.equal(torch.as_tensor(one), torch.as_tensor(two))
