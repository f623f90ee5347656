"""The frame of a population: the error of each net on each dataset.

| column | |
|---|---|
| `net`, `dataset` | text |
| `error` | lower is better; 0 to 1, or percent throughout |
| `parameters`, `macs`, `activations` | complexities of the net, where they are known |
| `depth_1`, `width_1`, `bottleneck_1`, `group_1`, `depth_2`, ... | settings of the net's stages |
| `run` | what tells several runs of one net on one dataset apart |
| `selection` | of a run, the error by which the best is chosen; ``error`` where it is missing |

Rows whose error is missing are left out. Errors that are infinite, several metrics or tasks, and
two rows for one net on one dataset are refused, so that nothing is averaged or chosen silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lemur_analysis.frame import check_columns, numbers
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

NET = ("net", "dataset")
"""The columns that name a row of a population."""
_READ = ("nn", "dataset", "trial", "epoch", "accuracy", "validation", "prm", "transform")
"""The columns that are read in a frame of results; it must have the first five."""
_SIZE = r"_(\d+)(?:_|$)"
"""The resolution in a transform's name: 299 of ``norm_299_flip``."""


def runs_from_results(
    frame: DataFrame, *, at_epoch: int = 0, resolution: int = 0, complete: bool = False
) -> DataFrame:
    """Return the error of each trial in a frame of results.

    The error is 1 minus the test score at the trial's best epoch, which is the epoch with the
    highest validation score. Rows without a validation score count only for a net and dataset
    where no row has one; there the test score chooses, and the errors are too low to expect of
    other data.

    Args:
        frame: As `lemur_core.data` returns it, with one task and one metric.
        at_epoch: Last epoch that counts, so that datasets are compared at equal training; 0
            counts all.
        resolution: Edge of the images in pixels, as in the transform ``norm_64``; only its trials
            count. 0 counts all, also those whose transform names no size.
        complete: Whether only trials count that have an epoch ``at_epoch``.

    Returns:
        A row per trial: ``net``, ``dataset``, ``run``, ``epoch`` (the best), ``error`` and
        ``selection`` (0 to 1), and ``resolution`` (pixels), missing where it is not known.

    Raises:
        SettingsError: A column is missing, there are several tasks or metrics, a score is
            infinite, or ``at_epoch`` or ``resolution`` is negative.
    """
    _check_number("at_epoch", at_epoch)
    _check_number("resolution", resolution)
    check_columns(frame, _READ[:5])
    check_one(frame)
    if resolution and not {"prm", "transform"} & set(frame.columns):
        raise SettingsError(
            "resolution is read from the transform, and the frame has neither 'prm' nor 'transform'"
        )
    read = [name for name in _READ if name in frame.columns]
    rows = _floats(frame[read], *(name for name in read if name in ("accuracy", "validation")))
    rows = rows.dropna(subset=["accuracy"]).rename(columns={"nn": "net", "trial": "run"})
    rows = rows.assign(resolution=_resolutions(rows))
    if resolution:
        rows = rows[rows["resolution"] == resolution]
    if complete and at_epoch:
        reached = rows.loc[rows["epoch"] >= at_epoch, [*NET, "run"]].drop_duplicates()
        rows = rows.merge(reached, on=[*NET, "run"])
    if at_epoch:
        rows = rows[rows["epoch"] <= at_epoch]
    # A table of strings compares faster than one of objects, and categories would come back empty.
    rows = rows.astype({"net": "str", "dataset": "str", "run": "str"})
    rows = rows.assign(error=1 - rows["accuracy"], selection=1 - _choice(rows))
    rows = rows.dropna(subset=["selection"])
    _check_finite(rows)
    # Of equals, the epoch that trained longest.
    rows = rows.sort_values(["selection", "epoch"], ascending=[True, False], kind="stable")
    rows = rows.drop_duplicates([*NET, "run"]).sort_values([*NET, "run"], ignore_index=True)
    return rows[[*NET, "run", "epoch", "error", "selection", "resolution"]]


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
        frame: As `lemur_core.data` returns it, with one task and one metric.
        at_epoch: See `runs_from_results`.
        resolution: See `runs_from_results`.
        complete: See `runs_from_results`.
        settings: See `best_runs`.

    Returns:
        What `best_runs` returns.

    Raises:
        SettingsError: See `runs_from_results`.
    """
    runs = runs_from_results(frame, at_epoch=at_epoch, resolution=resolution, complete=complete)
    return best_runs(runs, settings=settings)


def best_runs(runs: DataFrame, *, settings: int = 0) -> DataFrame:
    """Return the error of each net's best run on each dataset.

    The best of 300 hyperparameter settings is better than the best of 3. With ``settings``, all
    nets are compared at an equal number: the error is the one to expect of the best of so many
    runs drawn at random without replacement, and nets with fewer runs are left out.

    Args:
        runs: A population with several rows for a net and dataset.
        settings: The number of runs to compare at; 0 takes the best of all.

    Returns:
        A row per net and dataset: ``net``, ``dataset``, ``error``, ``runs`` (how many there are)
        and, where ``runs`` has it and ``settings`` is 0, ``epoch`` of the best.

    Raises:
        SettingsError: A column is missing, an error is infinite, or ``settings`` is negative.
    """
    _check_number("settings", settings)
    rows = checked(runs)
    if "selection" not in rows.columns:
        rows = rows.assign(selection=rows["error"])
    rows = rows.sort_values("selection", kind="stable")
    groups = rows.groupby(list(NET), observed=True)
    rows = rows.assign(runs=groups["error"].transform("size"))
    if settings:
        rows = rows[rows["runs"] >= settings]
        weight = _chances(groups.cumcount()[rows.index], rows["runs"], settings)
        rows = rows.assign(error=rows["error"] * weight)
        totals = rows.groupby(list(NET), observed=True).agg({"error": "sum", "runs": "first"})
        return totals.reset_index()
    best = rows.drop_duplicates(list(NET)).sort_values(list(NET), ignore_index=True)
    return best[[*NET, "error", "runs", *(["epoch"] if "epoch" in best.columns else [])]]


def population_of(frame: DataFrame, **choice: int | bool) -> DataFrame:
    """Return the population in a frame: itself, or what `from_results` reads from results.

    Args:
        frame: With a column ``error``, or as `lemur_core.data` returns it.
        choice: Arguments of `from_results`.

    Raises:
        SettingsError: It is neither, or a row is not as expected.
    """
    if "error" in frame.columns or "accuracy" not in frame.columns:
        given = [name for name, value in choice.items() if value]
        if given:
            raise SettingsError(
                f"{', '.join(given)} can only be chosen in a frame of results, and this frame has "
                f"errors already; select its rows before"
            )
        return checked(frame)
    return from_results(frame, **choice)  # type: ignore[arg-type]


def checked(frame: DataFrame) -> DataFrame:
    """Return the rows of a population that have an error.

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
    """Return the errors as a table with a row per net and a column per dataset.

    Args:
        frame: A population.
        values: The column to spread out.

    Raises:
        SettingsError: Two rows are of one net and dataset, or a row is not as expected.
    """
    rows = checked(frame)
    check_unique(rows, NET)
    return rows.pivot(index="net", columns="dataset", values=values)


