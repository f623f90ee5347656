"""Distinguish the path of a database from a URL, without importing a database driver."""

from __future__ import annotations

import os
import re
from pathlib import Path

_URL = re.compile(r"[\w+.-]*://")


def is_url(db: str | Path) -> bool:
    """Return whether a database is given as a URL; any other string is the path of a file.

    >>> is_url("postgresql://me@host/results"), is_url("sqlite:///lemur.db")
    (True, True)
    >>> is_url("exp?seed=1.db"), is_url("./odd://name.db")
    (False, False)
    """
    return isinstance(db, str) and _URL.match(db) is not None


def file_path(db: str | Path) -> str:
    """Return the path of a database file, with ``~`` replaced by the home directory."""
    return os.path.expanduser(str(db))


def may_exist(db: str | Path) -> bool:
    """Return False if a database is a missing file; a URL always returns True."""
    return is_url(db) or Path(file_path(db)).exists()
