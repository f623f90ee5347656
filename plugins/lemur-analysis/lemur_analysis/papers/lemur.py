"""LEMUR Neural Network Dataset (Goodarzi et al. 2025): its best scores, counts and correlations.

The numbers come from the tables and figures of the paper, and from the records published with it
on 23 February 2025 as ``stat.zip``, counted in the same way as in the tables.
"""

from __future__ import annotations

import json
import zipfile
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import CELL
from lemur_analysis.papers.paper import Claim, Sources
from lemur_core.errors import MissingDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pandas import DataFrame

    from lemur_analysis.papers.paper import Value

FILE = "lemur/stat.zip"
ORIGIN = "github.com/ABrain-One/nn-dataset (MIT), its statistics of 23 February 2025"
DATABASE_ORIGIN = "lemur db import stat.zip"
PRINTED = "half a unit of the last digit printed"
BEST = {
    ("img-segmentation", "coco", "iou"): {
        "UNet-1": 0.4494, "FCN32s-1": 0.4386, "FCN16s": 0.4365, "LRASPP": 0.3810
    },
    ("obj-detection", "coco", "map"): {
        "FCOS": 0.7394, "FasterRCNN": 0.6214, "SSDLite": 0.3975, "RetinaNet": 0.0922
    },
}  # fmt: skip
"""Best score of each net. The captions in the paper say CIFAR-10, but the data is coco."""
COUNTS = {
    ("cifar-10", "acc"): 10_438,
    ("cifar-100", "acc"): 5_937,
    ("imagenette", "acc"): 5_402,
    ("mnist", "acc"): 5_311,
    ("svhn", "acc"): 2_509,
    ("coco", "iou"): 1_354,
    ("celeba-gender", "acc"): 874,
    ("places365", "acc"): 358,
    ("coco", "map"): 241,
}
CORRELATIONS = {"iou": (0.93, 322), "acc": (-0.17, 6_522), "": (-0.12, None)}
"""Correlation of mean and standard deviation, and number of groups, by metric. The empty name pools
all metrics, as the paper does."""
RANKS = {
    "cifar-100": (0.80, 31), "mnist": (0.69, 31), "imagenette": (0.61, 32), "svhn": (0.48, 30),
    "celeba-gender": (0.32, 29), "places365": (-0.21, 30),
}  # fmt: skip
"""Rank correlation of the nets' best accuracies with those on cifar-10, and number of nets."""
GROUP = [*CELL, "nn", "epoch"]
SETTING = [*CELL, "nn", "prm"]
_MEASURED = ("accuracy", "duration", "uid")


def claims(sources: Sources) -> Iterator[Claim]:
    """Yield the claims of the paper, and counts of the published records.

    Args:
        sources: A folder with ``lemur/stat.zip``, or a database into which it was imported.
    """
    records = cache(partial(_records, sources))
    yield from _best_claims(records)
    yield from _count_claims(records)
    yield from _correlation_claims(records)
    yield from _rank_claims(records)


def _best_claims(records: Callable[[], DataFrame]) -> Iterator[Claim]:
    for (task, dataset, metric), nets in BEST.items():
        for net, score in nets.items():

            def best(cell: tuple[str, ...] = (task, dataset, metric, net)) -> Value:
                frame = records()
                rows = (frame[[*CELL, "nn"]] == list(cell)).all(axis=1)
                return float(frame.loc[rows, "accuracy"].max())

            text = f"{net}: best {metric} on {dataset}, {task}"
            yield Claim(text, "best scores, captioned CIFAR-10", score, best, 5e-5, PRINTED)


def _count_claims(records: Callable[[], DataFrame]) -> Iterator[Claim]:
    published = "published records"
    yield Claim("records", published, 32_424, lambda: len(records()))
    yield Claim("pipelines", published, 229, lambda: _count_distinct(records(), [*CELL, "nn"]))
    yield Claim("settings", published, 7_696, lambda: _count_distinct(records(), SETTING))
    yield Claim("settings with 20 epochs or more", published, 335, lambda: _count_long(records()))
    yield Claim(
        "records with a duration", published, 28_169, lambda: int(records()["duration"].count())
    )
    for (dataset, metric), count in COUNTS.items():

        def count_records(dataset: str = dataset, metric: str = metric) -> Value:
            frame = records()
            return int(((frame["dataset"] == dataset) & (frame["metric"] == metric)).sum())

        yield Claim(f"records of {dataset}, {metric}", published, count, count_records)


