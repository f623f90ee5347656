"""Create random images for the contract tests, and check images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lemur_core.errors import ContractError

EXAMPLE_CLASSES = 10
_DIMENSIONS = 3


def expect(condition: object, otherwise: str) -> None:
    """Raise `ContractError` unless a condition holds."""
    if not condition:
        raise ContractError(otherwise)


def check_image(image: Any) -> None:
    """Check that an image is a uint8 tensor of shape ``(channels, height, width)``.

    Raises:
        ContractError: The image has another type, dtype or number of dimensions.
    """
    is_tensor = isinstance(image, Tensor)
    expect(is_tensor, f"images are {type(image).__name__}; expected uint8 tensors")
    expect(image.dtype == torch.uint8, f"images are {image.dtype}; expected uint8")
    shape = tuple(image.shape)
    expect(len(shape) == _DIMENSIONS, f"images are {shape}; expected (C, H, W)")


def random_images(count: int, channels: int, size: int, dtype: torch.dtype) -> Tensor:
    """Return random inputs for nets, the same for each call.

    Returns:
        ``dtype``, shape ``(count, channels, size, size)``, with mean 0 and standard deviation 1.
    """
    drawn = torch.Generator().manual_seed(count)
    return torch.randn(count, channels, size, size, generator=drawn, dtype=dtype)


def random_pictures(count: int, channels: int, size: int) -> Tensor:
    """Return the same random images each time, uint8, ``(count, channels, size, size)``."""
    drawn = torch.Generator().manual_seed(0)
    shape = (count, channels, size, size)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=drawn)
