"""Check names that users give: of facts, artefacts, collections, roles and kinds."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur_core.errors import LemurError

LONGEST_NAME = 200
# Control characters, lone surrogates and what ends a line: an error or a table is to show a name.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")


def check_name(what: str, name: Any, error: type[LemurError]) -> str:
    """Return a name as it was given, any letters of any script.

    Args:
        what: What it is a name of, ``fact`` for example.
        name: The name.
        error: The error to raise.

    Raises:
        error: It is no text, empty, longer than 200 characters, begins or ends with a space, or
            holds a control character.
    """
    if not isinstance(name, str):
        raise error(f"{what} name {name!r}: expected a string")
    if not name:
        raise error(f"{what} name '': is empty")
    if len(name) > LONGEST_NAME:
        raise error(
            f"{what} name {name[:20] + '...'!r}: has {len(name):,} characters; "
            f"at most {LONGEST_NAME} are kept"
        )
    if name != name.strip():
        raise error(f"{what} name {name!r}: begins or ends with a space")
    if any(unicodedata.category(sign) in _REFUSED for sign in name):
        raise error(f"{what} name {name!r}: holds a control character")
    return str.__str__(name)
