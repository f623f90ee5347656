"""Check names given by users: names of facts, artefacts, collections, roles and kinds."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur_core.errors import LemurError

LONGEST_NAME = 200
# Control characters, lone surrogates and line ends: names are shown in errors and tables.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")


def check_name(what: str, name: Any, error: type[LemurError]) -> str:
    """Return a name unchanged if it is valid; letters of any script are allowed.

    Args:
        what: What the name is for, for example ``fact``.
        name: The name.
        error: The class of the error to raise.

    Raises:
        error: The name is not a string, is empty, is longer than 200 characters, starts or ends
            with a space, or contains a control character.
    """
    if not isinstance(name, str):
        raise error(f"{what} name {name!r}: expected a string")
    if not name:
        raise error(f"{what} name '': is empty")
    if len(name) > LONGEST_NAME:
        raise error(
            f"{what} name {name[:20] + '...'!r}: has {len(name):,} characters; "
            f"at most {LONGEST_NAME} are allowed"
        )
    if name != name.strip():
        raise error(f"{what} name {name!r}: starts or ends with a space")
    if any(unicodedata.category(sign) in _REFUSED for sign in name):
        raise error(f"{what} name {name!r}: contains a control character")
    return str.__str__(name)
