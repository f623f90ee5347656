"""The names of factors, layers and scores in the published layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.errors import hint
from lemur_zoo.spec.factors import FACTORS
from lemur_zoo.storage.header import ZooError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_zoo.spec.spec import Value

KEYS = {
    "init": "model::init_type",
    "activation": "model::nlin",
    "optimizer": "optim::optimizer",
    "lr": "optim::lr",
    "momentum": "optim::momentum",
    "weight_decay": "optim::wd",
    "dropout": "model::dropout",
    "schedule": "optim::scheduler",
    "batch": "training::batchsize",
}
"""Names of the factors in ``params.json``."""
SCORE_KEYS = {
    "train_loss": ("train_loss",),
    "train_accuracy": ("train_acc",),
    "validation_loss": ("validation_loss", "val_loss"),
    "validation_accuracy": ("validation_acc", "val_acc"),
    "test_loss": ("test_loss",),
    "test_accuracy": ("test_acc",),
}
"""Names of the scores in ``result.json``, the first of which is written."""
UNKNOWN = -999
"""Stands for scores that were not measured."""
SPLITS = {"train": "trainset", "validation": "valset", "test": "testset"}
ITERATION = "training_iteration"
_SCHEDULES = {"OneCycleLR": "onecycle"}
# Numbers of the layers with parameters among the modules of the published nets, without and with
# dropout. The larger net has its dropout modules in any case.
MODULES = {
    "CNN-S": ((0, 3, 6, 9, 11), (0, 4, 8, 11, 14)),
    "CNN-M": ((0, 4, 8, 13, 16), (0, 4, 8, 13, 16)),
}


def values_of(config: Mapping[str, Any], place: str) -> dict[str, Value]:
    """Return the values of the factors in a member's configuration.

    A factor that it does not name has lemur's default, and no schedule is a constant one.

    Raises:
        ZooError: The factor cannot have a value.
    """
    values = {}
    for name, factor in FACTORS.items():
        value = config.get(KEYS[name])
        if name == "schedule":
            value = _SCHEDULES.get(str(value), value) or "constant"
        if value is None:
            value = factor.default
        if not factor.accepts(value):
            raise ZooError(f"{place}: {KEYS[name]} is {value!r}; expected {factor.expected}")
        values[name] = float(value) if isinstance(factor.default, float) else value
    return values


def config_of(values: Mapping[str, Value], seed: int) -> dict[str, Any]:
    """Return the configuration of a member from the values of its factors."""
    config: dict[str, Any] = {KEYS[name]: value for name, value in values.items()}
    if config.pop(KEYS["schedule"]) == "onecycle":
        config[KEYS["schedule"]] = "OneCycleLR"
    return {**config, "seed": seed}


def module_numbers(net: str, *, dropout: bool) -> tuple[int, ...]:
    """Return the numbers of the layers of a published net in its state dictionary.

    Raises:
        ZooError: The net is not a published one.
    """
    if net not in MODULES:
        raise ZooError(
            f"net {net!r} has no published layout{hint(net, [*MODULES])}; read its zoo with "
            "lemur_zoo.Zoo"
        )
    return MODULES[net][dropout]
