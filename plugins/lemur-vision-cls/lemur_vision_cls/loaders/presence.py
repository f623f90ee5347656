"""Check that the files of a dataset exist and are intact, with errors that say what to do."""

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
    """Raise `MissingDataError` if files or folders of a dataset are missing.

    Args:
        dataset: Name of the dataset.
        folder: The folder of its files.
        names: The required files and folders.
        get: How to get them, for the message.
    """
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise MissingDataError(
            f"dataset {dataset!r}: {folder} lacks {', '.join(missing)}; {get}, "
            "or set --data to its folder"
        )


@contextmanager
def read_by_torchvision(dataset: str, folder: Path) -> Iterator[None]:
    """Convert torchvision's errors about damaged files into a `MissingDataError`.

    Raises:
        MissingDataError: A file is damaged.
    """
    try:
        yield
    # Not an archive, text or pickle in the format, or a wrong checksum.
    except (RuntimeError, OSError, EOFError, ValueError, LookupError, pickle.PickleError) as error:
        raise damaged(dataset, folder, str(error)) from error


def damaged(dataset: str, file: Path, reason: str) -> MissingDataError:
    """Return the error for a file that is damaged."""
    return MissingDataError(
        f"dataset {dataset!r}: {file} is damaged, or of another dataset: {reason}; "
        "remove it and get it again"
    )
