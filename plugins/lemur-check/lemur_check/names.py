"""The names that checked nets can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core import Entry
from lemur_core.code import check_name, code_hash
from lemur_core.errors import PluginError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class NameTakenError(SettingsError):
    """A name that nets cannot have, or that another net has."""


def normalized_name(name: str, code: str, installed: Mapping[str, Entry]) -> str:
    """Return a net's name with ``-`` for each ``_``, which separates the names in a pipeline.

    Args:
        name: The given name.
        code: The net's source.
        installed: The installed nets by name.

    Raises:
        NameTakenError: The name is not allowed, or an installed net has it.
    """
    name = name.replace("_", "-")
    check_name("net", name, NameTakenError)
    try:
        Entry(name, f"{name}.py")
    except PluginError as error:
        raise NameTakenError(str(error)) from None
    if name in installed and installed[name].code() != code:
        raise NameTakenError(
            f"a net {name!r} with another source is installed; choose another name"
        )
    return name


def check_free(name: str, code: str, owners: Collection[str]) -> None:
    """Raise `NameTakenError` if another source in the database has a name.

    Args:
        name: The name.
        code: The net's source.
        owners: The hashes of the valid sources with this name.
    """
    if set(owners) - {code_hash(code)}:
        raise NameTakenError(
            f"net {name!r} is another source in the database; choose another name, or --replace it"
        )
