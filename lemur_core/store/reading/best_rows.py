"""Which rows of results are the best ones, by the arguments of `lemur_core.data`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from lemur_core.store.reading.highest import By

PER: dict[str, tuple[str, ...]] = {
    "pipeline": ("task", "dataset", "metric", "nn"),
    "dataset": ("task", "dataset", "metric"),
    # Scores of different tasks and metrics are not compared.
    "net": ("task", "metric", "nn"),
    "user": ("task", "dataset", "metric", "user"),
    "trial": ("trial",),
}
"""Columns in which the rows agree of which the best is kept, by name of the group."""
BY: dict[str, By] = {"validation": "validation", "test": "accuracy"}
"""The criteria for the best row: the score of each name."""


class BestRows(NamedTuple):
    """How the best rows are selected.

    Attributes:
        best_of: Keep only the best of the rows that agree in these columns; empty keeps all rows.
        by: Criterion for the best row, see `lemur_core.store.reading.highest`.
    """

    best_of: tuple[str, ...]
    by: By


def best_rows(
    *,
    only_best: bool = False,
    only_best_accuracy: bool = False,
    unique_nn: bool = False,
    by: str | None = None,
    per: str | None = None,
    top: int | None = None,
) -> BestRows:
    """Return how these arguments of `lemur_core.data` select the best rows.

    Raises:
        SettingsError: The arguments contradict each other.
        UnknownNameError: There is no such ``per``.
    """
    _check_by(only_best, only_best_accuracy, by)
    if per is not None and per not in PER:
        raise UnknownNameError("group", str(per), PER)
    if per is not None and unique_nn:
        raise SettingsError("unique_nn and per both say of what the best row is; give only one")
    if top is not None and top < 1:
        raise SettingsError(f"top={top}: expected a number of trials, at least 1")
    if top not in (None, 1) and per == "trial":
        raise SettingsError(
            f"top={top} is a number of trials, and per='trial' gives a row for each; leave out one"
        )
    is_selected = only_best or only_best_accuracy
    best_of = _best_of(is_selected, unique_nn, per, top)
    if by is not None and not best_of:
        raise SettingsError(f"by={by!r} selects the best rows; say of what, as in per='pipeline'")
    if by is None:
        # LEMUR's own arguments select by accuracy.
        by = "test" if only_best_accuracy or (unique_nn and not only_best) else "validation"
    return BestRows(best_of, BY[by])


def _check_by(only_best: bool, only_best_accuracy: bool, by: str | None) -> None:
    if only_best and only_best_accuracy:
        raise SettingsError(
            "only_best selects by validation score and only_best_accuracy by test score; "
            "give only one"
        )
    if by is not None and by not in BY:
        raise SettingsError(f"by={by!r}: expected {' or '.join(BY)}")
    if only_best_accuracy and by == "validation":
        raise SettingsError(
            "only_best_accuracy selects by test score, by='validation' does not; leave out one"
        )


def _best_of(
    is_selected: bool, unique_nn: bool, per: str | None, top: int | None
) -> tuple[str, ...]:
    if per is not None:
        return PER[per]
    if unique_nn:
        return ("nn",)
    if is_selected:
        return (*PER["pipeline"], "epoch")
    return PER["pipeline"] if top is not None else ()
