"""Importer for timm's result tables: pretrained nets on ImageNet and five other test sets of it.

timm publishes a CSV file ``results-<test set>.csv`` for each test set in the folder ``results`` of
its repository. Each row becomes a trial of one epoch, with ``img_size``, ``crop_pct`` and
``interpolation`` as its hyperparameters. The trained epochs are not published, so ``epoch`` is 1. A
net is named like timm's model, with ``-`` for ``_``; the fact ``timm.model`` has the exact name.

Facts of a trial are ``parameters`` and, if the files are in the same folder, from
``benchmark-infer-*.csv`` the multiply-adds ``macs`` and ``activations`` at the same image size, and
from ``model_metadata-in1k.csv`` the data for pretraining, ``timm.pretrain``. The trials of all
tables are in the collection ``timm``.
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

DATASETS = {
    "results-imagenet.csv": "imagenet-1k",
    "results-imagenetv2-matched-frequency.csv": "imagenet-v2",
    "results-imagenet-a.csv": "imagenet-a",
    "results-imagenet-r.csv": "imagenet-r",
    "results-sketch.csv": "imagenet-sketch",
    "results-imagenet-real.csv": "imagenet-real",
}
"""The dataset of each table. ImageNet-A and -R have 200 of the 1,000 classes."""
COLUMNS = (
    "model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct",
    "interpolation",
)  # fmt: skip
"""The first columns of each table."""
SCORES = {"acc": "top1", "acc5": "top5"}
"""The column of each metric, in percent."""
COLLECTION = Membership("timm", kind="population", spec={"source": "timm, results-*.csv"})
_BENCHMARKS, _METADATA = "benchmark-infer-*.csv", "model_metadata-in1k.csv"
# Both are rounded to three digits.
_ROUNDING = 0.0021
_MILLION, _BILLION = 10**6, 10**9


def recognises(place: Path) -> bool:
    """Return whether a place is one of timm's tables, or a folder that has the one of ImageNet."""
    table = place / next(iter(DATASETS)) if place.is_dir() else place
    if table.name not in DATASETS:
        return False
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader([file.readline(2_000)]), [])
            return tuple(names[: len(COLUMNS)]) == COLUMNS
    except (OSError, ValueError, csv.Error):
        return False


def read(place: Path, *, metric: str = "acc") -> Iterator[EpochRecord | Fault]:
    """Yield a trial for each row of a table, or of all tables in a folder.

    Args:
        place: A table, or a folder of tables.
        metric: ``acc`` for top-1 or ``acc5`` for top-5 accuracy.

    Raises:
        SettingsError: The metric is unknown, or the place has none of the tables.
    """
    if metric not in SCORES:
        raise SettingsError(f"metric is {metric!r}; expected {' or '.join(SCORES)}")
    if not recognises(place):
        raise SettingsError(
            f"{place}: expected timm's {next(iter(DATASETS))}, with the columns "
            f"{','.join(COLUMNS)}, a folder that has it, or another of its tables: "
            f"{', '.join([*DATASETS][1:])}"
        )
    folder = place if place.is_dir() else place.parent
    tables = [place / name for name in DATASETS] if place.is_dir() else [place]
    complexities, pretraining = _complexities(folder), _pretraining(folder)
    for table in filter(recognises, tables):
        for line, row in enumerate(_rows(table), 2):
            where = f"{table}:{line}"
            try:
                prm, score = _prm(row), _score(row, SCORES[metric])
                facts = _facts(row, complexities, pretraining)
            except (TypeError, ValueError) as error:
                yield Fault(where, str(error))
                continue
            yield EpochRecord(
                "img-classification", DATASETS[table.name], metric,
                row["model"].replace("_", "-"), prm, 1, score, trial=row["model"],
                trial_facts=facts, memberships=[COLLECTION], place=where,
            )  # fmt: skip


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _prm(row: Mapping[str, str]) -> dict[str, Any]:
    if not row["model"]:
        raise ValueError("the row has no model")
    return {
        "img_size": int(row["img_size"]),
        "crop_pct": _number(row, "crop_pct"),
        "interpolation": row["interpolation"],
    }


def _score(row: Mapping[str, str], column: str) -> float:
    score, error = _number(row, column), _number(row, f"{column}_err")
    if not 0 <= score <= 100 or abs(score + error - 100) > _ROUNDING:
        raise ValueError(
            f"{column} {score:g} and {column}_err {error:g}: expected percent, 100 in all"
        )
    return score / 100


def _facts(
    row: Mapping[str, str],
    complexities: Mapping[tuple[str, int], Mapping[str, int]],
    pretraining: Mapping[str, str],
) -> dict[str, Any]:
    base = row["model"].partition(".")[0]
    facts = {
        "timm.model": row["model"],
        "parameters": round(_number(row, "param_count") * _MILLION),
        **complexities.get((base, int(row["img_size"])), {}),
    }
    if base in pretraining:
        facts["timm.pretrain"] = pretraining[base]
    return facts


def _complexities(folder: Path) -> dict[tuple[str, int], dict[str, int]]:
    """Return multiply-adds and activations by architecture and image size in pixels."""
    counts_by_net: dict[tuple[str, int], dict[str, int]] = {}
    for table in sorted(folder.glob(_BENCHMARKS)):
        for row in _rows(table):
            try:
                key = row["model"], int(row["infer_img_size"])
                macs, activations = _number(row, "infer_gmacs"), _number(row, "infer_macts")
            # Another program's table, or a model that was not counted.
            except (KeyError, TypeError, ValueError):
                continue
            counts = {
                "macs": round(macs * _BILLION),
                "activations": round(activations * _MILLION),
            }
            counts_by_net.setdefault(key, counts)
    return counts_by_net


def _pretraining(folder: Path) -> dict[str, str]:
    table = folder / _METADATA
    if not table.is_file():
        return {}
    return {row["model"]: row["pretrain"] for row in _rows(table) if row.get("pretrain")}


def _number(row: Mapping[str, str], column: str) -> float:
    """Return a number, in which commas separate thousands."""
    # In a row that is cut short, it is None.
    if not row[column]:
        raise ValueError(f"the row has no {column}")
    value = float(row[column].replace(",", ""))
    if not math.isfinite(value):
        raise ValueError(f"{column} is {row[column]!r}; expected a finite number")
    return value