def relative_errors(frame: DataFrame) -> DataFrame:
    """Return a population with each error divided by the least one on its dataset.

    The best net on a dataset has the relative error 1. It is NaN on a dataset where the least
    error is 0.

    Returns:
        The rows that have an error, with the column ``relative_error``.

    Raises:
        SettingsError: A row is not as expected.
    """
    rows = checked(frame)
    best = rows.groupby("dataset", observed=True)["error"].transform("min")
    return rows.assign(relative_error=rows["error"] / best.where(best > 0))


def check_unique(frame: DataFrame, columns: tuple[str, ...]) -> None:
    """Check that no two rows agree in the columns.

    Raises:
        SettingsError: Some do.
    """
    twice = frame.duplicated(list(columns))
    if twice.any():
        first = ", ".join(f"{name} {frame.loc[twice, name].iloc[0]!r}" for name in columns)
        raise SettingsError(
            f"{twice.sum():,} rows repeat a row with the same {', '.join(columns)}, first "
            f"{first}; keep one of each, such as best_runs(frame)"
        )


def check_one(frame: DataFrame) -> None:
    """Check that a frame has one task and one metric.

    Raises:
        SettingsError: It has several.
    """
    for column in ("task", "metric"):
        if column in frame.columns and frame[column].nunique() > 1:
            names = ", ".join(sorted(map(str, frame[column].dropna().unique())))
            raise SettingsError(
                f"the results are of several {column}s: {names}; their errors cannot be compared, "
                f"choose one {column}"
            )


def _floats(frame: DataFrame, *names: str) -> DataFrame:
    """Return a frame with columns of float64, which may be infinite.

    Raises:
        SettingsError: A column holds something else than numbers.
    """
    for name in names:
        numbers(frame, name)
    return frame.astype(dict.fromkeys(names, "float64"))


def _choice(rows: DataFrame) -> Series:
    """Return the score by which the best epoch is chosen."""
    if "validation" not in rows.columns:
        return rows["accuracy"]
    known = rows.groupby(list(NET))["validation"].transform("count") > 0
    return rows["validation"].where(known, rows["accuracy"])


def _resolutions(rows: DataFrame) -> Series | float:
    """Return the resolution of each row, in pixels; NaN where no transform names one."""
    if "transform" in rows.columns:
        names = rows["transform"]
    elif "prm" in rows.columns:
        names = rows["prm"].map(lambda prm: (prm or {}).get("transform", ""))
    else:
        return np.nan
    return names.astype("str").str.extract(_SIZE, expand=False).astype("float64")


def _chances(place: Series, size: Series, drawn: int) -> Series:
    """Return the chance that each run is the best of those drawn.

    Args:
        place: Of the run among its net's, the best first, from 0.
        size: The number of the net's runs.
        drawn: The number that is drawn without replacement.
    """
    from scipy.special import comb

    return comb(size - place - 1, drawn - 1) / comb(size, drawn)


def _check_number(name: str, value: int) -> None:
    if value < 0:
        raise SettingsError(f"{name} is {value}; expected a whole number from 0")


def _check_finite(rows: DataFrame) -> None:
    infinite = ~np.isfinite(rows["error"].to_numpy(dtype="float64"))
    if infinite.any():
        first = rows[infinite].iloc[0]
        raise SettingsError(
            f"{infinite.sum():,} errors are infinite, first that of net {first['net']!r} on "
            f"{first['dataset']!r}; leave these rows out"
        )
