"""Scale to 0..1, with or without resizing."""

from __future__ import annotations

from functools import partial

from lemur_core.kinds.transform import Normalisation, by_size
from lemur_vision_cls.transforms.norm import Norm


class Echo(Norm):
    """Transform images as `Norm` does, but only scale them to 0..1."""

    def __init__(
        self, normalisation: Normalisation, size: int | None = None, *, flip: bool = False
    ) -> None:
        channels = len(normalisation.mean)
        super().__init__(Normalisation((0.0,) * channels, (1.0,) * channels), size, flip=flip)


echo, echo_flip = Echo, partial(Echo, flip=True)
__getattr__ = by_size({"echo_N": Echo, "echo_N_flip": echo_flip})
