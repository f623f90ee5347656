"""Statistics of a study's controls: noise of training, and the effect of a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.frame import check_columns
from lemur_analysis.representativeness.correlation import correlation
from lemur_analysis.representativeness.population import NET, check_unique, checked

if TYPE_CHECKING:
    from pandas import DataFrame


def training_noise(runs: DataFrame, *, least: int = 5) -> DataFrame:
    """Return the spread of one net's runs beside the spread of the population.

    It is figure 12 of Tuggener et al. (2022): where the spread between nets is much greater than
    that of one net's runs, errors tell architectures apart.

    Args:
        runs: A population with several rows for a net and dataset.
        least: A net is listed from so many runs on.

    Returns:
        For each dataset a row for the population, whose ``net`` is missing and which counts the
        mean error of each net once, and a row for each net with ``least`` runs: ``dataset``,
        ``net``, ``count``, ``mean``, ``std`` (ddof 1), ``25%``, ``50%``, ``75%``.

    Raises:
        SettingsError: A row is not as expected.
    """
    from pandas import concat

    rows = checked(runs)
    kept = ["count", "mean", "std", "25%", "50%", "75%"]
    nets = rows.groupby(["dataset", "net"], observed=True)["error"].describe()
    everyone = nets["mean"].groupby(level="dataset").describe().reset_index().assign(net=None)
    tables = [everyone, nets[nets["count"] >= least].reset_index()]
    both = concat([table for table in tables if not table.empty] or tables[:1])
    both = both.sort_values(["dataset", "net"], na_position="first", ignore_index=True)
    return both[["dataset", "net", *kept]].astype({"count": "int64"})


def paired(frame: DataFrame, condition: str) -> DataFrame:
    """Return the errors of nets with and without a condition, side by side.

    Args:
        frame: A population with a column of truth values, such as ``pretrained``.
        condition: Its name.

    Returns:
        A row per net and dataset that has both: ``net``, ``dataset``, ``without``, ``with``.

    Raises:
        SettingsError: The column is missing, or rows repeat.
    """
    rows = checked(frame)
    check_columns(rows, (condition,))
    rows = rows.dropna(subset=[condition])
    check_unique(rows, (*NET, condition))
    rows = rows.assign(**{condition: rows[condition].astype(bool)})
    table = rows.pivot(index=list(NET), columns=condition, values="error")
    table = table.reindex(columns=[False, True]).dropna().reset_index()
    table.columns = [*NET, "without", "with"]
    return table


def condition_gains(frame: DataFrame, condition: str) -> DataFrame:
    """Return what a condition, such as pretraining, gains on each dataset.

    Args:
        frame: See `paired`.
        condition: See `paired`.

    Returns:
        A row per dataset: ``dataset``, ``nets`` (that have both errors), ``mean_gain`` and
        ``median_gain`` (error without minus error with: more is better), ``std_gain`` (ddof 1),
        and ``correlation`` (Spearman) of the errors without and with, with ``low`` and ``high``.

    Raises:
        SettingsError: See `paired`.
    """
    from pandas import DataFrame

    rows = []
    for name, part in paired(frame, condition).groupby("dataset", observed=True):
        gain = part["without"] - part["with"]
        same = correlation(part["without"], part["with"])
        numbers = (gain.mean(), gain.median(), gain.std(), same.correlation, same.low, same.high)
        rows.append((name, len(part), *numbers))
    names = ["dataset", "nets", "mean_gain", "median_gain", "std_gain"]
    return DataFrame(rows, columns=[*names, "correlation", "low", "high"])
