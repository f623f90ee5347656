"""Write files atomically, so that a failure leaves no partial file, and open regular files."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, TYPE_CHECKING

from lemur_core.errors import LemurError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_regular", "replacement", "sync_folder", "write_errors"]

_FOLDER = ".lemur-"


@contextmanager
def replacement(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to; move the result to ``path`` when the block ends.

    The temporary path has the same file name and is in an empty folder beside ``path``. An existing
    file is only replaced when the block ends, and stays unchanged if the block raises. Devices and
    pipes, such as ``/dev/stdout``, are written to directly.

    Args:
        path: The file to write. A symbolic link is followed.
        folder: Whether the block may create a folder instead of a file; ``path`` can then also be
            an empty folder.

    Raises:
        WriteError: The file cannot be written, or the block raised an `OSError` that is not a
            `LemurError`.
    """
    with write_errors(path):
        # Unlike resolve(), realpath() does not raise for a link to itself.
        target = Path(os.path.realpath(path))
        if target.is_dir():
            if not folder:
                raise IsADirectoryError(None, "is a directory; expected the name of a file")
            if any(target.iterdir()):
                raise FileExistsError(None, "is not empty; name another folder")
        if _is_written_directly(path, target):
            yield path
            return
        if not target.parent.is_dir():
            raise FileNotFoundError(None, f"there is no directory {path.parent}")
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(None, "is write-protected")
        beside = Path(mkdtemp(prefix=_FOLDER, dir=target.parent))
        try:
            yield beside / target.name
            _move(beside, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Convert an `OSError` in the block to a `WriteError` about ``path``."""
    try:
        yield
    except LemurError:
        raise
    except OSError as error:
        other = error.filename if _is_another(error.filename, path) else None
        reason = error.strerror or str(error) or type(error).__name__
        raise WriteError(path, f"{reason}: {other}" if other else reason) from error


def sync_folder(folder: Path) -> None:
    """Flush the file names in a folder to disk, if the system supports that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_written_directly(path: Path, target: Path) -> bool:
    if path.absolute().parts[1:2] in (("dev",), ("proc",)):
        return True
    if not path.exists():
        return False
    # A file in a read-only folder can be overwritten, but not replaced.
    is_fixed = os.access(path, os.W_OK) and not os.access(target.parent, os.W_OK)
    return is_fixed or not (path.is_file() or path.is_dir())


def _move(folder: Path, target: Path) -> None:
    written = folder / target.name
    if written.is_dir() and target.is_file():
        raise FileExistsError(None, "is a file; name a folder")
    if written.is_file() and target.is_dir():
        raise IsADirectoryError(None, "is a directory; name a file")
    if written.is_file() and target.is_file():
        shutil.copymode(target, written)
    # Additional files that the block wrote are moved first.
    for path in sorted(folder.iterdir(), key=lambda path: path == written):
        os.replace(path, target.with_name(path.name))


def _is_another(filename: object, path: Path) -> bool:
    # The name of the temporary folder would not help the user.
    return (
        isinstance(filename, str) and Path(filename).name != path.name and _FOLDER not in filename
    )


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file for reading; pipes, which could block, and devices are rejected.

    Raises:
        OSError: The file cannot be opened, or is not a regular file.
    """
    if path.exists() and not path.is_file():
        raise OSError("is not a regular file")
    return path.open("rb")
