"""The registered twins, and the entries of their nets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.twin import LIBRARY, Twin, twin_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@dataclass(frozen=True)
class TwinNets:
    """What the entries of the nets of a twin have in common.

    Attributes:
        twin: The twin.
        module: Name of the nets' modules.
        summary: One line for people.
        min_size: The smallest height and width of images.
        prm: Fixed hyperparameters.
    """

    twin: Twin
    module: str
    summary: str
    min_size: int
    prm: Mapping[str, Any] = field(default_factory=dict)

    def target(self, framework: str) -> str:
        """Return the module of the net in a framework."""
        return f"lemur_twins.nets.{FRAMEWORKS[framework].backend}.{self.module}"


_MINI = {"stages": "1-1-2", "width": 16, "hidden": 64}
_VGG16 = {"stages": "2-2-3-3-3", "width": 64, "hidden": 4096, "norm": "none"}
# In tests, their architecture with fewer channels and blocks.
_SMALL_BLOCKS = {"stages": "1-1-1-1", "width": 4}

TWINS: dict[str, TwinNets] = {
    "CNN-S": TwinNets(
        twin_of("CNN-S", image=(1, 28, 28)),
        "CNN_S",
        "Three convolutions and two linear layers: the model zoos' small net",
        28,
    ),
    "CNN-M": TwinNets(
        twin_of("CNN-M"),
        "CNN_M",
        "Three convolutions and two linear layers: the model zoos' larger net",
        22,
    ),
    "MLP": TwinNets(
        twin_of("MLP", image=(1, 8, 8), prm={"width": 16}),
        "MLP",
        "Two hidden linear layers with layer normalisation",
        1,
    ),
    "VGG-mini": TwinNets(
        twin_of("VGG-mini", image=(1, 8, 8)),
        "VGG",
        "Four convolutions and three linear layers",
        8,
        _MINI | {"norm": "none"},
    ),
    "VGG-mini-BN": TwinNets(
        twin_of("VGG-mini-BN", image=(1, 8, 8)),
        "VGG",
        "VGG-mini with batch normalisation",
        8,
        _MINI | {"norm": "batch"},
    ),
    "VGG-mini-GN": TwinNets(
        twin_of("VGG-mini-GN", image=(1, 8, 8)),
        "VGG",
        "VGG-mini with group normalisation",
        8,
        _MINI | {"norm": "group"},
    ),
    "VGG16": TwinNets(
        twin_of("VGG16", prm={"stages": "1-1-1-1-1", "width": 4, "hidden": 16}),
        "VGG",
        "VGG16 whose head reads 512 features of an image of 32x32",
        32,
        _VGG16,
    ),
    "ResNet50": TwinNets(
        twin_of("ResNet50", image=(3, 64, 64), prm=_SMALL_BLOCKS, tolerance=1e-5),
        "ResNet",
        "ResNet50 with the stride on the 3x3 convolutions",
        32,
        {"stages": "3-4-6-3", "width": 64},
    ),
    "DenseNet121": TwinNets(
        twin_of(
            "DenseNet121",
            image=(3, 64, 64),
            prm=_SMALL_BLOCKS | {"growth": 4},
            tolerance=1e-4,
        ),
        "DenseNet",
        "DenseNet121, with each framework's own initial weights",
        32,
        {"stages": "6-12-24-16", "width": 64, "growth": 32},
    ),
} | {
    f"{name}-library": TwinNets(
        twin_of(f"{name}-library", LIBRARY, leave_out=("jax",)),
        "library",
        f"{name} as torchvision and keras.applications define it",
        32,
        {"model": name},
    )
    for name in ("VGG16", "ResNet50", "DenseNet121")
}
"""The twins by name."""


def __getattr__(name: str) -> Twin:
    # An entry's target is an attribute: ``VGG_mini`` for the twin ``VGG-mini``.
    twin = TWINS.get(name.replace("_", "-"))
    if twin is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return twin.twin
