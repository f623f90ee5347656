"""Files of initial weights of trials, identified by their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "weights"
_SCHEME, _DIGITS = "sha256:", 16
_LENGTH_BYTES = 8


def identity_of(file: Path) -> str:
    """Return the identity of a file in hyperparameters: the beginning of its SHA-256.

    Raises:
        OSError: The file cannot be read.
    """
    with file.open("rb") as opened:
        return _SCHEME + hashlib.file_digest(opened, "sha256").hexdigest()[:_DIGITS]


def identity_in(prm: Mapping[str, Any]) -> str | None:
    """Return the identity of a trial's initial weights; None if it starts from scratch.

    >>> identity_in({"lr": 0.1, "weights": "sha256:0123456789abcdef"})
    'sha256:0123456789abcdef'
    """
    # A net can have a hyperparameter of this name with other values.
    value = prm.get(NAME)
    return value if isinstance(value, str) and value.startswith(_SCHEME) else None


class InitialWeights:
    """The files of initial weights of a campaign, by their identity in hyperparameters."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._identities: dict[Path, str] = {}

    def add(self, place: Any, where: str = "") -> str:
        """Add a file and return its identity.

        Args:
            place: Path of the file.
            where: Where the path was given, for error messages.

        Raises:
            SettingsError: The file cannot be read, or is not a safetensors file.
        """
        before = f"{where}: " if where else ""
        if not isinstance(place, str | Path):
            raise SettingsError(f"{before}{NAME} is {place!r}; expected the path of a file")
        file = Path(place).expanduser().absolute()
        if file not in self._identities:
            try:
                _check_header(file)
                self._identities[file] = identity_of(file)
            except OSError as error:
                raise SettingsError(f"{before}{NAME} {str(place)!r}: {error.strerror}") from None
            except ValueError:
                raise SettingsError(
                    f"{before}{NAME} {str(place)!r} is not a safetensors file"
                ) from None
        self._files[self._identities[file]] = file
        return self._identities[file]

    def file(self, prm: Mapping[str, Any]) -> Path | None:
        """Return the file of a trial's initial weights; None if it starts from scratch."""
        return self._files.get(identity_in(prm) or "")


def _check_header(file: Path) -> None:
    """Raise `ValueError` if a file does not have the header of a safetensors file."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
        if not 0 < length <= file.stat().st_size - _LENGTH_BYTES:
            raise ValueError(length)
        json.loads(opened.read(length))
