"""Options of commands that filter recorded rows: parsing and validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli import completion
from lemur_core.cli.output import print_lines
from lemur_core.errors import SettingsError
from lemur_core.space import check_values
from lemur_core.tags import TAG, tag_fact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_OPTIONS = (
    click.option("--task", help="Only rows of this task."),
    click.option(
        "--dataset", shell_complete=completion.names("loader"), help="Only rows of this dataset."
    ),
    click.option(
        "--metric", shell_complete=completion.names("metric"), help="Only rows of this metric."
    ),
    click.option(
        "--nn", "--net", "nn", shell_complete=completion.names("net"), help="Only rows of this net."
    ),
    click.option(
        "--nn-prefix",
        "nn_prefixes",
        multiple=True,
        help="Only rows of nets whose names start with this prefix; can be repeated.",
    ),
    click.option("--epoch", type=click.IntRange(1), help="Only rows of this epoch."),
    click.option(
        "--where",
        multiple=True,
        metavar="NAME=VALUE",
        help="Only rows with these values of a hyperparameter or column, for example "
        "batch=32,64, lr=1e-4..1e-2 or state=failed; can be repeated.",
    ),
    click.option(
        "--tag",
        "tags",
        multiple=True,
        metavar="NAME",
        help="Only rows of trials with this tag; if repeated, with all of these.",
    ),
    click.option(
        "--collection", metavar="NAME", help="Only rows of the trials of this collection."
    ),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that filter rows to a command; `arguments_of` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_BEST_OPTIONS = (
    click.option(
        "--by",
        type=click.Choice(["validation", "test"]),
        help="Score that decides which rows are the best.  [validation]",
    ),
    click.option(
        "--per",
        type=click.Choice(["pipeline", "dataset", "net", "user", "trial"]),
        help="Only the best row of each pipeline, dataset (with task and metric), net (with task "
        "and metric), user (on each dataset) or trial.",
    ),
    click.option(
        "--top",
        type=click.IntRange(1),
        metavar="N",
        help="The best rows of N trials instead of one, of each pipeline or as --per says.",
    ),
)


def best_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select the best rows to a command."""
    for option in reversed(_BEST_OPTIONS):
        command = option(command)
    return command


def arguments_of(db: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a command's arguments as arguments of `lemur_core.data`, after checking the names.

    Args:
        db: A database URL, or the path of an SQLite file.
        given: The command's arguments by name; those that do not filter rows are returned
            unchanged.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: A name is unknown.
        SettingsError: A condition cannot be parsed.
        SpaceError: A condition seems to have a decimal comma.
    """
    where = conditions(given["where"])
    names = {name: given[name] for name in ("task", "dataset", "metric", "nn")}
    tags = {TAG: [*where.get(TAG, ()), *given["tags"]]} if given["tags"] else {}
    check_known(db, names, given["nn_prefixes"], where | tags)
    where |= {tag_fact(tag): True for tag in given["tags"]}
    if given["collection"] is not None:
        _check_collection(db, given["collection"])
    if "trial" in where:
        where["trial"] = _trials(db, where["trial"])
    return {**{name: value for name, value in given.items() if name != "tags"}, "where": where}


def _trials(db: str, condition: Any) -> Any:
    """Return a condition on trials with ids in place of the names that are no prefix of one."""
    if not isinstance(condition, list):
        return condition
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.trials import expanded

    with open_engine(db) as engine:
        return patiently(engine, lambda connection: expanded(connection, condition))


def _check_collection(db: str, name: str) -> None:
    from lemur_core.store.collections import collection_id
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently

    with open_engine(db) as engine:
        patiently(engine, lambda connection: collection_id(connection, name))


def check_known(
    db: str, names: Mapping[str, str | None], prefixes: Sequence[str] = (), where: Any = None
) -> None:
    """Raise an error for a name that is neither recorded in a database nor installed.

    Args:
        db: A database URL, or the path of an SQLite file.
        names: Names by ``task``, ``dataset``, ``metric`` and ``nn``; None matches any.
        prefixes: Prefixes of the names of nets.
        where: Conditions, as `conditions` returns them.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: A name is unknown.
    """
    if not (any(names.values()) or prefixes or where):
        return
    from lemur_core.registry import installed
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.names import check_names

    with open_engine(db) as engine:
        patiently(
            engine,
            lambda connection: check_names(connection, installed(), names, prefixes, where),
        )


def print_unrecorded(names: Mapping[str, str | None], db: str) -> None:
    """Print which of the names that a command filters by have no results, with near names.

    Args:
        names: Names by ``task``, ``dataset``, ``metric`` and ``nn``; others are ignored.
        db: A database URL, or the path of an SQLite file.
    """
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.names import unrecorded

    given = {name: names.get(name) for name in ("task", "dataset", "metric", "nn")}
    if any(given.values()):
        with open_engine(db) as engine:
            errors = patiently(engine, lambda connection: unrecorded(connection, given))
        print_lines(map(str, errors), err=True)


def conditions(texts: Sequence[str]) -> dict[str, Any]:
    """Return the conditions of ``--where`` options as `lemur_core.data` expects them.

    Raises:
        SettingsError: A condition cannot be parsed, or a name is given twice.
        SpaceError: A condition seems to have a decimal comma.
    """
    where: dict[str, Any] = {}
    for text in texts:
        name, condition = _condition(text)
        if name in where:
            raise SettingsError(f"--where {text!r}: {name} is given twice; write {name}=A,B")
        where[name] = condition
    return where


def _condition(text: str) -> tuple[str, Any]:
    from lemur_core.store.reading.filters import COLUMNS, TEXTS

    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise SettingsError(f"--where {text!r}: expected NAME=VALUE, as in --where batch=32,64")
    low, dots, high = value.partition("..")
    if name == TAG:
        return name, [part.strip() for part in value.split(",")]
    if name in TEXTS:
        if dots:
            return name, (low.strip() or None, high.strip() or None)
        return name, [part.strip() for part in value.split(",")]
    if dots:
        return name, (_bound(text, low), _bound(text, high))
    check_values(name, value)
    values = [_value(part) for part in value.split(",")]
    if name in COLUMNS and not all(isinstance(number, int | float) for number in values):
        raise SettingsError(
            f"--where {text!r}: {name} is a number; expected {name}=1 or {name}=1..2"
        )
    return name, values


def _bound(condition: str, text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise SettingsError(
            f"--where {condition!r}: {text!r} is not a number; expected a range such as 1e-4..1e-2"
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
