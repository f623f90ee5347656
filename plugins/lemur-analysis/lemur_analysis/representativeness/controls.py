"""Statistics of control experiments: training noise, and the effect of a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.frame import check_columns
from lemur_analysis.representativeness.correlation import correlation
from lemur_analysis.representativeness.population import NET, check_unique, valid_rows

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def training_noise(runs: DataFrame, *, least: int = 5) -> DataFrame:
    """Return the spread of single nets' runs and the spread of the population.

    This is figure 12 of Tuggener et al. (2022). Errors distinguish architectures if the spread
    between nets is much larger than that between the runs of one net.

    Args:
        runs: A population with several rows per net and dataset.
        least: Minimum number of runs of a net to list.

    Returns:
        For each dataset, one row for the population, over the mean errors of the nets, with a
        missing ``net``; and one row per net with at least ``least`` runs. Columns are ``dataset``,
        ``net``, ``count``, ``mean``, ``std`` (ddof 1), ``25%``, ``50%``, ``75%``.

    Raises:
        SettingsError: A row is invalid.
    """
    from pandas import concat

    rows = valid_rows(runs)
    statistics = ["count", "mean", "std", "25%", "50%", "75%"]
    nets = rows.groupby(["dataset", "net"], observed=True)["error"].describe()
    population = nets["mean"].groupby(level="dataset").describe().reset_index().assign(net=None)
    tables = [population, nets[nets["count"] >= least].reset_index()]
    table = concat([table for table in tables if not table.empty] or tables[:1])
    table = table.sort_values(["dataset", "net"], na_position="first", ignore_index=True)
    return table[["dataset", "net", *statistics]].astype({"count": "int64"})


def is_changed(frame: DataFrame) -> Series:
    """Return which rows have something in the column ``changed``."""
    return frame["changed"].notna() & (frame["changed"] != "")


def changes_of(frame: DataFrame) -> list[str]:
    """Return the texts in the column ``changed``, in the order in which they occur."""
    return [*map(str, frame.loc[is_changed(frame), "changed"].unique())]


def of_change(frame: DataFrame, change: str) -> DataFrame:
    """Return the rows with one text in the column ``changed``, and those with none."""
    return frame[~is_changed(frame) | (frame["changed"] == change)]


def change_gains(frame: DataFrame) -> DataFrame:
    """Return the gain of each change of hyperparameters on each dataset.

    Args:
        frame: A population with the column ``changed``: what is changed, for example
            ``stem=cifar``; empty or missing if nothing is.

    Returns:
        The rows of `condition_gains` for each change, after the column ``changed``.

    Raises:
        SettingsError: See `paired`.
    """
    from pandas import concat

    rows = valid_rows(frame)
    check_columns(rows, ("changed",))
    tables = []
    for change in changes_of(rows) or [""]:
        part = of_change(rows, change)
        gains = condition_gains(part.assign(changed=is_changed(part)), "changed")
        gains.insert(0, "changed", change)
        tables.append(gains)
    return concat(tables, ignore_index=True)


def paired(frame: DataFrame, condition: str) -> DataFrame:
    """Return the errors of nets with and without a condition, side by side.

    Args:
        frame: A population with a boolean column, for example ``pretrained``.
        condition: Name of the column.

    Returns:
        A row per net and dataset with both errors: ``net``, ``dataset``, ``without``, ``with``.

    Raises:
        SettingsError: The column is missing, or there are duplicate rows.
    """
    rows = valid_rows(frame)
    check_columns(rows, (condition,))
    rows = rows.dropna(subset=[condition])
    check_unique(rows, (*NET, condition))
    rows = rows.assign(**{condition: rows[condition].astype(bool)})
    table = rows.pivot(index=list(NET), columns=condition, values="error")
    table = table.reindex(columns=[False, True]).dropna().reset_index()
    table.columns = [*NET, "without", "with"]
    return table


def condition_gains(frame: DataFrame, condition: str) -> DataFrame:
    """Return the gain of a condition, for example pretraining, on each dataset.

    Args:
        frame: See `paired`.
        condition: See `paired`.

    Returns:
        A row per dataset: ``dataset``, ``nets`` (number with both errors), ``mean_gain`` and
        ``median_gain`` (error without minus error with the condition: higher is better),
        ``std_gain`` (ddof 1), and ``correlation`` (Spearman, between the errors without and with
        the condition), with ``low`` and ``high``.

    Raises:
        SettingsError: See `paired`.
    """
    from pandas import DataFrame

    rows = []
    for name, part in paired(frame, condition).groupby("dataset", observed=True):
        gain = part["without"] - part["with"]
        agreement = correlation(part["without"], part["with"])
        numbers = (
            gain.mean(),
            gain.median(),
            gain.std(),
            agreement.correlation,
            agreement.low,
            agreement.high,
        )
        rows.append((name, len(part), *numbers))
    names = ["dataset", "nets", "mean_gain", "median_gain", "std_gain"]
    return DataFrame(rows, columns=[*names, "correlation", "low", "high"])
