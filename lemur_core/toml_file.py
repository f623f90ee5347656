"""TOML files of settings: read them, and check the tables and values in them."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError, hint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

_TYPES = {int: "an integer", str: "a text", dict: "a table"}


def read_toml(path: Path, what: str = "") -> dict[str, Any]:
    """Return the content of a TOML file.

    Args:
        path: The file.
        what: What the file is, for error messages, such as ``settings file``.

    Raises:
        SettingsError: The file cannot be read.
    """
    name = f"{what} {str(path)!r}".strip()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name} is not TOML: {error}") from None


def check_names(where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    """Raise `SettingsError` if a table has an unknown name."""
    for name in table:
        if name not in known:
            raise SettingsError(f"{where} has {name!r}{hint(name, [*known])}")


def value_of(where: str, table: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    """Return a value of a table.

    Args:
        where: Name of the table, for error messages.
        table: The table.
        name: Name of the value.
        kind: Its type.
        default: The value if the table has none; None if it needs one.

    Raises:
        SettingsError: The value has another type, or is missing.
    """
    value = table.get(name, default)
    if value is None:
        raise SettingsError(f"{where} lacks {name!r}; expected {_TYPES[kind]}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SettingsError(f"{where}: {name} is {value!r}; expected {_TYPES[kind]}")
    return value


def flag_of(where: str, table: Mapping[str, Any], name: str) -> bool:
    """Return a Boolean of a table; False if it has none.

    Raises:
        SettingsError: The value is not a Boolean.
    """
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise SettingsError(f"{where}: {name} is {value!r}; expected true or false")
    return value


def count_of(
    where: str, table: Mapping[str, Any], name: str, default: int | None, least: int = 1
) -> int:
    """Return an integer of a table that is not too small; see `value_of`.

    Raises:
        SettingsError: The value is not an integer, is less than ``least``, or is missing.
    """
    count: int = value_of(where, table, name, int, default)
    if count < least:
        raise SettingsError(f"{where}: {name} is {count}; expected {least} or more")
    return count
