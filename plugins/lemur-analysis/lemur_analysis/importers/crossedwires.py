"""Importer for the tables of CrossedWires: pairs of trainings in PyTorch and TensorFlow.

Zvyagin et al., CrossedWires (2021), publish one CSV file per net, for example ``vgg16.csv``, with
the columns `COLUMNS`. Each row becomes two trials, of the nets ``VGG16-PyTorch`` and
``VGG16-TensorFlow``, each with its score at its last epoch. The two trials form a pair in the
collection ``crossedwires-VGG16``, which `lemur_analysis.pairs.of_collections` reads. The columns
``batch_size`` and ``learning_rate`` become the hyperparameters ``batch`` and ``lr``.
"""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.kinds.importer import EpochRecord, Fault, Membership

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = (
    "Name", "adam_epsilon", "batch_size", "learning_rate", "epochs", "pt_test_acc", "tf_test_acc",
    "accuracy_diff",
)  # fmt: skip
SPELLING = {"vgg16": "VGG16", "resnet50": "ResNet50", "densenet121": "DenseNet121"}
FRAMEWORKS = {"pytorch": ("PyTorch", "pt_test_acc"), "tensorflow": ("TensorFlow", "tf_test_acc")}
_ROUNDING = 1e-6
SPEC = {
    "paper": "CrossedWires (Zvyagin et al. 2021)",
    "pytorch": "test accuracy, mean over batches",
    "tensorflow": "test accuracy",
}


def recognises(place: Path) -> bool:
    """Return whether the first line of a file contains the columns of CrossedWires' tables."""
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader([file.readline(2_000)]), []) == list(COLUMNS)
    except (OSError, ValueError, csv.Error):
        return False


def read(place: Path, *, net: str = "", dataset: str = "cifar-10") -> Iterator[EpochRecord | Fault]:
    """Yield the trials of both frameworks; invalid rows become faults.

    Args:
        place: The CSV file.
        net: Name of the net; if empty, it is derived from the file name.
        dataset: Name of the dataset the nets were trained on.

    Raises:
        SettingsError: The file is not a table of CrossedWires.
    """
    if not recognises(place):
        raise SettingsError(f"{place}: the first line is not {','.join(COLUMNS)}")
    net = net or SPELLING.get(place.stem.lower(), place.stem.replace("_", "-"))
    with place.open(encoding="utf-8-sig", newline="") as file:
        results = [_row(row, f"{place}:{line}") for line, row in enumerate(csv.DictReader(file), 2)]
    yield from (result for result in results if isinstance(result, Fault))
    rows = [result for result in results if not isinstance(result, Fault)]
    # Yield one net after the other, as consecutive records of a net are written together. The same
    # order for both nets pairs the members of the collection.
    for role, (framework, column) in FRAMEWORKS.items():
        membership = Membership(f"crossedwires-{net}", role, "pair", SPEC)
        for row in rows:
            yield EpochRecord(
                "img-classification",
                dataset,
                "acc",
                f"{net}-{framework}",
                row["prm"],
                row["prm"]["epochs"],
                row[column],
                trial=row["Name"],
                trial_facts={"pair.name": row["Name"], "pair.difference": row["accuracy_diff"]},
                memberships=[membership],
                place=row["place"],
            )


def _row(row: dict[str, str], place: str) -> dict[str, Any] | Fault:
    """Return the values of a row, or a fault if it is invalid: import both trials or neither."""
    try:
        scores = {name: float(row[name]) for name in COLUMNS[-3:]}
        prm = {
            "adam_epsilon": float(row["adam_epsilon"]),
            "batch": int(row["batch_size"]),
            "epochs": int(row["epochs"]),
            "lr": float(row["learning_rate"]),
        }
    except (TypeError, ValueError) as error:
        return Fault(place, str(error))
    if not row["Name"]:
        return Fault(place, "the pair has no name")
    for name, value in scores.items():
        if not 0 <= value <= 1:
            return Fault(place, f"{name} {value:g}: expected a number from 0 to 1")
    if not all(map(math.isfinite, prm.values())) or prm["epochs"] < 1:
        return Fault(place, f"hyperparameters {prm}: expected finite numbers, and an epoch")
    difference = abs(scores["pt_test_acc"] - scores["tf_test_acc"])
    if abs(difference - scores["accuracy_diff"]) > _ROUNDING:
        return Fault(
            place,
            f"accuracy_diff is {scores['accuracy_diff']:g}, "
            f"but the scores differ by {difference:g}",
        )
    return {"Name": row["Name"], "prm": prm, "place": place, **scores}
