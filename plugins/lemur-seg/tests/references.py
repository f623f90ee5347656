"""Nets of other libraries for comparison in the tests; the plugin itself does not use them."""

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
        build: Returns the net for images of 3 channels, given the number of classes. Its tensors
            are in the order of ours.
        scores: Returns the scores of each pixel, given the net and images.
        loss: Returns the mean loss, given the net, images and targets.
        prm: Hyperparameters of our net, if its smallest values differ from the reference.
    """

    build: Callable[[int], nn.Module]
    scores: Callable[[nn.Module, Tensor], Tensor]
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]
    prm: dict[str, Any] = field(default_factory=dict)


def torchvision(name: str, **prm: Any) -> Reference:
    """Return torchvision's net, with the loss of its training script."""

    def build(classes: int) -> nn.Module:
        return models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)

    def scores(net: nn.Module, images: Tensor) -> Tensor:
        return net(images)["out"]

    def loss(net: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(scores(net, images), targets, ignore_index=IGNORED)

    return Reference(build, scores, loss, prm)


def segformer(classes: int) -> nn.Module:
    """Return transformers' SegFormer, with the configuration of B0 by default."""
    return SegformerForSemanticSegmentation(
        SegformerConfig(num_labels=classes, semantic_loss_ignore_index=IGNORED)
    )


def upsampled(net: nn.Module, images: Tensor) -> Tensor:
    # It returns maps of a quarter of the size, and only upsamples them for its loss.
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
