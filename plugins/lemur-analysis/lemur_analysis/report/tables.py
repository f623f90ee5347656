"""Tables of a report, computed with `lemur_analysis.stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis import stats
from lemur_analysis.frame import CELL, seconds

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("task", "dataset", "metric", "nn", "epoch", "duration", "accuracy")
"""Columns that a report needs, as in LEMUR; the raw workbook starts with them."""
_NETS = {"nn": "net", "best": "best score", "epoch": "at epoch", "median": "median score"}
_WORDS = {"accuracy": "score", "q25": "lower quartile", "q75": "upper quartile", "nn": "net"}


def nets(frame: DataFrame) -> DataFrame:
    """Return one row per metric and net, best score first.

    Columns are ``metric``, ``net``, ``trials`` (if known), ``records``, ``missing`` (records
    without a finite score), ``best score`` (the highest of any epoch), ``at epoch``, and ``median
    score`` of all records. Scores are those on the test split, 0 to 1.

    Args:
        frame: Rows of one task and dataset.
    """
    table = stats.nets(frame).drop(columns=["task", "dataset", "mean", "std"])
    return table.rename(columns=_NETS)


def epochs(frame: DataFrame) -> DataFrame:
    """Return statistics of score and time, with one row per metric, net and epoch.

    Columns are ``metric``, ``net``, ``epoch``, ``rows``, and the statistics of
    `lemur_analysis.stats.summary`, for example ``score mean``, for ``score`` (on the test split, 0
    to 1) and ``seconds`` (from the start of the trial to the end of the epoch).

    Args:
        frame: Rows of one task and dataset.
    """
    table = stats.summary(frame).drop(columns=["task", "dataset"])
    return table.rename(columns=lambda name: " ".join(_WORDS.get(n, n) for n in name.split("_")))


def anomalies(frame: DataFrame) -> DataFrame:
    """Return the anomalies found by `lemur_analysis.stats.anomalies`."""
    return stats.anomalies(frame).rename(columns=_WORDS)


def anomaly_counts(frame: DataFrame) -> DataFrame:
    """Return the number of anomalies of each kind, by task, dataset and metric."""
    by = ["kind", *CELL]
    table = stats.anomalies(frame)
    return table.groupby(by, dropna=False, observed=True).size().rename("count").reset_index()


def raw(frame: DataFrame) -> DataFrame:
    """Return `COLUMNS` and one column per hyperparameter; ``duration`` is in seconds.

    A hyperparameter with the name of another column is prefixed, for example ``prm.epoch``.
    """
    import pandas as pd

    table = frame[list(COLUMNS)].assign(duration=seconds(frame))
    if "prm" in frame.columns:
        prms = pd.DataFrame.from_records(frame["prm"].tolist(), index=frame.index)
    else:
        prms = frame[[name for name in frame.columns if name.startswith("prm.")]]
        prms = prms.rename(columns=lambda name: name.removeprefix("prm."))
    prms = prms[sorted(prms.columns)].rename(
        columns=lambda name: f"prm.{name}" if name in COLUMNS else name
    )
    return pd.concat([table, prms], axis=1)
