"""What identifies, in a trial's hyperparameters, the weights that it begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "weights"
_SCHEME, _DIGITS = "sha256:", 16


def identity_of(file: Path) -> str:
    """Return what identifies a file in hyperparameters: the beginning of its SHA-256.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as opened:
        return _SCHEME + hashlib.file_digest(opened, "sha256").hexdigest()[:_DIGITS]


def identity_in(prm: Mapping[str, Any]) -> str | None:
    """Return the identity of the weights that a trial begins with; None for those from scratch.

    >>> identity_in({"lr": 0.1, "weights": "sha256:0123456789abcdef"})
    'sha256:0123456789abcdef'
    """
    # A net may have a hyperparameter of this name.
    value = prm.get(NAME)
    return value if isinstance(value, str) and value.startswith(_SCHEME) else None
