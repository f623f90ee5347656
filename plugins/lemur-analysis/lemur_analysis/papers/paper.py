"""The contract of papers, whose claims ``lemur reproduce-paper`` checks.

The target of a paper is a callable ``claims(sources)`` that yields a `Claim` for each number or
statement that can be checked:

    def claims(sources):
        def best():
            return float(sources.results(dataset="mnist")["accuracy"].max())

        yield Claim("best accuracy on mnist", "table 1", 0.995, best, tolerance=0.0005,
                    reason="printed with three digits")

A value is only computed when its claim is checked. If that raises `MissingDataError`, the claim is
reported as not checked, and the other claims are still checked. Register the paper with
``lemur_register_papers`` to make it available as ``lemur reproduce-paper NAME``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import ContractError, MissingDataError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame

Value = float | str
"""A claimed or computed value: a number or a text."""


class ClaimStatus(StrEnum):
    """Whether a claim agrees with the computed value."""

    AGREES = "yes"
    DIFFERS = "no"
    DISPUTED = "no, explained"
    MISSING = "not checked"
    UNCOMPARED = "only ours"


@dataclass(frozen=True)
class Claim:
    """A statement of a paper that can be computed.

    Attributes:
        text: The claim in one line, unique within the paper.
        where: The place in the paper: a table, figure or section.
        published: The published value; None if it is not available, so that ours is only shown.
        compute: Returns our value; may raise `MissingDataError`.
        tolerance: Largest accepted difference of numbers, in the unit of the value.
        reason: Reason for the tolerance.
        dispute: If the paper itself is wrong, or ours is computed from other data, an explanation,
            with which a difference is not a failure; empty otherwise.
    """

    text: str
    where: str
    published: Value | None
    compute: Callable[[], Value]
    tolerance: float = 0.0
    reason: str = "exact"
    dispute: str = ""


@dataclass(frozen=True)
class CheckedClaim:
    """A claim together with our value.

    Attributes:
        claim: The claim.
        ours: Our value; None if it could not be computed.
        missing: The missing data; empty if the value was computed.
    """

    claim: Claim
    ours: Value | None
    missing: str = ""

    @property
    def verdict(self) -> ClaimStatus:
        """Whether the published value and ours agree."""
        if self.ours is None:
            return ClaimStatus.MISSING
        if self.claim.published is None:
            return ClaimStatus.UNCOMPARED
        if _agree(self.claim.published, self.ours, self.claim.tolerance):
            return ClaimStatus.AGREES
        return ClaimStatus.DISPUTED if self.claim.dispute else ClaimStatus.DIFFERS


@dataclass(frozen=True)
class Sources:
    """Places that contain the data of a paper.

    Attributes:
        folder: Folder of published files, or None.
        db: Database of results, a URL or the path of an SQLite file, or None.
        datasets: Folder of the datasets.
    """

    folder: Path | None = None
    db: str | Path | None = None
    datasets: Path = Path("data")

    def file(self, name: str, origin: str) -> Path:
        """Return the path of a published file.

        Args:
            name: Path of the file within the folder.
            origin: Where to get the file, for the error message.

        Raises:
            MissingDataError: The file does not exist.
        """
        path = None if self.folder is None else self.folder / name
        if path is None or not path.is_file():
            raise MissingDataError(f"{name} is missing: get it from {origin}, and give --data")
        return path

    def results(self, **filters: Any) -> DataFrame:
        """Return recorded results.

        Args:
            filters: Arguments of `lemur_core.data`.

        Raises:
            MissingDataError: There is no database, or it cannot be read.
        """
        import lemur_core

        if self.db is None:
            raise MissingDataError("there is no database of results: give --db")
        try:
            return lemur_core.data(**filters, db=self.db)
        except StoreError as error:
            raise MissingDataError(str(error)) from error


def check(claim: Claim) -> CheckedClaim:
    """Compute the value of a claim and compare it with the published one.

    Raises:
        ContractError: The argument is not a claim, or its value is neither a number nor a text.
    """
    if not isinstance(claim, Claim):
        raise ContractError(f"a paper yields {claim!r}; expected a Claim")
    try:
        ours = claim.compute()
    except MissingDataError as error:
        return CheckedClaim(claim, None, str(error))
    if isinstance(ours, str):
        return CheckedClaim(claim, ours)
    if not isinstance(ours, Real) or isinstance(ours, bool):
        raise ContractError(f"claim {claim.text!r}: computed {ours!r}; expected a number or text")
    return CheckedClaim(claim, float(ours))


def _agree(published: Value, ours: Value, tolerance: float) -> bool:
    if isinstance(published, str) or isinstance(ours, str):
        return published == ours
    # Published values are decimal, so allow for the rounding of their binary representation.
    rounding = 1e-12 * max(1.0, abs(published))
    return math.isfinite(ours) and abs(published - ours) <= tolerance + rounding