def _correlation_claims(records: Callable[[], DataFrame]) -> Iterator[Claim]:
    for metric, (value, groups) in CORRELATIONS.items():
        name = metric or "all metrics pooled"
        where = "figure 11" if metric == "iou" else "published records, as figure 11"
        yield Claim(
            f"correlation of mean and standard deviation, {name}",
            where,
            value,
            partial(_correlation, records, metric),
            0.005,
            PRINTED,
        )
        if groups:
            yield Claim(
                f"groups of the correlation, {name}",
                where,
                groups,
                partial(_groups, records, metric),
            )


def _rank_claims(records: Callable[[], DataFrame]) -> Iterator[Claim]:
    for dataset, (value, nets) in RANKS.items():
        text = f"rank correlation of best accuracies, cifar-10 and {dataset}"
        yield Claim(
            text,
            "published records",
            value,
            partial(_rank_correlation, records, dataset),
            0.005,
            PRINTED,
        )
        yield Claim(
            f"nets on both cifar-10 and {dataset}",
            "published records",
            nets,
            partial(_nets_on_both, records, dataset),
        )


def _count_distinct(frame: DataFrame, columns: list[str]) -> int:
    return len(frame[columns].drop_duplicates())


def _count_long(frame: DataFrame) -> int:
    return int((frame.groupby(SETTING, observed=True)["epoch"].nunique() >= 20).sum())


def _correlation(records: Callable[[], DataFrame], metric: str) -> Value:
    return _mean_std(records(), metric)[0]


def _groups(records: Callable[[], DataFrame], metric: str) -> Value:
    return _mean_std(records(), metric)[1]


def _rank_correlation(records: Callable[[], DataFrame], dataset: str) -> Value:
    return _ranks(records(), dataset)[0]


def _nets_on_both(records: Callable[[], DataFrame], dataset: str) -> Value:
    return _ranks(records(), dataset)[1]


def _mean_std(frame: DataFrame, metric: str) -> tuple[float, float]:
    """Return the correlation of the groups' means and standard deviations, and their number."""
    from lemur_analysis.stats import mean_std_correlation
    from lemur_analysis.stats.correlations import POOLED

    table = mean_std_correlation(frame, pooled=True).set_index("metric")
    row = table.reindex([metric or POOLED]).iloc[0]
    return float(row["r"]), float(row["groups"])


def _ranks(frame: DataFrame, dataset: str) -> tuple[float, int]:
    """Return the rank correlation of best accuracies on cifar-10 and a dataset, and the nets."""
    rows = frame[(frame["task"] == "img-classification") & (frame["metric"] == "acc")]
    best = rows.groupby(["nn", "dataset"], observed=True)["accuracy"].max().unstack("dataset")
    both = best.reindex(columns=["cifar-10", dataset]).dropna()
    return float(both["cifar-10"].corr(both[dataset], method="spearman")), len(both)


def _records(sources: Sources) -> DataFrame:
    """Return the published records, one per row.

    Raises:
        MissingDataError: The records are neither in the folder nor in the database.
    """
    if sources.folder is not None:
        return _read(sources.file(FILE, ORIGIN))
    if sources.db is None:
        raise MissingDataError(f"get {FILE} from {ORIGIN}, and give --data; or {DATABASE_ORIGIN}")
    columns = [*GROUP, "accuracy", "duration", "prm", "source"]
    frame = sources.results(where={"state": "imported"}, with_stats=True)[columns]
    # LEMUR publishes no CSV files, so these rows were imported from other sources.
    frame = frame[~frame["source"].astype(str).str.endswith(".csv")]
    if frame.empty:
        raise MissingDataError(f"the database has no record of LEMUR's: {DATABASE_ORIGIN}")
    return frame.assign(prm=frame["prm"].map(_text))


def _text(prm: Mapping[str, Any]) -> str:
    return json.dumps(prm, sort_keys=True)


def _read(path: Path) -> DataFrame:
    import pandas as pd

    rows = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            file = Path(name)
            pipeline = file.parent.name.split("_")
            if file.suffix != ".json" or len(pipeline) != 4:
                continue
            for record in json.loads(archive.read(name)):
                prm = _text({name: record[name] for name in record if name not in _MEASURED})
                values = (record["accuracy"], record.get("duration"), prm)
                rows.append((*pipeline, int(file.stem), *values))
    return pd.DataFrame(rows, columns=[*GROUP, "accuracy", "duration", "prm"])
