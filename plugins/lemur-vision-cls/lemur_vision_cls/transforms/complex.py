"""Scale to 0..1 as complex numbers with imaginary part 0, for complex nets."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from lemur_core.kinds.transform import by_size
from lemur_vision_cls.transforms.echo import Echo


class Complex(Echo):
    """Transform images as `Echo` does, to complex64."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the net's inputs for images, uint8, shape ``(batch, channels, H, W)``."""
        return super().forward(images).to(torch.complex64)


__getattr__ = by_size({"complex_N": Complex, "complex_N_flip": partial(Complex, flip=True)})
