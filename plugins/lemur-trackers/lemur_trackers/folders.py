"""Names of folders that every file system accepts, and a check that a folder can be written to."""

from __future__ import annotations

import re
from hashlib import sha256
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from lemur_core.errors import WriteError

if TYPE_CHECKING:
    from pathlib import Path

# Reserved by Windows or a separator of paths; control characters.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_LONGEST_BYTES = 120


def folder_name(text: str) -> str:
    """Return a name as that of a folder: letters of any script are kept.

    Two names that differ have folders that differ: if a character had to be replaced or the name
    to be cut, the folder's name ends in the first digits of the name's SHA-256.

    >>> folder_name("img-classification_digits[validation=0.2]_acc_Netz-ä")
    'img-classification_digits[validation=0.2]_acc_Netz-ä'
    >>> folder_name("a/b")
    'a_b-c14cddc0'
    """
    data = text.encode(errors="surrogatepass")
    name = _UNSAFE.sub("_", text.encode(errors="replace").decode()).rstrip(". ")
    name = name.encode()[:_LONGEST_BYTES].decode(errors="ignore")
    if name == text and name.strip("."):
        return name
    return f"{name}-{sha256(data).hexdigest()[:8]}"


def make_folder(folder: Path) -> None:
    """Create a folder, and check that files can be created in it.

    Raises:
        WriteError: The folder cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise WriteError(folder, error.strerror or str(error)) from error
