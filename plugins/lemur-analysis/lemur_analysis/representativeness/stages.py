"""Stage settings of nets: totals, ascending sub-populations and the best configurations.

The settings of the first stage are in the columns ``depth_1``, ``width_1``, ``bottleneck_1`` and
``group_1``, those of the second in ``depth_2`` and so on, as in the design space AnyNetX
(Radosavovic et al. 2020).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from lemur_analysis.representativeness.population import NET, check_unique, valid_rows
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

STAGE_SETTINGS = {
    "depth": "depth (blocks)",
    "width": "width (channels)",
    "bottleneck": "bottleneck ratio",
    "group": "group width (channels)",
}
"""Settings of a stage, with their labels in figures."""
READINGS = {False: ">=", True: ">"}
"""Meaning of ascending by ``strict``: no step descends, or every step ascends."""


def stage_columns(frame: DataFrame) -> dict[str, list[str]]:
    """Return the columns of each stage setting in a frame, sorted by stage."""
    columns: dict[str, list[str]] = {}
    for setting in STAGE_SETTINGS:
        names = [name for name in map(str, frame.columns) if re.fullmatch(rf"{setting}_\d+", name)]
        if names:
            columns[setting] = sorted(names, key=lambda name: int(name.rpartition("_")[2]))
    return columns


def with_totals(frame: DataFrame) -> DataFrame:
    """Return a frame with the columns ``depth`` and ``width``, the sums over the stages.

    Existing columns are kept. A sum is NaN if the setting of a stage is missing.
    """
    stages = stage_columns(frame)
    totals = {
        name: frame[stages[name]].sum(axis=1, skipna=False)
        for name in ("depth", "width")
        if name in stages and name not in frame.columns
    }
    return frame.assign(**totals)


def ascending(frame: DataFrame, setting: str, *, strict: bool = False) -> Series:
    """Return whether a setting ascends from each stage to the next, for each row.

    Args:
        frame: A frame with the columns of the setting, for example ``width_1`` to ``width_4``.
        setting: One of `STAGE_SETTINGS`.
        strict: Require each step to ascend; if False, equal values are allowed.

    Raises:
        SettingsError: The frame has fewer than two stages of the setting.
    """
    from pandas import Series

    columns = stage_columns(frame).get(setting, [])
    if len(columns) < 2:
        raise SettingsError(
            f"an ascending {setting} needs the columns {setting}_1, {setting}_2, ...; the "
            f"frame has {', '.join(columns) or 'none of them'}"
        )
    steps = np.diff(frame[columns].to_numpy(dtype="float64"), axis=1)
    return Series((steps > 0 if strict else steps >= 0).all(axis=1), index=frame.index)


def ascending_counts(frame: DataFrame) -> DataFrame:
    """Return the sizes of the sub-populations whose settings ascend through the stages.

    "Strictly ascending" in appendix D of Tuggener et al. (2022) can be read as >= or as >; both
    are counted.

    Args:
        frame: A frame with ``net`` and stage settings; each net counts once.

    Returns:
        A row per setting and reading: ``setting``, ``reading`` (">=" or ">"), ``nets``, ``of``
        (the population) and ``share``, 0 to 1.
    """
    from pandas import DataFrame

    nets = frame.drop_duplicates("net")
    rows = [
        (setting, reading, int(ascending(nets, setting, strict=strict).sum()), len(nets))
        for setting in _multistage_settings(nets)
        for strict, reading in READINGS.items()
    ]
    table = DataFrame(rows, columns=["setting", "reading", "nets", "of"])
    return table.assign(share=table["nets"] / table["of"])


def best_configurations(frame: DataFrame, *, best: int = 15) -> DataFrame:
    """Return the stage settings of the best net, and their means over the best nets, by dataset.

    This is figure 20 of Tuggener et al. (2022).

    Args:
        frame: A population with stage settings.
        best: Number of best nets to average over.

    Returns:
        A row per dataset, setting and stage: ``dataset``, ``setting``, ``stage``, ``best_net``
        (the setting of the net with the lowest error), ``mean`` and ``std`` (ddof 1) over the nets
        with the lowest errors, and ``nets``, their number. Ties are resolved by name.

    Raises:
        SettingsError: The frame has no stage settings, or ``best`` is less than 1.
    """
    from pandas import DataFrame

    if best < 1:
        raise SettingsError(f"best is {best}; expected a whole number from 1")
    rows = valid_rows(frame)
    check_unique(rows, NET)
    stages = stage_columns(rows)
    if not stages:
        raise SettingsError("the frame has no stage settings, for example depth_1 or width_1")
    ordered = rows.sort_values(["error", "net"], kind="stable")
    table = [
        (
            name,
            setting,
            int(column.rpartition("_")[2]),
            part[column].iloc[0],
            part[column].head(best).mean(),
            part[column].head(best).std(),
            len(part.head(best)),
        )
        for name, part in ordered.groupby("dataset", observed=True)
        for setting, columns in stages.items()
        for column in columns
    ]
    return DataFrame(
        table, columns=["dataset", "setting", "stage", "best_net", "mean", "std", "nets"]
    )


def _multistage_settings(frame: DataFrame) -> list[str]:
    return [name for name, columns in stage_columns(frame).items() if len(columns) > 1]
