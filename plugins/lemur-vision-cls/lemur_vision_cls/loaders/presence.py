"""Whether the files of a data set are there, whole, and what to do where they are not."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DOWNLOAD = "get it with --download"


def require(dataset: str, folder: Path, names: Sequence[str], get: str = DOWNLOAD) -> None:
    """Raise `MissingDataError` where a data set lacks one of its files or folders.

    Args:
        dataset: Its name.
        folder: Where its files should be.
        names: Of the files and folders that it needs.
        get: How to get them.
    """
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise MissingDataError(
            f"data set {dataset!r}: {folder} lacks {', '.join(missing)}; {get}, "
            "or say with --data where it is"
        )


@contextmanager
def read_by_torchvision(dataset: str, folder: Path) -> Iterator[None]:
    """Turn what torchvision raises of files that are damaged into one line.

    Raises:
        MissingDataError: A file is not what it should be.
    """
    try:
        yield
    # What is no archive, text or pickle of the format, and a checksum that is another.
    except (RuntimeError, OSError, EOFError, ValueError, LookupError, pickle.PickleError) as error:
        raise damaged(dataset, folder, str(error)) from error


def damaged(dataset: str, file: Path, what: str) -> MissingDataError:
    """Return the error of a file that is not what it should be."""
    return MissingDataError(
        f"data set {dataset!r}: {file} is damaged, or of another data set: {what}; "
        "remove it and get it again"
    )
