"""Versions of a dataset: with balanced classes, with fewer classes, or with fewer samples.

A version is recognised by its name, which is that of the dataset with other limits in brackets, as
in ``imagenet-1k[classes=10]``. After a space, a name can have settings, as in ``digits px=8``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_analysis.representativeness.correlation import check_dataset, correlation
from lemur_analysis.representativeness.population import error_table, valid_rows
from lemur_core import Pattern
from lemur_core.errors import PatternError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas import DataFrame

SETTINGS, CLASSES = "settings", "classes"
"""Columns of a population: how nets were trained on a dataset, and its number of classes."""
_LIMITS = ("classes", "samples", "test")


class _Restricted(NamedTuple):
    """A dataset's name in two parts."""

    unrestricted: str
    restriction: Any

    @property
    def limits(self) -> tuple[float, ...]:
        """Numbers of classes, training samples and test samples; infinity keeps all."""
        values = (getattr(self.restriction, name) for name in _LIMITS)
        return tuple(math.inf if value is None else value for value in values)

    @property
    def others(self) -> Any:
        """The name without these limits, and without the seed that draws what they keep."""
        return self.unrestricted, replace(self.restriction, **dict.fromkeys(_LIMITS), seed=0)


def balanced_pairs(frame: DataFrame) -> DataFrame:
    """Return the errors on datasets that have a version with balanced classes, and on the versions.

    Both have the same limits otherwise. If the population has the column ``settings``, nets were
    also trained in the same way on both.

    Args:
        frame: A population.

    Returns:
        The rows of both, with the boolean column ``balanced``; ``dataset`` is the name of the
        unbalanced one.

    Raises:
        SettingsError: A row is invalid.
    """
    from pandas import concat

    rows = valid_rows(frame)
    by_key: dict[Any, dict[bool, str]] = {}
    for name, dataset in _restricted(rows["dataset"].unique()).items():
        alike = (dataset.unrestricted, replace(dataset.restriction, balanced=False))
        by_key.setdefault((alike, _settings(rows, name)), {})[dataset.restriction.balanced] = name
    parts = [rows.head(0).assign(balanced=False)]
    for both in by_key.values():
        if len(both) == 2:
            parts += [
                rows[rows["dataset"] == name].assign(dataset=both[False], balanced=is_balanced)
                for is_balanced, name in both.items()
            ]
    return concat(parts[1:] or parts, ignore_index=True)


def smaller_versions(frame: DataFrame) -> dict[str, list[str]]:
    """Return the versions of each dataset that have fewer classes or fewer training samples.

    Args:
        frame: A population.

    Returns:
        The names of the versions by name of the dataset, those with most classes and samples first.
        Datasets that are versions themselves are left out.

    Raises:
        SettingsError: A row is invalid.
    """
    datasets = _restricted(valid_rows(frame)["dataset"].unique())
    versions = {
        whole: sorted(
            (name for name, dataset in datasets.items() if _is_smaller(dataset, datasets[whole])),
            key=lambda name: datasets[name].limits,
            reverse=True,
        )
        for whole in datasets
    }
    smaller = {name for names in versions.values() for name in names}
    return {whole: names for whole, names in versions.items() if names and whole not in smaller}


def version_correlations(frame: DataFrame, whole: str) -> DataFrame:
    """Return the rank correlations of other datasets with a dataset and with its smaller versions.

    This is table 3 of Tuggener et al. (2022), with all versions. The closest version is the one of
    those with fewer classes whose number of classes differs least from that of the other dataset.
    Numbers of classes are those of the column ``classes``, or else of the limit in the name.

    Args:
        frame: A population.
        whole: Name of a dataset that has smaller versions.

    Returns:
        A row per dataset that is no version of ``whole``: ``dataset``, ``classes``, the Spearman
        correlations with ``whole`` and with each version, by name, ``closest`` (the name of the
        version) and ``closest_correlation``. Unknown numbers of classes, and what depends on them,
        are missing; so are correlations of fewer than three nets.

    Raises:
        SettingsError: A row is invalid, there are duplicate rows for a net and dataset, or the
            dataset is unknown.
    """
    from pandas import DataFrame

    rows, table = valid_rows(frame), error_table(frame)
    check_dataset(whole, table.columns)
    datasets = _restricted(table.columns)
    versions = smaller_versions(rows).get(whole, [])
    classes = {name: _classes(rows, name, datasets) for name in table.columns}
    fewer = {
        name: count
        for name in versions
        if datasets[name].restriction.classes is not None and (count := classes[name]) is not None
    }
    lines = []
    for name in table.columns:
        if name in datasets and datasets[name].unrestricted == datasets[whole].unrestricted:
            continue
        values = {
            other: correlation(table[name], table[other]).correlation
            for other in (whole, *versions)
        }
        closest = _closest(classes[name], fewer)
        at_closest = math.nan if closest is None else values[closest]
        lines.append((name, classes[name], *values.values(), closest, at_closest))
    columns = ["dataset", "classes", whole, *versions, "closest", "closest_correlation"]
    return DataFrame(lines, columns=columns).astype({"classes": "Int64"})


def _restricted(names: Iterable[str]) -> dict[str, _Restricted]:
    """Return the parts of each name that is that of a dataset."""
    parts = {}
    for name in map(str, names):
        dataset = name.partition(" ")[0]
        unrestricted = dataset.partition("[")[0]
        try:
            restrictions = Pattern(dataset=(dataset,)).restrictions(unrestricted)
        except PatternError:
            continue
        if restrictions:
            parts[name] = _Restricted(unrestricted, restrictions[0])
    return parts


def _is_smaller(version: _Restricted, whole: _Restricted) -> bool:
    pairs = zip(version.limits, whole.limits, strict=True)
    return (
        version.others == whole.others
        and version.limits[:2] != whole.limits[:2]
        and all(own <= other for own, other in pairs)
    )


def _settings(rows: DataFrame, dataset: str) -> Any:
    """Return how nets were trained on a dataset, as far as it is known."""
    if SETTINGS not in rows.columns:
        return dataset.partition(" ")[2]
    return frozenset(rows.loc[rows["dataset"] == dataset, SETTINGS].dropna())


def _classes(rows: DataFrame, name: str, datasets: dict[str, _Restricted]) -> int | None:
    """Return the number of classes of a dataset; None if it is unknown."""
    if CLASSES in rows.columns:
        known = rows.loc[rows["dataset"] == name, CLASSES].dropna()
        if len(known):
            return int(known.iloc[0])
    limit: int | None = datasets[name].restriction.classes if name in datasets else None
    return limit


def _closest(classes: int | None, versions: dict[str, int]) -> str | None:
    """Return the version whose number of classes is closest; of two, the smaller one."""
    if classes is None or not versions:
        return None
    return min(versions, key=lambda name: (abs(versions[name] - classes), versions[name]))
