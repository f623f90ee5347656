"""Importer for accuracies of NATS-Bench: all nets of a search space on three datasets.

Dong, Liu, Musial, Gabrys: NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and
Size, TPAMI 2021: 15,625 topologies and 32,768 sizes, on CIFAR-10, CIFAR-100 and ImageNet16-120. Its
files are pickles that its own package ``nats_bench`` reads; this importer reads a table that is
exported from it, as docs/representativeness.md explains. The table is a CSV file with a row per net
and dataset:

===============  ===============================================================================
`COLUMNS`        what
===============  ===============================================================================
idx              the net's number in the search space
dataset          ``cifar10``, ``cifar100`` or ``ImageNet16-120``
flops            multiply-adds
params           parameters
test_accuracy    top-1 accuracy on the test split after the last epoch, in percent
===============  ===============================================================================

Other columns are optional: ``seed`` tells repeated trainings apart, ``valid_accuracy`` is the score
on the validation split, and ``arch`` is the description of the net, which becomes the fact
``nats.arch``. Further columns are ignored.
"""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.kinds.importer import EpochRecord, Fault, Membership

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COLUMNS = ("idx", "dataset", "flops", "params", "test_accuracy")
DATASETS = {"cifar10": "cifar-10", "cifar100": "cifar-100", "ImageNet16-120": "imagenet16-120"}
"""NATS-Bench's names of datasets, and ours."""
SPACES = {"tss": ("topology", 15_625, 200), "sss": ("size", 32_768, 90)}
"""Search spaces: what varies, number of nets, and epochs of the full training."""


def recognises(place: Path) -> bool:
    """Return whether the first line of a file contains the columns."""
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader([file.readline(2_000)]), [])
            return {*COLUMNS} <= {*names}
    except (OSError, ValueError, csv.Error):
        return False


def read(place: Path, *, space: str = "tss", epochs: int = 0) -> Iterator[EpochRecord | Fault]:
    """Yield a trial with its last epoch for each row; invalid rows become faults.

    Args:
        place: The CSV file.
        space: ``tss``, the search space of topologies, or ``sss``, that of sizes. Nets are named
            after it and their number: ``tss-42``.
        epochs: Number of epochs after which the accuracies were measured; 0 is the full training
            of the search space, 200 or 90.

    Raises:
        SettingsError: The file has no such columns, the space is unknown, or epochs is negative.
    """
    if space not in SPACES:
        raise SettingsError(f"space is {space!r}; expected {' or '.join(SPACES)}")
    if epochs < 0:
        raise SettingsError(f"epochs is {epochs}; expected a whole number from 0")
    if not recognises(place):
        raise SettingsError(f"{place}: its first line lacks columns; expected {','.join(COLUMNS)}")
    varied, nets, full = SPACES[space]
    spec = {"benchmark": f"NATS-Bench, {varied}", "epochs": epochs or full}
    collection = Membership(f"nats-{space}-{epochs or full}", kind="population", spec=spec)
    with place.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            where = f"{place}:{line}"
            try:
                yield _record(row, space, nets, epochs or full, collection, where)
            except (TypeError, ValueError) as error:
                yield Fault(where, str(error))


def _record(
    row: Mapping[str, str], space: str, nets: int, epochs: int, collection: Membership, place: str
) -> EpochRecord:
    number = int(row["idx"])
    if not 0 <= number < nets:
        raise ValueError(f"idx is {number}; expected 0 to {nets - 1} in {space}")
    if row["dataset"] not in DATASETS:
        raise ValueError(f"dataset is {row['dataset']!r}; expected {', '.join(DATASETS)}")
    seed = row.get("seed") or ""
    facts: dict[str, Any] = {
        "parameters": round(_positive(row, "params")),
        "macs": round(_positive(row, "flops")),
    }
    if row.get("arch"):
        facts["nats.arch"] = row["arch"]
    return EpochRecord(
        "img-classification", DATASETS[row["dataset"]], "acc", f"{space}-{number}",
        {"epochs": epochs}, epochs, _share(row, "test_accuracy"),
        validation=_share(row, "valid_accuracy") if row.get("valid_accuracy") else None,
        trial=f"{number} {seed}".strip(), trial_facts=facts, memberships=[collection], place=place,
    )  # fmt: skip


def _share(row: Mapping[str, str], column: str) -> float:
    value = float(row[column])
    if not 0 <= value <= 100:
        raise ValueError(f"{column} is {row[column]!r}; expected percent, 0 to 100")
    return value / 100


def _positive(row: Mapping[str, str], column: str) -> float:
    value = float(row[column])
    if not 0 < value < math.inf:
        raise ValueError(f"{column} is {row[column]!r}; expected a number above 0")
    return value
