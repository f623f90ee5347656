"""Write files so that a failure leaves none half written, and read what is a file."""

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
    """Give a path to write to; move what is written there to ``path`` when the block ends.

    The path that is given has the same name, in an empty folder beside ``path``, so that an
    existing file stays as it is until the whole of the other one is written, and for good if the
    block raises. Devices and pipes, such as ``/dev/stdout``, are written to directly.

    Args:
        path: The file to write. A symbolic link is followed.
        folder: Whether a folder may be made in place of a file; ``path`` can then also be an empty
            folder.

    Raises:
        WriteError: The file cannot be written, or the block raised an `OSError` that is not a
            `LemurError`.
    """
    with write_errors(path):
        # Unlike resolve(), it says nothing about a link that leads to itself.
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
    """Turn an `OSError` into a `WriteError` that names ``path``, which is being written."""
    try:
        yield
    except LemurError:
        raise
    except OSError as error:
        other = error.filename if _is_another(error.filename, path) else None
        reason = error.strerror or str(error) or type(error).__name__
        raise WriteError(path, f"{reason}: {other}" if other else reason) from error


def sync_folder(folder: Path) -> None:
    """Put the names of a folder's files on the disk, where the system can."""
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
    # A file in a folder that takes no new files can be overwritten, but not replaced.
    is_fixed = os.access(path, os.W_OK) and not os.access(target.parent, os.W_OK)
    return is_fixed or not (path.is_file() or path.is_dir())


def _move(folder: Path, target: Path) -> None:
    made = folder / target.name
    if made.is_dir() and target.is_file():
        raise FileExistsError(None, "is a file; name a folder")
    if made.is_file() and target.is_dir():
        raise IsADirectoryError(None, "is a directory; name a file")
    if made.is_file() and target.is_file():
        shutil.copymode(target, made)
    # Beside the file itself, whatever else was written with it.
    for one in sorted(folder.iterdir(), key=lambda one: one == made):
        os.replace(one, target.with_name(one.name))


def _is_another(filename: object, path: Path) -> bool:
    # The folder that is made for the time being would say nothing to the reader.
    return (
        isinstance(filename, str) and Path(filename).name != path.name and _FOLDER not in filename
    )


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to be read; a pipe, which would be waited for, or a device is none.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    if path.exists() and not path.is_file():
        raise OSError("is no file")
    return path.open("rb")
