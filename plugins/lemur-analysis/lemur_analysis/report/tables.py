"""Tables of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.frame import seconds

if TYPE_CHECKING:
    from pandas import DataFrame

NETS = {
    "metric": "metric",
    "nn": "net",
    "records": "records",
    "epochs": "last epoch",
    "best": "best score",
    "at": "at epoch",
    "first": "seconds of epoch 1, median",
}

STATISTICS = (
    "count", "mean", "std", "min", "lower quartile", "median", "upper quartile", "max",
)  # fmt: skip
_SHARES = {"lower quartile": 0.25, "upper quartile": 0.75}


def nets(frame: DataFrame) -> DataFrame:
    """Return a row for each metric and net, the best score first.

    Columns: ``metric``, ``net``, ``records``, ``last epoch``, ``best score`` (the highest test
    score of any epoch, 0 to 1), ``at epoch`` (the first with that score) and ``seconds of epoch 1,
    median``. What is not known is NaN.

    Args:
        frame: Rows of one task and data set.
    """
    by = ["metric", "nn"]
    groups = frame.assign(seconds=seconds(frame).where(frame["epoch"] == 1)).groupby(
        by, observed=True, dropna=False
    )
    table = groups.agg(
        records=("epoch", "size"),
        epochs=("epoch", "max"),
        best=("accuracy", "max"),
        first=("seconds", "median"),
    )
    scored = frame.dropna(subset=["accuracy"]).sort_values(
        ["accuracy", "epoch"], ascending=[False, True]
    )
    table["at"] = scored.groupby(by, observed=True, dropna=False)["epoch"].first().astype("Int64")
    table = table.reset_index().sort_values(["metric", "best"], ascending=[True, False])
    return table[list(NETS)].rename(columns=NETS).reset_index(drop=True)


def epochs(frame: DataFrame) -> DataFrame:
    """Return statistics of score and seconds of each metric, net and epoch.

    Columns: ``metric``, ``net``, ``epoch``, and of ``score`` (test score, 0 to 1) and ``seconds``
    (from the beginning of the trial to the end of the epoch) each the `STATISTICS`, ``score mean``
    say. ``count`` is of the values that are known, the others are of these; ``std`` has n - 1 in
    the denominator and is NaN for one value.
    """
    import pandas as pd

    by = ["metric", "nn", "epoch"]
    values = frame.assign(score=frame["accuracy"], seconds=seconds(frame))
    groups = values.groupby(by, observed=True, dropna=False)[["score", "seconds"]]
    found = groups.agg(["count", "mean", "std", "min", "median", "max"])
    quartiles = groups.quantile([0.25, 0.75]).unstack()
    columns = {
        f"{value} {name}": quartiles[value, _SHARES[name]]
        if name in _SHARES
        else found[value, name]
        for value in ("score", "seconds")
        for name in STATISTICS
    }
    return pd.DataFrame(columns).reset_index().rename(columns={"nn": "net"})


def raw(frame: DataFrame) -> DataFrame:
    """Return LEMUR's seven columns and one for each hyperparameter.

    ``duration`` is in seconds.
    """
    import pandas as pd

    from lemur_analysis.report.contents import COLUMNS

    table = frame[list(COLUMNS)].assign(duration=seconds(frame))
    if "prm" in frame.columns:
        prms = pd.DataFrame.from_records(frame["prm"].tolist(), index=frame.index)
        prms = prms[sorted(prms.columns)]
    else:
        prms = frame[[name for name in frame.columns if name.startswith("prm.")]]
    # A hyperparameter may have the name of another column.
    taken = {*table.columns}
    prms = prms.rename(columns={name: f"prm.{name}" for name in prms.columns if name in taken})
    return pd.concat([table, prms], axis=1)


def anomalies(frame: DataFrame) -> DataFrame:
    """Return the rows without a score."""
    return frame[frame["accuracy"].isna()][["task", "dataset", "metric", "nn", "epoch"]]
