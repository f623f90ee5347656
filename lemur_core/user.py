"""The user that a trial records."""

from __future__ import annotations

import getpass
import os
import unicodedata

from lemur_core.errors import SettingsError
from lemur_core.naming import check_name

VARIABLE = "LEMUR_USER"
"""Environment variable with the name to record; if it is empty, no name is recorded."""


def recorded_user(given: str | None) -> str | None:
    """Return the user that trials record; None records none.

    Args:
        given: The name that the user gave; an empty one records none. None takes the one in the
            environment variable `VARIABLE`, or else the login name.

    Raises:
        SettingsError: The name cannot be recorded.
    """
    name = os.environ.get(VARIABLE) if given is None else given
    if name is None:
        return _login()
    return check_name("user", name, SettingsError) if name else None


def _login() -> str | None:
    # A process in a container may run under a number that has no name.
    try:
        login = getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
    printable = "".join(sign for sign in login if unicodedata.category(sign)[0] != "C").strip()
    return printable[:200] or None
