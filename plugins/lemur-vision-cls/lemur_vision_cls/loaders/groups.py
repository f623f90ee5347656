"""Split samples so that those that belong together, such as photographs of one object, stay so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
_SEED = 0


def split_by_group(groups: Sequence[str], kinds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the indices of training, validation and test samples, always the same.

    A fifth of the groups of each kind are for testing, and a tenth of the others for validation. No
    group is in two splits.

    Args:
        groups: The group of each sample.
        kinds: The kind of each sample, int64, shape ``(samples,)``, such as its class. A group is
            of the kind of its first sample.

    Returns:
        int64 tensors, sorted.
    """
    kind_of: dict[str, int] = {}
    for group, kind in zip(groups, kinds.tolist(), strict=True):
        kind_of.setdefault(group, kind)
    split_of: dict[str, int] = {}
    generator = torch.Generator().manual_seed(_SEED)
    for kind in sorted(set(kind_of.values())):
        members = sorted(group for group in kind_of if kind_of[group] == kind)
        order = torch.randperm(len(members), generator=generator).tolist()
        tested = round(TEST_SHARE * len(members))
        held_out = round(VALIDATION_SHARE * (len(members) - tested))
        for place, member in enumerate(order):
            split_of[members[member]] = 2 if place < tested else int(place < tested + held_out)
    splits = torch.tensor([split_of[group] for group in groups])
    train, validation, test = ((splits == split).nonzero().flatten() for split in range(3))
    return train, validation, test
