"""Check facts: named values of a trial or of one of its epochs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lemur_core.errors import FactError
from lemur_core.json_value import NotJsonError, json_value
from lemur_core.naming import check_name

WHOLE_TRIAL = 0
"""Value of the epoch column for facts about the whole trial."""
MOST_BYTES = 2**16
"""Maximum size of the JSON of a fact's value."""
PREFIX = "fact."
"""Prefix of the column of a fact whose name is that of another column."""
_RESERVED = (PREFIX, "prm.")
# The facts that `lemur_core.error_metric` names.
_OF_METRICS = ("error.", "validation_error.")


def check_facts(facts: Any) -> dict[str, Any]:
    """Return facts as they are recorded, sorted by name.

    Raises:
        FactError: A name or value is invalid.
    """
    if not isinstance(facts, Mapping):
        raise FactError(f"facts {facts!r}: expected a dictionary of values by name")
    return {name: _check_fact(name, facts[name]) for name in sorted(facts, key=_check_name)}


def check_own_facts(facts: Any) -> dict[str, Any]:
    """Return facts of users and plugins as they are recorded, sorted by name.

    Raises:
        FactError: A name or value is invalid, or a name is that of an error by a metric.
    """
    checked = check_facts(facts)
    for name in checked:
        for prefix in _OF_METRICS:
            if name.startswith(prefix):
                raise FactError(
                    f"fact {name!r}: starts with {prefix!r}, which is reserved for errors by a "
                    "metric"
                )
    return checked


def _check_name(name: Any) -> str:
    checked = check_name("fact", name, FactError)
    for prefix in _RESERVED:
        if checked.startswith(prefix):
            raise FactError(
                f"fact name {name!r}: starts with {prefix!r}, which is reserved for columns of "
                "results"
            )
    return checked


def _check_fact(name: str, value: Any) -> Any:
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        # Tables and the sorting of results have them as real numbers.
        raise FactError(f"fact {name!r}: an integer has too many digits")
    try:
        return json_value(value, MOST_BYTES)
    except NotJsonError as error:
        raise FactError(f"fact {name!r}: {error}") from None
