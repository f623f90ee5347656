"""What members predict, and how they represent images."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from lemur_zoo.storage.header import ZooError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import float32, int64
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_zoo.zoo import Zoo

_AT_ONCE = 2_000
CKA_IMAGES = 50
"""Number of images on which representations are compared."""


class MemberOutputs(NamedTuple):
    """The outputs of members on images.

    Attributes:
        classes: Predicted class of each image, shape ``(members, images)``.
        intermediate: Inputs of the last linear layer for the first `CKA_IMAGES` images, shape
            ``(members, images, features)``.
        last: Class scores of these images, shape ``(members, images, classes)``.
    """

    classes: NDArray[int64]
    intermediate: NDArray[float32]
    last: NDArray[float32]


def outputs_of(
    zoo: Zoo,
    members: Sequence[int],
    images: NDArray[float32],
    epoch: int = -1,
    show: Callable[[str], None] = lambda _: None,
) -> MemberOutputs:
    """Return the outputs of members after an epoch.

    Args:
        zoo: The zoo.
        members: Numbers of the members.
        images: Images, prepared as for training, shape ``(images, channels, height, width)``.
        epoch: Number of the epoch; -1 is each member's last.
        show: Called with a line on each member.

    Raises:
        ZooError: The net has no linear layer, or a member does not have the epoch.
    """
    inputs = torch.from_numpy(images)
    rows = []
    for place, member in enumerate(members, 1):
        show(f"member {place} of {len(members)}")
        rows.append(_outputs(zoo.net(member, epoch), inputs))
    classes, intermediate, last = (np.stack(part) for part in zip(*rows, strict=True))
    return MemberOutputs(classes, intermediate, last)


@torch.no_grad()
def _outputs(
    net: nn.Module, inputs: Tensor
) -> tuple[NDArray[int64], NDArray[float32], NDArray[float32]]:
    linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ZooError("the net has no linear layer whose inputs could be compared")
    seen: list[Tensor] = []
    handle = linear[-1].register_forward_hook(lambda _, given, __: seen.append(given[0]))
    try:
        first = net(inputs[:CKA_IMAGES])
        intermediate = seen[0]
    finally:
        handle.remove()
    parts = [net(part).argmax(1) for part in inputs.split(_AT_ONCE)]
    return torch.cat(parts).numpy(), intermediate.numpy(), first.numpy()
