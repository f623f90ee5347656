"""Populations: frames with the error of each net on each dataset.

| column | |
|---|---|
| `net`, `dataset` | text |
| `error` | lower is better; all from 0 to 1, or all in percent |
| `parameters`, `macs`, `activations` | complexities of the net (optional) |
| `depth_1`, `width_1`, `bottleneck_1`, `group_1`, `depth_2`, ... | stage settings (optional) |
| `run` | identifies one of several runs of a net on a dataset |
| `selection` | error of a run by which the best run is chosen; default: ``error`` |
| `top1_error`, `top5_error`, `training_error` | further errors of the same row (optional) |
| `classes` | number of classes of the dataset (optional) |
| `settings` | text that says how nets are trained on the dataset (optional) |

Rows with a missing error are left out. Infinite errors, several metrics or tasks, and duplicate
rows for a net and dataset are errors, so that nothing is averaged or chosen silently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from lemur_analysis.frame import check_columns, numbers
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

NET = ("net", "dataset")
"""Columns that identify a row of a population."""
_COLUMNS_READ = ("nn", "dataset", "trial", "epoch", "accuracy", "validation", "prm", "transform")
"""Columns that are read from results; the first five are required."""
_SIZE = r"_(\d+)(?:_|$)"
"""Pattern of the resolution in the name of a transform, for example 299 in ``norm_299_flip``."""
COMPLEXITIES = ("parameters", "macs", "activations")
"""Columns of complexities. In results they are facts, or the recorded parameters of the net."""
_ERRORS = ("training_error", "top1_error", "top5_error")
_OF_DATASET = ("classes", "settings")
_NAMED = "|".join(("epoch", *COMPLEXITIES, *_ERRORS, *_OF_DATASET))
_DESCRIBED = rf"{_NAMED}|(depth|width|bottleneck|group)(_\d+)?"
_FACT = "fact."
"""Prefix of a fact's column in results that have another column of its name."""


def runs_from_results(
    frame: DataFrame, *, at_epoch: int = 0, resolution: int = 0, complete: bool = False
) -> DataFrame:
    """Return the error of each trial in a frame of results.

    The error is 1 minus the test score at the trial's best epoch, the one with the highest
    validation score. Rows without a validation score are only used for a net and dataset for which
    no row has one. In that case, the best epoch is chosen by the test score, and the errors are
    optimistic.

    Args:
        frame: Results from `lemur_core.data` with one task and one metric.
        at_epoch: Ignore later epochs, to compare datasets at equal training; 0 uses all epochs.
        resolution: Use only trials with images of this edge length in pixels, read from the name of
            the transform, for example ``norm_64``. 0 uses all trials, even if their transform does
            not name a size.
        complete: Use only trials that reach the epoch ``at_epoch``.

    Returns:
        A row per trial: ``net``, ``dataset``, ``run``, ``epoch`` (the best), ``error`` and
        ``selection`` (0 to 1), ``resolution`` (pixels), missing if unknown, and those of
        `COMPLEXITIES` that the frame has. The arguments ``with_facts`` and ``with_stats`` of
        `lemur_core.data` add them to results.

    Raises:
        SettingsError: A column is missing, there are several tasks or metrics, lower values of the
            metric are better, a score is infinite, or ``at_epoch`` or ``resolution`` is negative.
    """
    _check_number("at_epoch", at_epoch)
    _check_number("resolution", resolution)
    check_columns(frame, _COLUMNS_READ[:5])
    check_one(frame)
    _check_scores(frame)
    if resolution and not {"prm", "transform"} & set(frame.columns):
        raise SettingsError(
            "resolution is read from the transform, and the frame has neither 'prm' nor 'transform'"
        )
    read = [name for name in _COLUMNS_READ if name in frame.columns]
    complexities = _complexities(frame)
    rows = _floats(frame[read], *(name for name in read if name in ("accuracy", "validation")))
    rows = rows.dropna(subset=["accuracy"]).rename(columns={"nn": "net", "trial": "run"})
    rows = rows.assign(resolution=_resolutions(rows), **complexities)
    if resolution:
        rows = rows[rows["resolution"] == resolution]
    if complete and at_epoch:
        reached = rows.loc[rows["epoch"] >= at_epoch, [*NET, "run"]].drop_duplicates()
        rows = rows.merge(reached, on=[*NET, "run"])
    if at_epoch:
        rows = rows[rows["epoch"] <= at_epoch]
    # Strings compare faster than objects, and grouping by categories would return empty groups.
    rows = rows.astype({"net": "str", "dataset": "str", "run": "str"})
    rows = rows.assign(error=1 - rows["accuracy"], selection=1 - _selection_score(rows))
    rows = rows.dropna(subset=["selection"])
    _check_finite(rows)
    # Prefer the later of tied epochs.
    rows = rows.sort_values(["selection", "epoch"], ascending=[True, False], kind="stable")
    rows = rows.drop_duplicates([*NET, "run"]).sort_values([*NET, "run"], ignore_index=True)
    return rows[[*NET, "run", "epoch", "error", "selection", "resolution", *complexities]]


