"""Folders that are created once, atomically, and then reused."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PREFIX = ".making-"
# Unfinished folders that are older than this were abandoned, for example by a killed process.
_ABANDONED_S = 24 * 60 * 60


def cached_folder(
    dataset: str, name: str, parents: Sequence[Path], make: Callable[[Path], None]
) -> Path:
    """Return an existing folder, or create it in the first writable parent.

    The folder is filled under a temporary name and then renamed, so other processes never see an
    incomplete folder.

    Args:
        dataset: The name of the dataset, for errors.
        name: The name of the folder.
        parents: The folders in which it may be; they are created if necessary.
        make: Called with an empty folder to fill.

    Raises:
        MissingDataError: None of the parents is writable.
    """
    for parent in parents:
        if (parent / name).is_dir():
            return parent / name
    errors = []
    for parent in parents:
        try:
            return _create(parent, name, make)
        except OSError as error:
            errors.append(f"{parent}: {error.strerror or error}")
    raise MissingDataError(
        f"dataset {dataset!r}: it cannot be written to any of {'; '.join(errors)}; "
        "name a writable folder with --data"
    )


def cache_folders(folder: Path, dataset: str) -> list[Path]:
    """Return the folders for a dataset: in the data folder, the user's cache, or a temporary one.

    Args:
        folder: The data folder.
        dataset: The name of the dataset.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    temporary = tempfile.gettempdir()
    return [folder / dataset, *(Path(parent) / "lemur" / dataset for parent in (cache, temporary))]


def _create(parent: Path, name: str, make: Callable[[Path], None]) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    temporary = parent / f"{_PREFIX}{secrets.token_hex(8)}"
    temporary.mkdir()
    try:
        make(temporary)
        _rename(temporary, parent / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return parent / name


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError:
        # Another process may have created the same folder first.
        if not target.is_dir():
            raise


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)
