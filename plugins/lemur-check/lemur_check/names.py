"""What a net that is checked can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core import Entry
from lemur_core.code import check_name, code_hash
from lemur_core.errors import PluginError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class NameTakenError(SettingsError):
    """A name that no net can have, or that another has."""


def called(name: str, code: str, installed: Mapping[str, Entry]) -> str:
    """Return the name of a net, ``-`` for each ``_``, which parts the names in a pipeline.

    Args:
        name: As it was given.
        code: The net's source.
        installed: The nets that have their names already.

    Raises:
        NameTakenError: No net can be called so, or another is.
    """
    name = name.replace("_", "-")
    check_name("net", name, NameTakenError)
    try:
        Entry(name, f"{name}.py")
    except PluginError as error:
        raise NameTakenError(str(error)) from None
    if name in installed and installed[name].code() != code:
        raise NameTakenError(f"net {name!r} is installed, and its source another; rename it")
    return name


def check_free(name: str, code: str, owners: Collection[str]) -> None:
    """Raise `NameTakenError` where another source has a name in the database.

    Args:
        name: The name.
        code: The net's source.
        owners: The hashes of the valid sources that have it.
    """
    if set(owners) - {code_hash(code)}:
        raise NameTakenError(
            f"net {name!r} is another source in the database; give this one another name, or "
            "--replace that one"
        )
