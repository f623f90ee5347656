"""Anomalies of recorded results: what a reader should know before trusting them."""

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
"""Accuracy of always guessing the most frequent class of the test split, by dataset."""
COLUMNS = ("kind", *CELL, "nn", "epoch", "setting", "value", "meaning")
NOT_CHECKED = "not checked"
# Scores are float: a constant guess is not below chance by a rounding error.
_TOLERANCE = 1e-6


def anomalies(frame: DataFrame, chance: Mapping[str, float] | None = None) -> DataFrame:
    """Return what is odd about a frame of results, a row each.

    A setting is a net's hyperparameters on a task, dataset and metric: those of the column
    ``prm`` or of the columns ``prm.*``; without them, a trial.

    Args:
        frame: Results with ``nn``, ``epoch`` and ``accuracy``.
        chance: The score of guessing by dataset, 0 to 1, added to those of `CHANCE`, which are
            used for the metric ``acc`` alone; given ones are used for any metric.

    Returns:
        The columns ``kind``, ``task, dataset, metric, nn, epoch`` and ``setting`` (where; missing
        where it does not apply), ``value`` and ``meaning`` (one sentence). Kinds are

        - ``no score``: a record whose score is missing;
        - ``out of range``: a score below 0 or above 1, infinite ones too;
        - ``below chance``: a score below that of guessing (the value is the score);
        - ``no variance``: two or more equal records of a net at an epoch, and no others (their
          number);
        - ``duration``: a duration that is negative, zero or infinite (seconds);
        - ``duration falls``: a setting one of whose epochs is recorded with less time than
          the one before it (the greatest fall, in seconds);
        - ``recorded twice``: an epoch of a setting with several records (their number);
        - ``epochs lacking``: a setting without records of some epoch from 1 to its last (their
          number);
        - ``not checked``: checks that the frame lacks columns for.
    """
    check_columns(frame, ("nn", "epoch", "accuracy"))
    rows = frame.reset_index(drop=True)
    scores = rows["accuracy"].astype("float64")
    own = settings(rows)
    rows = rows[[*cell_columns(rows), *_present(rows)]].assign(accuracy=scores, setting=own)
    found = [*_of_scores(rows, scores, chance or {}), *_of_groups(rows), *_of_durations(rows)]
    if own is None:
        found.append(_unchecked("no column prm or trial, so settings are unknown"))
    else:
        found += _of_settings(rows)
    parts = [part for part in found if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    parts = [part.astype({"setting": object}) if "setting" in part else part for part in parts]
    return pd.concat(parts, ignore_index=True).reindex(columns=list(COLUMNS))


def _present(frame: DataFrame) -> list[str]:
    return [name for name in ("nn", "epoch", "duration", "trial") if name in frame.columns]


def _rows(kind: str, where: DataFrame, value: Any, meaning: Any) -> DataFrame:
    """Return anomalies of a kind in the places of some rows."""
    kept = [name for name in COLUMNS if name in where.columns]
    return where[kept].assign(kind=kind, value=np.asarray(value, dtype=float), meaning=meaning)


def _unchecked(why: str) -> DataFrame:
    return pd.DataFrame({"kind": [NOT_CHECKED], "meaning": [why]})


def _of_scores(
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
    meaning = [f"guessing the most frequent class gives {one:.4f}" for one in least[below]]
    yield _rows("below chance", rows[below], scores[below], meaning)


def _of_groups(rows: DataFrame) -> Iterator[DataFrame]:
    by = [*cell_columns(rows), "nn", "epoch"]
    groups = rows.groupby(by, observed=True, dropna=False)["accuracy"]
    table = groups.agg(["count", "min", "max"]).reset_index()
    same = table[(table["count"] > 1) & (table["min"] == table["max"])]
    meaning = [
        f"all {n} scores are {one:.4f}" for n, one in zip(same["count"], same["max"], strict=True)
    ]
    yield _rows("no variance", same, same["count"], meaning)


def _of_durations(rows: DataFrame) -> Iterator[DataFrame]:
    if "duration" not in rows.columns:
        yield _unchecked("no column duration")
        return
    times = seconds(rows)
    wrong = (times <= 0) | np.isinf(times)
    yield _rows("duration", rows[wrong], times[wrong], "a duration is a positive, finite time")


def _of_settings(rows: DataFrame) -> Iterator[DataFrame]:
    by = [*cell_columns(rows), "nn", "setting"]
    # By one number for each setting, a million rows are sorted and grouped in seconds.
    own = rows.groupby(by, observed=True, dropna=False, sort=False).ngroup()
    epochs = pd.DataFrame({"own": own, "epoch": rows["epoch"]})
    if "duration" in rows.columns:
        yield _falls(rows, epochs)
    again = epochs.duplicated(["own", "epoch"])
    # Groups stand in the order of their first rows.
    n = epochs.groupby(["own", "epoch"], sort=False).size().to_numpy()
    twice, n = rows[~again][n > 1], n[n > 1]
    yield _rows("recorded twice", twice, n, [f"{one} records of one epoch" for one in n])
    table = epochs[~again].groupby("own", sort=False)["epoch"].agg(["size", "max"])
    lacking = table[table["size"] < table["max"]]
    first = rows[~epochs.duplicated("own")].iloc[lacking.index].drop(columns="epoch")
    n = lacking["max"] - lacking["size"]
    meaning = [
        f"{less} of the epochs 1 to {last} have no record"
        for less, last in zip(n, lacking["max"], strict=True)
    ]
    yield _rows("epochs lacking", first, n, meaning)


def _falls(rows: DataFrame, epochs: DataFrame) -> DataFrame:
    """Return the settings whose duration falls from one recorded epoch to the next.

    Where an epoch has several records, its longest time is compared with the next one's shortest.
    """
    times = epochs.assign(seconds=numbers(rows, "seconds")).dropna(subset=["seconds"])
    order = times.sort_values(["own", "epoch", "seconds"], kind="stable")
    order["fall"] = -order["seconds"].diff().where(order["own"] == order["own"].shift())
    most = order[order["fall"] > 0].sort_values("fall", ascending=False, kind="stable")
    most = most.drop_duplicates("own")
    meaning = [
        f"epoch {epoch} was recorded {fall:,.1f} s before the epoch that precedes it"
        for epoch, fall in zip(most["epoch"], most["fall"], strict=True)
    ]
    return _rows("duration falls", rows.loc[most.index], most["fall"], meaning)
