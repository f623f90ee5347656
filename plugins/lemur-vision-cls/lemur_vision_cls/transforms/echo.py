"""Scale to 0..1, with or without resizing."""

from __future__ import annotations

from functools import partial

from lemur_core.kinds.transform import Normalisation
from lemur_vision_cls.transforms.norm import Norm
from lemur_vision_cls.transforms.sizes import SIZES


class Echo(Norm):
    """Transform images as `Norm` does, but only scale them to 0..1."""

    def __init__(
        self, normalisation: Normalisation, size: int | None = None, *, flip: bool = False
    ) -> None:
        channels = len(normalisation.mean)
        super().__init__(Normalisation((0.0,) * channels, (1.0,) * channels), size, flip=flip)


echo, echo_flip = Echo, partial(Echo, flip=True)
globals().update({f"echo_{size}": partial(Echo, size=size) for size in SIZES})
globals().update({f"echo_{size}_flip": partial(Echo, size=size, flip=True) for size in SIZES})
