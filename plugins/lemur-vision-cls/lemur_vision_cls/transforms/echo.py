"""Scaled to 0..1, at the images' own size, and nothing else."""

from __future__ import annotations

from torch import Tensor, nn

from lemur_core.kinds.transform import Normalisation


class Echo(nn.Module):
    """Images, uint8 ``(batch, channels, H, W)``, to float32 of the same shape, 0 to 1."""

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()

    def forward(self, images: Tensor) -> Tensor:
        """Return the images as the net is fed them."""
        return images.float() / 255
