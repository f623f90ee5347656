"""Frames with one row per pair of trainings: their columns, and how they are validated."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.pairs.columns import PRM, SCORE
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame, Series

PUBLISHED_SCORES = ("pt_test_acc", "tf_test_acc")
"""Columns of the scores of PyTorch and TensorFlow in CrossedWires' tables."""
DIFFERENCES = ("difference", "accuracy_diff")
"""Columns of the absolute difference of both scores; the first one that exists is read."""
NAMES = ("name", "Name")
"""Columns of the name of a pair."""
GROUPS = (*CELL, "nets", "nn", "net")
"""Columns to group by; pairs are only compared within a group."""
FRAMEWORKS = {"pt_test_acc": "PyTorch", "tf_test_acc": "TensorFlow"}
_ROUNDING = 1e-6
_LONGEST = 80


class TooFewPairsError(SettingsError):
    """There are not enough pairs, or nothing in them varies."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of trainings with the same hyperparameters.

    Attributes:
        frame: The pairs, one per row.
        scores: Names of the two columns of scores, 0 to 1; NaN if a training failed.
        hyperparameters: Names of the columns of numeric hyperparameters.
        title: The values of `GROUPS` that the pairs share; empty if there are none.
    """

    frame: DataFrame
    scores: tuple[str, str]
    hyperparameters: tuple[str, ...]
    title: str = ""

    @property
    def difference(self) -> Series:
        """The absolute difference of the scores, 0 to 1; NaN if a score is missing.

        A column of `DIFFERENCES` takes precedence over the scores, as it may have more digits.
        """
        first, second = (self.frame[name] for name in self.scores)
        computed = (first - second).abs()
        for name in DIFFERENCES:
            if name in self.frame.columns:
                return self.frame[name].astype("float64").where(computed.notna()).fillna(computed)
        return computed

    @property
    def names(self) -> Series:
        """The names of the pairs; without a column of names, their index in the frame."""
        for name in NAMES:
            if name in self.frame.columns:
                return self.frame[name].astype(str)
        return self.frame.index.to_series().astype(str)

    @property
    def place(self) -> str:
        """Text that identifies these pairs in an error message: " of TITLE", or empty."""
        title = self.title if len(self.title) <= _LONGEST else f"{self.title[:_LONGEST]}..."
        return f" of {title}" if title else ""

    @property
    def complete(self) -> Pairs:
        """The pairs in which both trainings have a score."""
        return replace(self, frame=self.frame[self.difference.notna()])

    def groups(self) -> Iterator[tuple[dict[str, object], Pairs]]:
        """Yield each group of comparable pairs with the values of `GROUPS` that they share."""
        by = [name for name in GROUPS if name in self.frame.columns]
        if not by or self.frame.empty:
            yield {}, self
            return
        for key, part in self.frame.groupby(by, sort=True, observed=True, dropna=False):
            values = dict(zip(by, key, strict=True))
            yield values, replace(self, frame=part, title=", ".join(map(str, key)))


def read_pairs(
    frame: DataFrame, scores: str | Sequence[str] = "", hyperparameters: str | Sequence[str] = ""
) -> Pairs:
    """Return the pairs in a frame.

    Args:
        frame: A frame with one row per pair, like the result of `of_collections` or a table of
            CrossedWires, or the rows of a collection of pairs, read with `lemur_core.data`. The
            index is ignored.
        scores: The two columns of scores, a sequence or names separated by ``+``. By default,
            ``pt_test_acc, tf_test_acc`` or the two columns that start with ``accuracy.``.
        hyperparameters: The columns of hyperparameters, a sequence or names separated by ``+``. By
            default, the columns that start with ``prm.`` or, if there are none, all numeric columns
            without another meaning; columns without any number are left out.

    Raises:
        SettingsError: The frame lacks a column, a score is not between 0 and 1, or the column of
            the differences contradicts the scores.
    """
    if {"role", "position"} <= set(frame.columns):
        from lemur_analysis.pairs.collections import of_rows

        frame = of_rows(frame)
    columns = _score_columns(frame, split_names(scores))
    frame = frame.reset_index(drop=True)
    frame = frame.assign(**{name: _numbers(frame, name) for name in columns})
    names = _hyperparameters(frame, columns, split_names(hyperparameters))
    pairs = Pairs(frame, columns, names)
    _check_scores(pairs)
    return pairs


def short_name(name: str) -> str:
    """Return the short name of a column of scores or hyperparameters, for figures.

    >>> [short_name(name) for name in ("pt_test_acc", "accuracy.pytorch", "prm.lr", "epochs")]
    ['PyTorch', 'pytorch', 'lr', 'epochs']
    """
    return FRAMEWORKS.get(name) or name.removeprefix(SCORE).removeprefix(PRM)


def split_names(names: str | Sequence[str]) -> list[str]:
    """Return a list of names, given as a sequence or as text separated by ``+`` or commas."""
    if isinstance(names, str):
        return [name.strip() for name in re.split("[+,]", names) if name.strip()]
    return list(names)


def _score_columns(frame: DataFrame, names: list[str]) -> tuple[str, str]:
    if names and len(set(names)) != 2:
        raise SettingsError(f"scores {', '.join(names)}: expected the names of two columns")
    if names:
        check_columns(frame, tuple(names))
    elif set(PUBLISHED_SCORES) <= set(frame.columns):
        names = list(PUBLISHED_SCORES)
    else:
        names = [name for name in frame.columns if str(name).startswith(SCORE)]
    if len(names) != 2:
        available = ", ".join(map(str, frame.columns)) or "none"
        raise SettingsError(
            f"the frame has no pairs: name its two columns of scores, it has {available}; or "
            "select the rows of a collection of pairs"
        )
    return names[0], names[1]


def _numbers(frame: DataFrame, name: str) -> Series:
    try:
        return frame[name].astype("float64")
    except (TypeError, ValueError):
        raise SettingsError(f"column {name!r} contains values that are not numbers") from None


def _hyperparameters(
    frame: DataFrame, scores: tuple[str, str], columns: list[str]
) -> tuple[str, ...]:
    if columns:
        check_columns(frame, tuple(columns))
        for name in columns:
            _numbers(frame, name)
        return tuple(columns)
    names = [name for name in frame.columns if str(name).startswith(PRM)]
    if not names:
        others = {*scores, *DIFFERENCES, *NAMES, *GROUPS}
        names = [name for name in frame.columns if name not in others]
    numeric = frame[names].select_dtypes("number")
    return tuple(name for name in numeric.columns if numeric[name].notna().any())


def _check_scores(pairs: Pairs) -> None:
    for name in pairs.scores:
        values = pairs.frame[name]
        wrong = values[~values.between(-_ROUNDING, 1 + _ROUNDING) & values.notna()]
        if len(wrong):
            raise SettingsError(
                f"column {name!r} holds {wrong.iloc[0]:g}; expected scores from 0 to 1, "
                "missing where a training failed"
            )
    first, second = (pairs.frame[name] for name in pairs.scores)
    wrong = ((first - second).abs() - pairs.difference).abs() > _ROUNDING
    if wrong.any():
        at = np.flatnonzero(wrong)[0]
        raise SettingsError(
            f"pair {pairs.names.iloc[at]}: the difference is given as "
            f"{pairs.difference.iloc[at]:g}, but the scores are {first.iloc[at]:g} and "
            f"{second.iloc[at]:g}"
        )
