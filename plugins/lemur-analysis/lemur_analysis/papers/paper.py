"""Papers whose claims are checked again: the contract.

A paper's target is a callable ``claims(sources)`` that yields a `Claim` for each number or
statement that can be checked:

    def claims(sources):
        def best():
            return float(sources.results(dataset="mnist")["accuracy"].max())

        yield Claim("best accuracy on mnist", "table 1", 0.995, best, tolerance=0.0005,
                    reason="printed with three digits")

Nothing is computed before a claim is checked: what raises `MissingDataError` is said to be missing,
and the other claims are checked all the same. Registered with ``lemur_register_papers``, it serves
``lemur reproduce-paper NAME``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import TYPE_CHECKING, Any

from lemur_core.errors import ContractError, MissingDataError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pandas import DataFrame

Value = float | str
"""What is claimed: a number, or a text."""


class ClaimStatus(StrEnum):
    """Whether a claim agrees with what was computed."""

    AGREES = "yes"
    DIFFERS = "no"
    DISPUTED = "no, explained"
    MISSING = "not checked"


@dataclass(frozen=True)
class Claim:
    """Something that a paper says and that can be computed.

    Attributes:
        text: What is claimed, one line; no two claims of a paper have the same.
        where: Where it is said: a table, figure or section.
        published: The value that was published.
        compute: Returns our value; it may raise `MissingDataError`.
        tolerance: By how much a number may differ, in its own unit.
        reason: Why so much.
        dispute: Where the paper itself is wrong: how, so that a difference is no failure. Empty if
            there is nothing to explain.
    """

    text: str
    where: str
    published: Value
    compute: Callable[[], Value]
    tolerance: float = 0.0
    reason: str = "exact"
    dispute: str = ""


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with what was computed.

    Attributes:
        claim: The claim.
        ours: Our value; None if it could not be computed.
        missing: What is missing for it; empty if it was computed.
    """

    claim: Claim
    ours: Value | None
    missing: str = ""

    @property
    def verdict(self) -> ClaimStatus:
        """Whether both values agree."""
        if self.ours is None:
            return ClaimStatus.MISSING
        if _agree(self.claim.published, self.ours, self.claim.tolerance):
            return ClaimStatus.AGREES
        return ClaimStatus.DISPUTED if self.claim.dispute else ClaimStatus.DIFFERS


@dataclass(frozen=True)
class Sources:
    """Where the data of a paper can be.

    Attributes:
        folder: A folder of published files; None if there is none.
        db: The database of results, a URL or the path of an SQLite file; None if there is none.
    """

    folder: Path | None = None
    db: str | Path | None = None

    def file(self, name: str, origin: str) -> Path:
        """Return the path of a published file.

        Args:
            name: Its path within the folder.
            origin: Where it can be got, for the error message.

        Raises:
            MissingDataError: It is not there.
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
            MissingDataError: There is no database.
        """
        import lemur_core

        if self.db is None:
            raise MissingDataError("there is no database of results: give --db")
        try:
            return lemur_core.data(**filters, db=self.db)
        except StoreError as error:
            raise MissingDataError(str(error)) from error


def check(claim: Claim) -> CheckedClaim:
    """Compute a claim's value, and compare it.

    Raises:
        ContractError: It is no claim, or its value is neither a number nor a text.
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
    # A published value is a decimal number: its distance has the rounding of binary ones.
    rounding = 1e-12 * max(1.0, abs(published))
    return math.isfinite(ours) and abs(published - ours) <= tolerance + rounding
