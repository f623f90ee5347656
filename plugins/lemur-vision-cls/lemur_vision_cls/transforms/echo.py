"""Scaled to 0..1, and nothing else: at the images' own size, or resized."""

from __future__ import annotations

from functools import partial

from lemur_core.kinds.transform import Normalisation
from lemur_vision_cls.transforms.norm import Norm
from lemur_vision_cls.transforms.sizes import SIZES


class Echo(Norm):
    """Images, uint8 ``(batch, channels, H, W)``, to float32, 0 to 1; else as `Norm`."""

    def __init__(
        self, normalisation: Normalisation, size: int | None = None, *, flip: bool = False
    ) -> None:
        channels = len(normalisation.mean)
        super().__init__(Normalisation((0.0,) * channels, (1.0,) * channels), size, flip=flip)


echo, echo_flip = Echo, partial(Echo, flip=True)
globals().update({f"echo_{size}": partial(Echo, size=size) for size in SIZES})
globals().update({f"echo_{size}_flip": partial(Echo, size=size, flip=True) for size in SIZES})
