"""Points: given hyperparameters with which each pipeline is trained once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from lemur_core.errors import SettingsError

_FORMATS = "FILE.jsonl, an object on each line, or FILE.csv, a hyperparameter in each column"


class Point(NamedTuple):
    """Given values of hyperparameters.

    Attributes:
        where: Where the point was given, for error messages: ``point 3`` or
            ``points.csv line 3``.
        prm: Value of each hyperparameter by name; values from a CSV file are strings.
    """

    where: str
    prm: Mapping[str, Any]


def read_points(given: Any) -> tuple[Point, ...]:
    """Return the points that a file or a list contains.

    Args:
        given: The path of a JSONL or CSV file, or a list of mappings.

    Raises:
        SettingsError: The argument is of another type or contains no points, or a point cannot be
            read.
    """
    points = _in_file(Path(given)) if isinstance(given, str | Path) else _in_list(given)
    if not points:
        raise SettingsError(f"points: {_shown(given)} has none; expected one or more")
    return points


def _in_list(points: Any) -> tuple[Point, ...]:
    if isinstance(points, Mapping) or not isinstance(points, Iterable):
        raise SettingsError(f"points is {points!r}; expected a list of mappings, or {_FORMATS}")
    return tuple(_point(f"point {number}", prm) for number, prm in enumerate(points, start=1))


def _in_file(path: Path) -> tuple[Point, ...]:
    readers = {".jsonl": _json_lines, ".csv": _table}
    if path.suffix.lower() not in readers:
        raise SettingsError(f"points {str(path)!r}: expected {_FORMATS}")
    try:
        # Excel starts a CSV file in UTF-8 with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"points {str(path)!r}: {reason}") from None
    lines = readers[path.suffix.lower()](path.name, text)
    return tuple(_point(where, prm) for where, prm in lines)


def _json_lines(name: str, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{name} line {number}"
            try:
                yield where, json.loads(line, object_pairs_hook=_members)
            # Also raised for a number with thousands of digits and for very deep nesting.
            except (ValueError, RecursionError) as error:
                raise SettingsError(f"{where} is not JSON: {error}") from None
            except _RepeatedError as error:
                raise SettingsError(
                    f"{where} has {error.args[0]!r} twice; expected it once"
                ) from None


class _RepeatedError(Exception):
    """A JSON object contains the same name twice."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        # Python would silently keep the last.
        if name in members:
            raise _RepeatedError(name)
        members[name] = value
    return members


def _table(name: str, text: str) -> Iterator[tuple[str, Any]]:
    rows = csv.reader(StringIO(text, newline=""), skipinitialspace=True)
    header = [cell.strip() for cell in next(rows, [])]
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice or "" in header:
        fault = f"{twice[0]!r} twice" if twice and twice[0] else "no name for a column"
        raise SettingsError(f"{name} line 1 has {fault}; expected a hyperparameter in each column")
    for row in rows:
        where = f"{name} line {rows.line_num}"
        if row and len(row) != len(header):
            raise SettingsError(
                f"{where} has {len(row)} cells; expected {len(header)}, as in line 1"
            )
        # A hyperparameter with an empty cell is set from its range.
        prm = {column: cell.strip() for column, cell in zip(header, row, strict=False)}
        if prm:
            yield where, {column: cell for column, cell in prm.items() if cell}


def _point(where: str, prm: Any) -> Point:
    if not isinstance(prm, Mapping) or not all(isinstance(name, str) for name in prm):
        raise SettingsError(f"{where} is {_shown(prm)}; expected names and values")
    return Point(where, dict(prm))


def _shown(value: object) -> str:
    return shortened(repr(str(value) if isinstance(value, Path) else value))


def shortened(text: str) -> str:
    """Return a text of at most 60 characters for an error message; a longer one is cut off."""
    return text if len(text) <= 60 else f"{text[:57]}..."
