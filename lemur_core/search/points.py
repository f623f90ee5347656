"""Points: hyperparameters that are given, each trained once by each pipeline."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from lemur_core.errors import SettingsError, SpaceError, hint
from lemur_core.initial_weights import NAME, identity_in
from lemur_core.search.initial_weights import InitialWeights
from lemur_core.space import EXECUTION, Choice, Space, Value, fixed, optional_of
from lemur_core.store.identity import prm_uid
from lemur_core.values import value_in

_FORMATS = "FILE.jsonl, an object on each line, or FILE.csv, a hyperparameter in each column"


class Point(NamedTuple):
    """Values of hyperparameters, as they were given.

    Attributes:
        where: Where it was given, for errors: ``point 3`` or ``points.csv line 3``.
        prm: The values by name; those of a CSV file are texts.
    """

    where: str
    prm: Mapping[str, Any]


def read_points(given: Any) -> tuple[Point, ...]:
    """Return the points of a setting.

    Args:
        given: The path of a JSONL or CSV file, or a list of mappings.

    Raises:
        SettingsError: It is neither, or has no points, or one of them cannot be read.
    """
    points = _in_file(Path(given)) if isinstance(given, str | Path) else _in_list(given)
    if not points:
        raise SettingsError(f"points: {_shown(given)} has none; expected one or more")
    return points


def _in_list(given: Any) -> tuple[Point, ...]:
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise SettingsError(f"points is {given!r}; expected a list of mappings, or {_FORMATS}")
    return tuple(_point(f"point {place}", prm) for place, prm in enumerate(given, start=1))


def _in_file(path: Path) -> tuple[Point, ...]:
    readers = {".jsonl": _json_lines, ".csv": _table}
    if path.suffix.lower() not in readers:
        raise SettingsError(f"points {str(path)!r}: expected {_FORMATS}")
    try:
        # Excel begins a CSV file in UTF-8 with a byte order mark.
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
            # Also of a number with thousands of digits, and of endless nesting.
            except (ValueError, RecursionError) as error:
                raise SettingsError(f"{where} is no JSON: {error}") from None
            except _RepeatedError as error:
                raise SettingsError(
                    f"{where} has {error.args[0]!r} twice; expected it once"
                ) from None


class _RepeatedError(Exception):
    """A name that an object of JSON has twice."""


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
        # An empty cell leaves a hyperparameter to its range.
        prm = {column: cell.strip() for column, cell in zip(header, row, strict=False)}
        if prm:
            yield where, {column: cell for column, cell in prm.items() if cell}


def _point(where: str, prm: Any) -> Point:
    if not isinstance(prm, Mapping) or not all(isinstance(name, str) for name in prm):
        raise SettingsError(f"{where} is {_shown(prm)}; expected names and values")
    return Point(where, dict(prm))


def _shown(value: object) -> str:
    return _short(repr(str(value) if isinstance(value, Path) else value))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


class Points:
    """The points that a pipeline trains, complete and each once.

    Args:
        points: As they were given.
        space: Of the pipeline, those ranges replaced that are given.
        net: Name of its net, for errors.
        initial: Takes the files of weights that points begin with.

    Attributes:
        repeated: Where points were given that repeat an earlier one.

    Raises:
        SpaceError: A point lacks a hyperparameter that has several values, has one that the net
            does not take, or a value outside of its range.
    """

    def __init__(
        self, points: Sequence[Point], space: Space, net: str, initial: InitialWeights
    ) -> None:
        self._prms: dict[str, dict[str, Value]] = {}
        self.repeated: list[str] = []
        for point in points:
            prm = _complete(_begun_with(point, space, initial), space, net)
            uid = prm_uid(prm)
            if uid in self._prms:
                self.repeated.append(point.where)
            self._prms.setdefault(uid, prm)

    def __len__(self) -> int:
        return len(self._prms)

    def __contains__(self, uid: object) -> bool:
        """Return whether a point has this identity."""
        return uid in self._prms

    def first_without(self, taken: Collection[str]) -> dict[str, Value] | None:
        """Return the first point whose identity is not among those; None if all are."""
        return next((prm for uid, prm in self._prms.items() if uid not in taken), None)

    def fixed(self) -> dict[str, Value]:
        """Return the hyperparameters that have one value in all points."""
        first, *others = self._prms.values()
        return {
            name: value
            for name, value in first.items()
            if all(name in prm and prm[name] == value for prm in others)
        }


def _begun_with(point: Point, space: Space, initial: InitialWeights) -> Point:
    """Return a point with the identity of its weights instead of their file."""
    is_nets_own = NAME in space and identity_in(fixed(space)) is None
    if NAME not in point.prm or is_nets_own:
        return point
    identity = initial.add(point.prm[NAME], point.where)
    return point._replace(prm={**point.prm, NAME: identity})


def _complete(point: Point, space: Space, net: str) -> dict[str, Value]:
    optional = optional_of(space)
    if identity := identity_in(point.prm):
        optional.setdefault(NAME, Choice((identity,)))
    ranges = optional | space
    for name in point.prm:
        if name not in ranges:
            raise SpaceError(
                f"{point.where}: net {net!r} has no hyperparameter {name!r}"
                f"{hint(name, sorted(space))}"
            )
    lacking = [name for name in space if name not in point.prm and name not in fixed(space)]
    if lacking:
        raise SpaceError(
            f"{point.where} lacks {', '.join(lacking)} of net {net!r}; give a value in the point, "
            f"or one for all points, as in {_flag(lacking[0])}VALUE"
        )
    return fixed(space) | {name: _value(point, name, ranges, net) for name in point.prm}


def _value(point: Point, name: str, ranges: Space, net: str) -> Value:
    given, one = point.prm[name], ranges[name]
    value = value_in(one, given)
    if value is None:
        wider = "" if name in EXECUTION else f"; {_flag(name)}RANGE replaces it"
        raise SpaceError(
            f"{point.where}: {name}={_short(str(given))} is not in the range of net {net!r}, "
            f"{one}{wider}"
        )
    return value


def _flag(name: str) -> str:
    if name in ("lr", "batch", "momentum", "dropout", "transform"):
        return f"--{name} "
    return f"--set {name}="
