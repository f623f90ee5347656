"""Checks for anomalies in recorded results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.frame import CELL, cell_columns, check_columns, seconds
from lemur_analysis.stats.columns import numbers, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pandas import DataFrame

CHANCE: Mapping[str, float] = {
    "cifar-10": 0.1,
    "cifar-100": 0.01,
    "imagenette": 419 / 3925,
    "mnist": 1135 / 10000,
    "svhn": 5099 / 26032,
    "celeba-gender": 12247 / 19962,
    "places365": 1 / 365,
}
"""Accuracy of always predicting the most frequent class of the test split, by dataset."""
COLUMNS = ("kind", *CELL, "nn", "epoch", "setting", "value", "meaning")
NOT_CHECKED = "not checked"
# A constant prediction must not be below chance because of rounding.
_TOLERANCE = 1e-6


def anomalies(frame: DataFrame, chance: Mapping[str, float] | None = None) -> DataFrame:
    """Return the anomalies of a frame of results, one per row.

    A setting is a combination of net, hyperparameters, task, dataset and metric. Hyperparameters
    are read from the column ``prm`` or the columns ``prm.*``; without them, each trial is a
    setting.

    Args:
        frame: Results with ``nn``, ``epoch`` and ``accuracy``.
        chance: Chance score by dataset, 0 to 1, for any metric; it takes precedence over `CHANCE`,
            which applies to the metric ``acc`` only.

    Returns:
        The columns ``kind``, ``task, dataset, metric, nn, epoch`` and ``setting`` (the location;
        missing if not applicable), ``value`` and ``meaning`` (one sentence). Kinds are

        - ``no score``: a record whose score is missing;
        - ``out of range``: a score below 0, above 1 or infinite;
        - ``below chance``: a score below chance (value: the score);
        - ``no variance``: a net and epoch with at least two records that all have the same score
          (value: their number);
        - ``duration``: a duration that is negative, zero or infinite (value: seconds);
        - ``duration falls``: a setting in which an epoch is recorded with a shorter time than the
          epoch before it (value: the largest decrease in seconds);
        - ``recorded twice``: an epoch of a setting with several records (value: their number);
        - ``epochs lacking``: a setting without records of some epochs before its last (value: the
          number of these epochs);
        - ``not checked``: a check for which the frame lacks columns.
    """
    check_columns(frame, ("nn", "epoch", "accuracy"))
    rows = frame.reset_index(drop=True)
    scores = rows["accuracy"].astype("float64")
    row_settings = settings(rows)
    rows = rows[[*cell_columns(rows), *_present_columns(rows)]].assign(
        accuracy=scores, setting=row_settings
    )
    tables = [
        *_score_anomalies(rows, scores, chance or {}),
        *_group_anomalies(rows),
        *_duration_anomalies(rows),
    ]
    if row_settings is None:
        tables.append(_unchecked("no column prm or trial, so settings are unknown"))
    else:
        tables += _setting_anomalies(rows)
    parts = [part for part in tables if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    parts = [part.astype({"setting": object}) if "setting" in part else part for part in parts]
    return pd.concat(parts, ignore_index=True).reindex(columns=list(COLUMNS))


def _present_columns(frame: DataFrame) -> list[str]:
    return [name for name in ("nn", "epoch", "duration", "trial") if name in frame.columns]


def _rows(kind: str, rows: DataFrame, value: Any, meaning: Any) -> DataFrame:
    """Return one anomaly of a kind for each of the given rows."""
    columns = [name for name in COLUMNS if name in rows.columns]
    return rows[columns].assign(kind=kind, value=np.asarray(value, dtype=float), meaning=meaning)


def _unchecked(reason: str) -> DataFrame:
    return pd.DataFrame({"kind": [NOT_CHECKED], "meaning": [reason]})


def _score_anomalies(
    rows: DataFrame, scores: pd.Series, chance: Mapping[str, float]
) -> Iterator[DataFrame]:
    part = rows[scores.isna()]
    yield _rows("no score", part, np.nan, "the record has no score")
    outside = (scores < 0) | (scores > 1)
    yield _rows("out of range", rows[outside], scores[outside], "scores are 0 to 1")
    if "dataset" not in rows.columns:
        yield _unchecked("no column dataset, so the score of guessing is unknown")
        return
    names = rows["dataset"].astype("category")
    least = names.map(dict(CHANCE)).astype("float64")
    if "metric" in rows.columns:
        least = least.where(rows["metric"] == "acc")
    least = names.map(dict(chance)).astype("float64").fillna(least)
    below = (scores < least - _TOLERANCE) & ~outside
    meaning = [f"guessing the most frequent class gives {score:.4f}" for score in least[below]]
    yield _rows("below chance", rows[below], scores[below], meaning)


def _group_anomalies(rows: DataFrame) -> Iterator[DataFrame]:
    by = [*cell_columns(rows), "nn", "epoch"]
    groups = rows.groupby(by, observed=True, dropna=False)["accuracy"]
    table = groups.agg(["count", "min", "max"]).reset_index()
    same = table[(table["count"] > 1) & (table["min"] == table["max"])]
    meaning = [
        f"all {n} scores are {score:.4f}"
        for n, score in zip(same["count"], same["max"], strict=True)
    ]
    yield _rows("no variance", same, same["count"], meaning)


def _duration_anomalies(rows: DataFrame) -> Iterator[DataFrame]:
    if "duration" not in rows.columns:
        yield _unchecked("no column duration")
        return
    times = seconds(rows)
    wrong = (times <= 0) | np.isinf(times)
    yield _rows("duration", rows[wrong], times[wrong], "a duration is a positive, finite time")


def _setting_anomalies(rows: DataFrame) -> Iterator[DataFrame]:
    by = [*cell_columns(rows), "nn", "setting"]
    # Grouping by one integer per setting handles a million rows in seconds.
    codes = rows.groupby(by, observed=True, dropna=False, sort=False).ngroup()
    epochs = pd.DataFrame({"code": codes, "epoch": rows["epoch"]})
    if "duration" in rows.columns:
        yield _falls(rows, epochs)
    repeated = epochs.duplicated(["code", "epoch"])
    # Groups are in the order of their first rows.
    n = epochs.groupby(["code", "epoch"], sort=False).size().to_numpy()
    duplicates, n = rows[~repeated][n > 1], n[n > 1]
    yield _rows("recorded twice", duplicates, n, [f"{count} records of one epoch" for count in n])
    table = epochs[~repeated].groupby("code", sort=False)["epoch"].agg(["size", "max"])
    lacking = table[table["size"] < table["max"]]
    first = rows[~epochs.duplicated("code")].iloc[lacking.index].drop(columns="epoch")
    n = lacking["max"] - lacking["size"]
    meaning = [
        f"{missing} of the epochs 1 to {last} have no record"
        for missing, last in zip(n, lacking["max"], strict=True)
    ]
    yield _rows("epochs lacking", first, n, meaning)


def _falls(rows: DataFrame, epochs: DataFrame) -> DataFrame:
    """Return the settings whose duration decreases from one recorded epoch to the next.

    If an epoch has several records, its longest time is compared with the next epoch's shortest.
    """
    times = epochs.assign(seconds=numbers(rows, "seconds")).dropna(subset=["seconds"])
    order = times.sort_values(["code", "epoch", "seconds"], kind="stable")
    order["fall"] = -order["seconds"].diff().where(order["code"] == order["code"].shift())
    largest = order[order["fall"] > 0].sort_values("fall", ascending=False, kind="stable")
    largest = largest.drop_duplicates("code")
    meaning = [
        f"the duration at epoch {epoch} is {fall:,.1f} s shorter than at the epoch before"
        for epoch, fall in zip(largest["epoch"], largest["fall"], strict=True)
    ]
    return _rows("duration falls", rows.loc[largest.index], largest["fall"], meaning)
