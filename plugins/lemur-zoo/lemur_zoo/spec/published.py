"""The 27 published model zoos, and those of EuroSAT.

Schürholt, Taskiran, Knyazev, Giró-i-Nieto, Borth: Model Zoos: A Dataset of Diverse Populations of
Neural Network Models, NeurIPS 2022. The values are those of their published generators, which give
the 50,360 members of the paper; its Table 1 prints others for SVHN and ResNet-18. The zoos
of EuroSAT have the factors of those of CIFAR-10. ``digits-small`` is lemur's own, for a first try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_zoo.spec.factors import read_factors
from lemur_zoo.spec.spec import CROP, FLIP, ZooSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INITS = ["uniform", "normal", "kaiming_uniform", "kaiming_normal"]
_ACTIVATIONS = ["tanh", "sigmoid", "relu", "gelu"]
_ALL = {"init": _INITS, "activation": _ACTIVATIONS}
_BOTH = {**_ALL, "optimizer": ["adam", "sgd"], "lr": [1e-3, 1e-4], "dropout": [0.0, 0.5]}
_MILD = {**_BOTH, "weight_decay": [1e-3, 1e-4]}
_STRONG = {**_BOTH, "weight_decay": [1e-2, 1e-3]}
_OF_CIFAR = {**_STRONG, "lr": 1e-3}
_OF_SVHN = {
    **_ALL, "optimizer": "sgd", "lr": [1e-2, 1e-3, 1e-4], "weight_decay": [0.0, 1e-3, 1e-1],
    "dropout": [0.0, 0.3, 0.5],
}  # fmt: skip


class _Images(NamedTuple):
    """The images of a family of zoos: what their names begin with, and where they come from."""

    name: str
    dataset: str
    net: str
    px: int
    channels: int
    validation: int | None


def _seed(init: str, activation: str, lr: float, weight_decay: float) -> dict[str, Any]:
    return {"init": init, "activation": activation, "lr": lr, "weight_decay": weight_decay}


_CIFAR_SEED = _seed("kaiming_uniform", "gelu", 1e-4, 1e-2)
_STL_SEED = _seed("kaiming_uniform", "tanh", 1e-4, 1e-3)
_COLOUR: list[tuple[str, int | None, Mapping[str, Any], Mapping[str, Any]]] = [
    ("cifar-10", 8_000, _CIFAR_SEED, _OF_CIFAR),
    ("stl-10", 800, _STL_SEED, _STRONG),
    ("eurosat", None, _CIFAR_SEED, _OF_CIFAR),
]
_SMALL: list[tuple[_Images, Mapping[str, Any], Mapping[str, Any]]] = [
    (_Images("mnist", "mnist", "CNN-S", 28, 1, 10_000), _seed("uniform", "tanh", 3e-4, 0.0), _MILD),
    (
        _Images("f-mnist", "fashion-mnist", "CNN-S", 28, 1, 10_000),
        _seed("uniform", "tanh", 3e-4, 0.0),
        _MILD,
    ),
    (
        _Images("svhn", "svhn", "CNN-S", 28, 1, 13_257),
        _seed("uniform", "tanh", 3e-3, 0.0),
        _OF_SVHN,
    ),
    (
        _Images("usps", "usps", "CNN-S", 28, 1, 1_291),
        _seed("uniform", "tanh", 3e-4, 1e-3),
        _STRONG,
    ),
    *(
        (_Images(f"{name}-{size}", name, net, px, 3, validation), seed, grid)
        for name, validation, seed, grid in _COLOUR
        for size, net, px in (("small", "CNN-S", 28), ("medium", "CNN-M", 32))
    ),
]
_RESNET = [
    # Dataset, px, held out, largest learning rate, batch, epochs.
    ("cifar-10", 32, 10_000, 0.05, 256, 50),
    ("cifar-100", 32, 10_000, 0.1, 128, 60),
    ("tiny-imagenet", 64, None, 0.1, 128, 60),
]


def _spec(images: _Images, kind: str, factors: Mapping[str, Any], **others: Any) -> ZooSpec:
    name, dataset, net, px, channels, validation = images
    full = f"{name}-{kind}" if kind else name
    read = read_factors(full, factors, drawn=False)
    return ZooSpec(full, dataset, net, read, px, channels, validation=validation, **others)


def _specs() -> Iterator[ZooSpec]:
    for images, seed, grid in _SMALL:
        yield _spec(images, "seed", seed, repeats=1_000)
        yield _spec(images, "hyp-10-fix", grid, repeats=10)
        yield _spec(images, "hyp-10-rand", grid, repeats=10, seeds="random")
    for dataset, px, validation, lr, batch, epochs in _RESNET:
        factors = {
            **_seed("kaiming_uniform", "relu", lr, 5e-4),
            "optimizer": "sgd", "schedule": "onecycle", "batch": batch,
        }  # fmt: skip
        images = _Images(f"{dataset}-resnet-18", dataset, "ResNet-18", px, 3, validation)
        augment = (FLIP,) if dataset == "tiny-imagenet" else (CROP, FLIP)
        yield _spec(
            images, "seed", factors, repeats=1_000, epochs=epochs, width=64, augment=augment
        )
    digits = _Images("digits-small", "digits", "CNN-S", 28, 1, 200)
    factors = {"init": ["uniform", "kaiming_uniform"], "activation": ["tanh", "gelu"], "lr": 1e-3}
    yield _spec(digits, "", factors, repeats=10, epochs=10)


PUBLISHED: dict[str, ZooSpec] = {spec.name: spec for spec in _specs()}
"""The published specifications by name."""
