"""The nets of other libraries that ours are compared with; nothing else of the plugin uses them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytorchcv.model_provider import get_model
from torch import Tensor, nn
from torchvision import models


@dataclass(frozen=True)
class Reference:
    """Another implementation of a net.

    Attributes:
        build: Called with the number of classes, gives the net for images of 3 channels.
        millions: Its published parameters for 10 classes, in millions.
        size: Height and width in pixels that both are built for.
        sizes: Those at which their outputs are compared.
        prm: What ours is built with, where its smallest values are not the reference's.
        state: From the reference's state to its tensors in the order of ours.
    """

    build: Callable[[int], nn.Module]
    millions: float
    size: int = 64
    sizes: tuple[int, ...] = (64, 97)
    prm: dict[str, Any] = field(default_factory=dict)
    state: Callable[[dict[str, Tensor]], list[Tensor]] = lambda state: list(state.values())


def torchvision(name: str, **options: Any) -> Callable[[int], nn.Module]:
    return lambda classes: models.get_model(name, weights=None, num_classes=classes, **options)


def pytorchcv(name: str) -> Callable[[int], nn.Module]:
    """Return a net whose last pooling, made for 224 pixels, takes maps of any size."""

    def build(classes: int) -> nn.Module:
        net = get_model(name, num_classes=classes)
        net.features.final_pool = nn.AdaptiveAvgPool2d(1)
        return net

    return build


class PooledICNet(nn.Module):
    """pytorchcv's ICNet up to the last fusion, without what guides it by labels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.net = get_model("icnet_resnetd50b_cityscapes", fixed_size=False)
        for part in (fuse := self.net.final_block, fuse.cff_12, fuse.cff_24):
            part.conv_cls = nn.Identity()
        self.classifier = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        whole = self.net.branch1(images)
        quarter, half = self.net.branch2(images)
        x, _ = self.net.final_block.cff_24(quarter, self.net.conv_y2(half))
        x, _ = self.net.final_block.cff_12(x, whole)
        return self.classifier(x.mean((2, 3)))


REFERENCES = {
    "AirNet": Reference(pytorchcv("airnet50_1x64d_r2"), 25.40, sizes=(64, 61)),
    "AirNext": Reference(pytorchcv("airnext50_32x4d_r2"), 25.58, sizes=(64, 61)),
    # At 256 px AlexNet pools 7x7 to 6x6: at its usual 224 there is nothing to average.
    "AlexNet": Reference(torchvision("alexnet"), 57.04, sizes=(64, 97, 256)),
    "BagNet": Reference(pytorchcv("bagnet17"), 14.18, sizes=(48, 61)),
    # It takes multiples of 32; from 192 on its pyramid's four levels differ.
    "ICNet": Reference(PooledICNet, 47.48, sizes=(64, 192)),
    "ResNet": Reference(torchvision("resnet18"), 11.18),
    "ShuffleNet": Reference(torchvision("shufflenet_v2_x1_0"), 1.26),
    "SqueezeNet-1": Reference(torchvision("squeezenet1_0"), 0.74),
}
