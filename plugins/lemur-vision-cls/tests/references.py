"""Nets of other libraries for comparison in the tests; the plugin itself does not use them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from pytorchcv.model_provider import get_model
from torch import Tensor, nn
from torchvision import models


@dataclass(frozen=True)
class Reference:
    """Another implementation of a net.

    Attributes:
        build: Returns the net, given the number of classes.
        millions: Published number of parameters for 10 classes, in millions.
        size: Height and width in pixels for which both nets are built.
        sizes: Heights and widths at which the outputs are compared.
        prm: Hyperparameters of our net, if its smallest values differ from the reference.
        state: Returns the reference's tensors in the order of ours, given its state.
    """

    build: Callable[[int], nn.Module]
    millions: float
    size: int = 64
    sizes: tuple[int, ...] = (64, 97)
    prm: dict[str, Any] = field(default_factory=dict)
    state: Callable[[dict[str, Tensor]], list[Tensor]] = lambda state: list(state.values())


def torchvision(name: str, **options: Any) -> Callable[[int], nn.Module]:
    return lambda classes: models.get_model(name, weights=None, num_classes=classes, **options)


def of_timm(name: str, **options: Any) -> Callable[[int], nn.Module]:
    return lambda classes: timm.create_model(name, num_classes=classes, **options)


def of_pytorchcv(name: str) -> Callable[[int], nn.Module]:
    """Build a net of pytorchcv whose last pooling accepts maps of any size."""

    def build(classes: int) -> nn.Module:
        net = get_model(name, num_classes=classes)
        net.features.final_pool = nn.AdaptiveAvgPool2d(1)
        return net

    return build


def maxvit(size: int, **options: Any) -> Callable[[int], nn.Module]:
    """Build torchvision's maxvit_t for a size, with windows as large as the last map."""
    return lambda classes: models.MaxVit(
        input_size=(size, size),
        stem_channels=64,
        partition_size=size // 32,
        block_channels=[64, 128, 256, 512],
        block_layers=[2, 2, 5, 2],
        head_dim=32,
        num_classes=classes,
        **{"stochastic_depth_prob": 0.2} | options,
    )


def without_indices(state: dict[str, Tensor]) -> list[Tensor]:
    """Leave out tables of offsets, which our nets do not store."""
    return [value for name, value in state.items() if not name.endswith("position_index")]


def positions_second(state: dict[str, Tensor]) -> list[Tensor]:
    """Move the position table, torchvision's fourth tensor, behind the class token."""
    token, *patches, positions = list(state.values())[:4]
    return [token, positions, *patches, *list(state.values())[4:]]


def flat_norms(state: dict[str, Tensor]) -> list[Tensor]:
    """Reshape the parameters of global response normalisation for broadcasting."""
    return [value[:, None, None] if ".grn." in name else value for name, value in state.items()]


def regnet(classes: int) -> nn.Module:
    # It computes its widths with tensors, which must not be on the meta device.
    with torch.device("cpu"):
        return torchvision("regnet_y_400mf")(classes)


def darknet(classes: int) -> nn.Module:
    """Return timm's net, with Darknet's slope in its leaky ReLUs."""
    net = of_timm("darknet53")(classes)
    for module in net.modules():
        if isinstance(module, nn.LeakyReLU):
            module.negative_slope = 0.1
    return net


class PooledICNet(nn.Module):
    """pytorchcv's ICNet up to the last fusion, without the label guidance."""

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
    "AirNet": Reference(of_pytorchcv("airnet50_1x64d_r2"), 25.40, sizes=(64, 61)),
    "AirNext": Reference(of_pytorchcv("airnext50_32x4d_r2"), 25.58, sizes=(64, 61)),
    # At 256 px AlexNet pools 7x7 to 6x6; at the usual 224 px there is nothing to average.
    "AlexNet": Reference(torchvision("alexnet"), 57.04, sizes=(64, 97, 256)),
    "BagNet": Reference(of_pytorchcv("bagnet17"), 14.18, sizes=(48, 61)),
    "ConvNeXt": Reference(torchvision("convnext_small"), 49.46),
    "ConvNeXtV2": Reference(of_timm("convnextv2_atto"), 3.39, state=flat_norms),
    "DPN107": Reference(of_timm("dpn107"), 84.26, 32, (32, 49), {"norm_eps": 1e-3}),
    "DPN131": Reference(of_timm("dpn131"), 76.59, 32, (32, 49), {"norm_eps": 1e-3}),
    "DPN68": Reference(of_timm("dpn68"), 11.79, prm={"norm_eps": 1e-3}),
    "DarkNet": Reference(darknet, 40.60, 32, (32, 49)),
    "DeiT": Reference(of_timm("deit_tiny_patch16_224"), 5.53, 224, (224,)),
    "DenseNet": Reference(torchvision("densenet121"), 6.96),
    "EfficientNet": Reference(torchvision("efficientnet_b0"), 4.02),
    "EfficientNetV2": Reference(torchvision("efficientnet_v2_s"), 20.19, prm={"norm_eps": 1e-3}),
    "GoogLeNet": Reference(torchvision("googlenet", init_weights=False), 9.96),
    # It takes multiples of 32; from 192 px on, the four levels of its pyramid differ.
    "ICNet": Reference(PooledICNet, 47.48, sizes=(64, 192)),
    "InceptionV3-1": Reference(
        torchvision("inception_v3", init_weights=False, aux_logits=False), 21.81, 75, (75, 97)
    ),
    "InceptionV3-2": Reference(
        torchvision("inception_v3", init_weights=False), 24.37, 299, (75, 299)
    ),
    "MLP-Mixer": Reference(of_timm("mixer_s16_224"), 18.02, 224, (224,)),
    "MNASNet": Reference(torchvision("mnasnet0_75"), 1.90),
    "MaxVit": Reference(maxvit(224), 30.41, 224, (224,), {"norm_eps": 1e-3}, without_indices),
    "MobileNetV2": Reference(torchvision("mobilenet_v2"), 2.24),
    "MobileNetV3": Reference(torchvision("mobilenet_v3_small"), 1.53, prm={"norm_eps": 1e-3}),
    "MobileNetV4": Reference(of_timm("mobilenetv4_conv_small"), 2.51),
    "RegNet": Reference(regnet, 3.91),
    "RepVGG": Reference(of_timm("repvgg_a0"), 7.84),
    "ResNet": Reference(torchvision("resnet18"), 11.18),
    "ResNet-50": Reference(torchvision("resnet50"), 23.53),
    "ShuffleNet": Reference(torchvision("shufflenet_v2_x1_0"), 1.26),
    "SqueezeNet-1": Reference(torchvision("squeezenet1_0"), 0.74),
    "SqueezeNet-2": Reference(torchvision("squeezenet1_1"), 0.73),
    "SwinTransformer": Reference(torchvision("swin_t"), 27.53, state=without_indices),
    "VGG": Reference(torchvision("vgg11"), 128.81, sizes=(64, 97)),
    "VisionTransformer": Reference(
        torchvision("vit_b_16"), 85.81, 224, (224,), state=positions_second
    ),
    "WideResNet-28-10": Reference(of_pytorchcv("wrn28_10_cifar10"), 36.48, 32, (32, 37)),
}
