"""The nets of other libraries that ours are compared with; nothing else of the plugin uses them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate
from torchvision import models
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from lemur_core.kinds.loader import IGNORED


@dataclass(frozen=True)
class Reference:
    """Another implementation of a net.

    Attributes:
        build: Called with the number of classes, gives the net for images of 3 channels, whose
            tensors come in the order of ours.
        scores: From the net and images to the scores of each pixel.
        loss: From the net, images and targets to the mean loss.
        prm: What ours is built with, where its smallest values are not the reference's.
    """

    build: Callable[[int], nn.Module]
    scores: Callable[[nn.Module, Tensor], Tensor]
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]
    prm: dict[str, Any] = field(default_factory=dict)


def torchvision(name: str, **prm: Any) -> Reference:
    """Return one of torchvision, whose loss is what its training script takes."""

    def build(classes: int) -> nn.Module:
        return models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)

    def scores(net: nn.Module, images: Tensor) -> Tensor:
        return net(images)["out"]

    def loss(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(scores(net, images), targets, ignore_index=IGNORED)

    return Reference(build, scores, loss, prm)


def segformer(classes: int) -> nn.Module:
    """Return transformers' SegFormer, whose configuration is by default that of B0."""
    return SegformerForSemanticSegmentation(
        SegformerConfig(num_labels=classes, semantic_loss_ignore_index=IGNORED)
    )


def upsampled(net: nn.Module, images: Tensor) -> Tensor:
    # It gives a fourth of the size, and upsamples only for its loss.
    return interpolate(net(images).logits, images.shape[-2:], mode="bilinear")


REFERENCES = {
    "DeepLabV3-1": torchvision("deeplabv3_resnet50"),
    "DeepLabV3-2": torchvision("deeplabv3_resnet101"),
    "FCN32s-1": torchvision("fcn_resnet50"),
    "FCN32s-2": torchvision("fcn_resnet101"),
    "LRASPP": torchvision("lraspp_mobilenet_v3_large"),
    "SegFormer-B0": Reference(
        segformer,
        upsampled,
        lambda net, images, targets: net(images, labels=targets).loss,
    ),
}