def from_results(
    frame: DataFrame,
    *,
    at_epoch: int = 0,
    resolution: int = 0,
    complete: bool = False,
    settings: int = 0,
) -> DataFrame:
    """Return the population in a frame of results: the best error of each net on each dataset.

    Args:
        frame: Results from `lemur_core.data` with one task and one metric.
        at_epoch: See `runs_from_results`.
        resolution: See `runs_from_results`.
        complete: See `runs_from_results`.
        settings: See `best_runs`.

    Returns:
        The result of `best_runs`.

    Raises:
        SettingsError: See `runs_from_results`.
    """
    runs = runs_from_results(frame, at_epoch=at_epoch, resolution=resolution, complete=complete)
    return best_runs(runs, settings=settings)


def best_runs(runs: DataFrame, *, settings: int = 0) -> DataFrame:
    """Return the error of each net's best run on each dataset.

    The best of 300 hyperparameter settings is usually better than the best of 3. ``settings``
    compares all nets at the same number of runs: the error is the expected error of the best of
    this many runs, drawn at random without replacement. Nets with fewer runs are left out.

    Args:
        runs: A population with several rows per net and dataset.
        settings: Number of runs at which to compare; 0 uses the best of all runs.

    Returns:
        A row per net and dataset: ``net``, ``dataset``, ``error``, ``runs`` (number of runs) and,
        if ``settings`` is 0, the columns of the best run that describe it, as far as ``runs`` has
        them: ``epoch``, ``training_error``, ``top1_error``, ``top5_error``, ``classes``,
        ``settings``, `COMPLEXITIES` and stage settings.

    Raises:
        SettingsError: A column is missing, an error is infinite, or ``settings`` is negative.
    """
    _check_number("settings", settings)
    rows = valid_rows(runs)
    if "selection" not in rows.columns:
        rows = rows.assign(selection=rows["error"])
    rows = rows.sort_values("selection", kind="stable")
    groups = rows.groupby(list(NET), observed=True)
    rows = rows.assign(runs=groups["error"].transform("size"))
    if settings:
        rows = rows[rows["runs"] >= settings]
        weight = _best_probabilities(groups.cumcount()[rows.index], rows["runs"], settings)
        rows = rows.assign(error=rows["error"] * weight)
        totals = rows.groupby(list(NET), observed=True).agg({"error": "sum", "runs": "first"})
        return totals.reset_index()
    best = rows.drop_duplicates(list(NET)).sort_values(list(NET), ignore_index=True)
    described = [name for name in best.columns if re.fullmatch(_DESCRIBED, str(name))]
    return best[[*NET, "error", "runs", *described]]


def population_of(frame: DataFrame, **choice: int | bool) -> DataFrame:
    """Return the population in a frame, which is a population or results.

    Args:
        frame: A population, with the column ``error``, or results from `lemur_core.data`.
        choice: Arguments of `from_results`; they must be zero for a population.

    Raises:
        SettingsError: The frame is neither, a row is invalid, or an argument does not apply.
    """
    is_results = {"accuracy", "nn"} <= set(frame.columns)
    if not is_results:
        arguments = [name for name, value in choice.items() if value]
        if arguments:
            raise SettingsError(
                f"{', '.join(arguments)} can only be used with results, but the frame is a "
                "population; select its rows beforehand"
            )
        return valid_rows(frame)
    return from_results(frame, **choice)  # type: ignore[arg-type]


def valid_rows(frame: DataFrame) -> DataFrame:
    """Validate a population and return its rows that have an error.

    Raises:
        SettingsError: A column is missing, there are several metrics or tasks, or an error is
            infinite.
    """
    check_columns(frame, (*NET, "error"))
    check_one(frame)
    rows = _floats(frame, "error").dropna(subset=["error"])
    _check_finite(rows)
    return rows


def error_table(frame: DataFrame, *, values: str = "error") -> DataFrame:
    """Return the errors as a table with one row per net and one column per dataset.

    Args:
        frame: A population.
        values: The column that contains the values of the table.

    Raises:
        SettingsError: There are duplicate rows for a net and dataset, or a row is invalid.
    """
    rows = valid_rows(frame)
    check_unique(rows, NET)
    return rows.pivot(index="net", columns="dataset", values=values)


