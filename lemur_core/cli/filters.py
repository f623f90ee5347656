"""Filters of recorded rows, as commands take them: checked, and read from text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core.errors import SettingsError
from lemur_core.space import check_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OPTIONS = (
    click.option("--task", help="Rows of this task."),
    click.option("--dataset", help="Rows of this data set."),
    click.option("--metric", help="Rows of this metric."),
    click.option("--nn", "--net", "nn", help="Rows of this net."),
    click.option(
        "--nn-prefix", "nn_prefixes", multiple=True, help="Rows of nets whose name begins with it."
    ),
    click.option("--epoch", type=click.IntRange(1), help="Rows of this epoch."),
    click.option(
        "--where",
        multiple=True,
        metavar="NAME=VALUE",
        help="Rows with this value of a hyperparameter or column: batch=32,64, lr=1e-4..1e-2, "
        "state=failed.",
    ),
    click.option("--collection", metavar="NAME", help="Rows of the trials of this collection."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that filter rows, as `arguments_of` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def arguments_of(db: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a command was given as arguments of `lemur_core.data`, with names checked.

    Args:
        db: A database URL, or the path of an SQLite file.
        given: The command's arguments by name; those that do not filter rows are left alone.

    Raises:
        StoreError: There is no such database, or it cannot be read.
        UnknownNameError: A name is unknown.
        SettingsError: A condition cannot be read.
        SpaceError: A condition seems to have a decimal comma.
    """
    where = conditions(given["where"])
    named = {name: given[name] for name in ("task", "dataset", "metric", "nn")}
    check_known(db, named, given["nn_prefixes"], where)
    if given["collection"] is not None:
        _check_collection(db, given["collection"])
    return {**given, "where": where}


def _check_collection(db: str, name: str) -> None:
    from lemur_core.store.collections import collection_id
    from lemur_core.store.database import opened
    from lemur_core.store.patience import patiently

    with opened(db) as engine:
        patiently(engine, lambda connection: collection_id(connection, name))


def check_known(
    db: str, named: Mapping[str, str | None], prefixes: Sequence[str] = (), where: Any = None
) -> None:
    """Raise an error for a name that is neither recorded in a database nor installed.

    Args:
        db: A database URL, or the path of an SQLite file.
        named: Names by ``task, dataset, metric, nn``; None is any.
        prefixes: What names of nets begin with.
        where: Conditions, as `conditions` returns them.

    Raises:
        StoreError: There is no such database, or it cannot be read.
        UnknownNameError: A name is unknown.
    """
    if not (any(named.values()) or prefixes or where):
        return
    from lemur_core.registry import installed
    from lemur_core.store.database import opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.names import check_names

    with opened(db) as engine:
        patiently(
            engine,
            lambda connection: check_names(connection, installed(), named, prefixes, where),
        )


def conditions(texts: Sequence[str]) -> dict[str, Any]:
    """Return what ``--where`` options say, as `lemur_core.data` takes it.

    Raises:
        SettingsError: One cannot be read, or a column is given twice.
        SpaceError: One seems to have a decimal comma.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, wanted = _condition(text)
        if name in found:
            raise SettingsError(f"--where {text!r}: {name} is given twice; write {name}=A,B")
        found[name] = wanted
    return found


def _condition(text: str) -> tuple[str, Any]:
    from lemur_core.store.reading.filters import COLUMNS, TEXTS

    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise SettingsError(f"--where {text!r}: expected NAME=VALUE, as in --where batch=32,64")
    low, dots, high = value.partition("..")
    if name in TEXTS:
        if dots:
            return name, (low.strip() or None, high.strip() or None)
        return name, [part.strip() for part in value.split(",")]
    if dots:
        return name, (_bound(text, low), _bound(text, high))
    check_values(name, value)
    values = [_value(part) for part in value.split(",")]
    if name in COLUMNS and not all(isinstance(one, int | float) for one in values):
        raise SettingsError(
            f"--where {text!r}: {name} is a number; expected {name}=1 or {name}=1..2"
        )
    return name, values


def _bound(condition: str, text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise SettingsError(
            f"--where {condition!r}: {text!r} is no number; expected a range such as 1e-4..1e-2"
        ) from None


def _value(text: str) -> Any:
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
