"""The nets of other libraries that ours are compared with; nothing else of the plugin uses them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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


REFERENCES = {
    # At 256 px AlexNet pools 7x7 to 6x6: at its usual 224 there is nothing to average.
    "AlexNet": Reference(torchvision("alexnet"), 57.04, sizes=(64, 97, 256)),
    "ResNet": Reference(torchvision("resnet18"), 11.18),
    "ShuffleNet": Reference(torchvision("shufflenet_v2_x1_0"), 1.26),
    "SqueezeNet-1": Reference(torchvision("squeezenet1_0"), 0.74),
}