def relative_errors(frame: DataFrame) -> DataFrame:
    """Return a population with each error divided by the lowest one on its dataset.

    The best net on a dataset has the relative error 1. Relative errors are NaN on datasets whose
    lowest error is 0.

    Returns:
        The rows that have an error, with the column ``relative_error``.

    Raises:
        SettingsError: A row is invalid.
    """
    rows = valid_rows(frame)
    best = rows.groupby("dataset", observed=True)["error"].transform("min")
    return rows.assign(relative_error=rows["error"] / best.where(best > 0))


def check_unique(frame: DataFrame, columns: tuple[str, ...]) -> None:
    """Check that no two rows have the same values in the columns.

    Raises:
        SettingsError: There are duplicate rows.
    """
    duplicates = frame.duplicated(list(columns))
    if duplicates.any():
        first = ", ".join(f"{name} {frame.loc[duplicates, name].iloc[0]!r}" for name in columns)
        raise SettingsError(
            f"{duplicates.sum():,} rows repeat a row with the same {', '.join(columns)}, first "
            f"{first}; keep one of each, for example with best_runs(frame)"
        )


def check_one(frame: DataFrame) -> None:
    """Check that a frame has only one task and one metric.

    Raises:
        SettingsError: The frame has several tasks or metrics.
    """
    for column in ("task", "metric"):
        if column in frame.columns and frame[column].nunique() > 1:
            names = ", ".join(sorted(map(str, frame[column].dropna().unique())))
            raise SettingsError(
                f"the results have several {column}s: {names}; their errors cannot be compared, "
                f"select one {column}"
            )


def _check_scores(frame: DataFrame) -> None:
    """Raise `SettingsError` if results have errors by a metric, whose scores are no shares."""
    if "error" in frame.columns and frame["error"].notna().any():
        metric = f"metric {frame['metric'].iloc[0]}: " if "metric" in frame.columns else ""
        raise SettingsError(
            f"{metric}lower is better, and 1 minus its score is not its error; choose results of "
            "another metric"
        )


def _floats(frame: DataFrame, *names: str) -> DataFrame:
    """Return a frame with some columns as float64; infinite values are kept.

    Raises:
        SettingsError: A column contains values that are not numbers.
    """
    for name in names:
        numbers(frame, name)
    return frame.astype(dict.fromkeys(names, "float64"))


def _complexities(frame: DataFrame) -> dict[str, Series]:
    """Return the columns of complexities in results; facts take precedence."""
    complexities = {}
    for name in COMPLEXITIES:
        columns = [column for column in (f"{_FACT}{name}", name) if column in frame.columns]
        if columns:
            first, *others = (numbers(frame, column) for column in columns)
            complexities[name] = first if not others else first.fillna(others[0])
    return {name: column for name, column in complexities.items() if column.notna().any()}


def _selection_score(rows: DataFrame) -> Series:
    """Return the score by which the best epoch is chosen: validation if available, else test."""
    if "validation" not in rows.columns:
        return rows["accuracy"]
    has_validation = rows.groupby(list(NET))["validation"].transform("count") > 0
    return rows["validation"].where(has_validation, rows["accuracy"])


def _resolutions(rows: DataFrame) -> Series | float:
    """Return the resolution of each row in pixels; NaN if the transform's name has no size."""
    if "transform" in rows.columns:
        names = rows["transform"]
    elif "prm" in rows.columns:
        names = rows["prm"].map(lambda prm: (prm or {}).get("transform", ""))
    else:
        return np.nan
    return names.astype("str").str.extract(_SIZE, expand=False).astype("float64")


def _best_probabilities(rank: Series, run_count: Series, sample_size: int) -> Series:
    """Return the probability that each run is the best of a random sample of its net's runs.

    Args:
        rank: Rank of the run among its net's runs, from 0 for the best.
        run_count: Number of the net's runs.
        sample_size: Size of the sample, drawn without replacement.
    """
    from scipy.special import comb

    return comb(run_count - rank - 1, sample_size - 1) / comb(run_count, sample_size)


def _check_number(name: str, value: int) -> None:
    if value < 0:
        raise SettingsError(f"{name} is {value}; expected a whole number from 0")


def _check_finite(rows: DataFrame) -> None:
    infinite = ~np.isfinite(rows["error"].to_numpy(dtype="float64"))
    if infinite.any():
        first, others = rows[infinite].iloc[0], infinite.sum() - 1
        more = f", and {others:,} more" if others else ""
        raise SettingsError(
            f"the error of net {first['net']!r} on {first['dataset']!r} is infinite{more}; leave "
            "infinite errors out"
        )
