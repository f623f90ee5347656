"""Resize and normalise; mix the images and targets of training batches.

Zhang, Cisse, Dauphin, Lopez-Paz: mixup, ICLR 2018; Yun et al.: CutMix, ICCV 2019.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torchvision.transforms import v2

from lemur_core.kinds.transform import by_size
from lemur_vision_cls.transforms.norm import Norm

if TYPE_CHECKING:
    from torch import Tensor

    from lemur_core.kinds.transform import Normalisation


class Mixing(Norm):
    """Transform images as `Norm` does, and mix training batches.

    Args:
        normalisation: Mean and standard deviation of each channel, for values in 0 to 1.
        kind: torchvision's class.
        alpha: Parameter of the Beta distribution of the other image's fraction.
        size: Height and width in pixels.
    """

    def __init__(
        self, normalisation: Normalisation, kind: type[v2.Transform], alpha: float, size: int
    ) -> None:
        super().__init__(normalisation, size)
        self.kind, self.alpha = kind, alpha

    def mix(
        self, images: Tensor, targets: Tensor, out_shape: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        """Return the mixed images and the probability of each class, shape ``(batch, classes)``."""
        mixed: tuple[Tensor, Tensor] = self.kind(alpha=self.alpha, num_classes=out_shape[0])(
            images, targets
        )
        return mixed


MIXUP = {"kind": v2.MixUp, "alpha": 0.2}
CUTMIX = {"kind": v2.CutMix, "alpha": 1.0}
__getattr__ = by_size({"mixup_N": partial(Mixing, **MIXUP), "cutmix_N": partial(Mixing, **CUTMIX)})
