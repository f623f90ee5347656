"""As ``echo``, in complex numbers whose imaginary part is 0: for nets that compute in them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from lemur_vision_cls.transforms.echo import Echo
from lemur_vision_cls.transforms.sizes import SIZES


class Complex(Echo):
    """Images, uint8 ``(batch, channels, H, W)``, to complex64, 0 to 1; else as `Echo`."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the images as the net is fed them."""
        return super().forward(images).to(torch.complex64)


globals().update({f"complex_{size}": partial(Complex, size=size) for size in SIZES})
globals().update({f"complex_{size}_flip": partial(Complex, size=size, flip=True) for size in SIZES})
