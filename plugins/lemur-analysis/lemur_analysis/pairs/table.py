"""A frame with one row per pair of trainings: which columns are what, and what is refused."""

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
"""The scores of CrossedWires' tables: of PyTorch and of TensorFlow."""
DIFFERENCES = ("difference", "accuracy_diff")
"""Columns that hold the absolute difference of both scores, the first that is there is read."""
NAMES = ("name", "Name")
"""Columns that name a pair."""
GROUPS = (*CELL, "nets", "nn", "net")
"""Columns within which pairs can be compared: no others are put together."""
FRAMEWORKS = {"pt_test_acc": "PyTorch", "tf_test_acc": "TensorFlow"}
_ROUNDING = 1e-6
_LONGEST = 80


class TooFewPairsError(SettingsError):
    """There are not enough pairs, or nothing in them varies."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of trainings with the same hyperparameters.

    Attributes:
        frame: A row per pair.
        scores: The two columns of scores, 0 to 1; NaN where a training failed.
        hyperparameters: The columns of numeric hyperparameters.
        title: What the pairs have in common; empty if the frame does not say.
    """

    frame: DataFrame
    scores: tuple[str, str]
    hyperparameters: tuple[str, ...]
    title: str = ""

    @property
    def difference(self) -> Series:
        """The absolute difference of the scores, 0 to 1; NaN where one of them is.

        A column that holds it is read in place of the scores, as it can have more digits.
        """
        first, second = (self.frame[name] for name in self.scores)
        own = (first - second).abs()
        for name in DIFFERENCES:
            if name in self.frame.columns:
                return self.frame[name].astype("float64").where(own.notna()).fillna(own)
        return own

    @property
    def names(self) -> Series:
        """The names of the pairs: their own, or their places in the frame."""
        for name in NAMES:
            if name in self.frame.columns:
                return self.frame[name].astype(str)
        return self.frame.index.to_series().astype(str)

    @property
    def place(self) -> str:
        """What to add to an error about these pairs: " of TITLE", or nothing."""
        title = self.title if len(self.title) <= _LONGEST else f"{self.title[:_LONGEST]}..."
        return f" of {title}" if title else ""

    @property
    def complete(self) -> Pairs:
        """The pairs of which both trainings have a score."""
        return replace(self, frame=self.frame[self.difference.notna()])

    def groups(self) -> Iterator[tuple[dict[str, object], Pairs]]:
        """Yield the pairs that can be compared, with the columns in which they agree."""
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
    """Return the pairs that a frame holds.

    Args:
        frame: A row per pair, as `of_collections` or CrossedWires' tables have it, or the rows of
            a collection of pairs, as `lemur_core.data` returns them. Its index is left aside.
        scores: The two columns of scores, a sequence or names separated by ``+``. Without it they
            are ``pt_test_acc, tf_test_acc`` or the two that begin with ``accuracy.``.
        hyperparameters: The columns of hyperparameters, likewise. Without it they are those that
            begin with ``prm.``, or else every numeric column that is nothing else; columns without
            any number are left out.

    Raises:
        SettingsError: The frame lacks a column, a score is not between 0 and 1, or the column of
            the differences contradicts the scores.
    """
    if {"role", "position"} <= set(frame.columns):
        from lemur_analysis.pairs.collections import of_rows

        frame = of_rows(frame)
    pair = _score_columns(frame, listed(scores))
    frame = frame.reset_index(drop=True)
    frame = frame.assign(**{name: _numbers(frame, name) for name in pair})
    found = Pairs(frame, pair, _hyperparameters(frame, pair, listed(hyperparameters)))
    _check_scores(found)
    return found


def short(name: str) -> str:
    """Return what a score or hyperparameter is called in a figure.

    >>> short("pt_test_acc"), short("accuracy.pytorch"), short("prm.lr"), short("epochs")
    ('PyTorch', 'pytorch', 'lr', 'epochs')
    """
    return FRAMEWORKS.get(name) or name.removeprefix(SCORE).removeprefix(PRM)


def listed(names: str | Sequence[str]) -> list[str]:
    """Return names that were given as a sequence, or as text separated by ``+`` or commas."""
    if isinstance(names, str):
        return [name.strip() for name in re.split("[+,]", names) if name.strip()]
    return list(names)


def _score_columns(frame: DataFrame, given: list[str]) -> tuple[str, str]:
    if given and len(set(given)) != 2:
        raise SettingsError(f"scores {', '.join(given)}: expected the names of two columns")
    if given:
        check_columns(frame, tuple(given))
    elif set(PUBLISHED_SCORES) <= set(frame.columns):
        given = list(PUBLISHED_SCORES)
    else:
        given = [name for name in frame.columns if str(name).startswith(SCORE)]
    if len(given) != 2:
        has = ", ".join(map(str, frame.columns)) or "none"
        raise SettingsError(
            f"the frame has no pairs: name its two columns of scores, it has {has}; or select the "
            "rows of a collection of pairs"
        )
    return given[0], given[1]


def _numbers(frame: DataFrame, name: str) -> Series:
    try:
        return frame[name].astype("float64")
    except (TypeError, ValueError):
        raise SettingsError(f"column {name!r} holds what is no number") from None


def _hyperparameters(
    frame: DataFrame, scores: tuple[str, str], given: list[str]
) -> tuple[str, ...]:
    if given:
        check_columns(frame, tuple(given))
        for name in given:
            _numbers(frame, name)
        return tuple(given)
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
