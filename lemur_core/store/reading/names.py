"""Check that the names used in filters are known: recorded in the database or installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from lemur_core.errors import NoResultsError, UnknownNameError
from lemur_core.fact import PREFIX
from lemur_core.restriction import canonical, split
from lemur_core.space import DEFAULT_RANGES, EXECUTION
from lemur_core.store import schema
from lemur_core.store.reading.filters import COLUMNS, PRM, UNFILTERED
from lemur_core.tags import TAG, tags_of
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lemur_core.registry import Registry

# By filter: what the name denotes in error messages, and the kind of its entry.
_KINDS = {"task": "task", "dataset": "dataset", "metric": "metric", "nn": "net"}
_ENTRIES = {"dataset": "loader", "metric": "metric", "nn": "net"}


def check_names(
    connection: Connection,
    registry: Registry,
    filters: Mapping[str, str | None],
    prefixes: Collection[str] = (),
    where: Mapping[str, Any] | None = None,
) -> None:
    """Raise an error for a name that is neither recorded nor installed.

    Args:
        connection: Connection to the database.
        registry: Registry of installed entries.
        filters: Names by ``task``, ``dataset``, ``metric`` and ``nn``; None is not checked.
        prefixes: Prefixes of net names.
        where: Required values of columns, hyperparameters and facts, as in `lemur_core.data`.

    Raises:
        UnknownNameError: A name is unknown.
    """
    for part, name in filters.items():
        if name is not None:
            _check_name(connection, registry, part, name)
    for prefix in prefixes:
        known_names = _recorded(connection, "nn") | _installed(registry, "nn")
        if not any(name.startswith(prefix) for name in known_names):
            raise UnknownNameError("net name prefix", prefix, known_names)
    if where:
        _check_columns(connection, where)


def _check_name(connection: Connection, registry: Registry, part: str, name: str) -> None:
    recorded_names = _recorded(connection, part)
    # Any restriction of an installed dataset is valid.
    forms = {canonical(name), split(canonical(name))[0]} if part == "dataset" else {name}
    if not forms & (recorded_names | _installed(registry, part)):
        raise NoResultsError(_KINDS[part], name, recorded_names)


def unrecorded(connection: Connection, filters: Mapping[str, str | None]) -> list[NoResultsError]:
    """Return an error for each of the names in filters that no trial has.

    Args:
        connection: Connection to the database.
        filters: Names by ``task``, ``dataset``, ``metric`` and ``nn``; None is not checked.
    """
    errors = []
    for part, name in filters.items():
        recorded_names = set(connection.scalars(select(schema.trial.c[part]).distinct()))
        stored = canonical(name) if name is not None and part == "dataset" else name
        if name is not None and stored not in recorded_names:
            errors.append(NoResultsError(_KINDS[part], name, recorded_names))
    return errors


def _recorded(connection: Connection, part: str) -> set[str]:
    names = set(connection.scalars(select(schema.trial.c[part]).distinct()))
    if part == "nn":
        names.update(connection.scalars(select(schema.nn.c.name).distinct()))
    return names


def _installed(registry: Registry, part: str) -> set[str]:
    if part == "task":
        return {task for _, loader in registry.entries("loader") for task in loader.tasks}
    return {entry.name for _, entry in registry.entries(_ENTRIES[part])}


def _check_columns(connection: Connection, where: Mapping[str, Any]) -> None:
    prms = set(connection.scalars(select(schema.prm.c.name).distinct()))
    facts = set(connection.scalars(select(schema.fact.c.name).distinct()))
    for name, condition in where.items():
        if name == "state":
            _check_states(condition)
        if name == TAG:
            _check_tags(condition, facts)
            continue
        known_names = {*prms, *DEFAULT_RANGES, *EXECUTION, *facts}
        is_column = name in COLUMNS or name in UNFILTERED
        # In an empty database, no hyperparameter is known.
        if prms and not is_column and _plain_name(name) not in known_names:
            kind = "column, hyperparameter or fact" if facts else "column or hyperparameter"
            raise UnknownNameError(kind, name, {*COLUMNS, *prms, *facts})


def _check_tags(condition: Any, facts: Collection[str]) -> None:
    tags = tags_of(facts)
    for tag in condition if isinstance(condition, list | set | frozenset) else [condition]:
        if str(tag) not in tags:
            raise UnknownNameError("tag", str(tag), tags, none="no trial has a tag")


def _plain_name(name: str) -> str:
    return name.removeprefix(PRM).removeprefix(PREFIX)


def _check_states(condition: Any) -> None:
    states: Iterable[Any] = (
        condition if isinstance(condition, list | set | frozenset) else [condition]
    )
    for state in states:
        if state not in [*State]:
            raise UnknownNameError("state", str(state), map(str, State))
