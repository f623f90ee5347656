"""Folders that are made once, whole or not at all, and kept."""

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
# What was begun so long ago was given up, by a process that was killed say.
_GIVEN_UP_S = 24 * 60 * 60


def kept(dataset: str, name: str, places: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """Return a folder, made in the first place that can be written if it is in none.

    It is made under another name, so that of several processes each sees it whole or not at all.

    Args:
        dataset: Its data set's name, for errors.
        name: Of the folder.
        places: Where it may be; they are made where they are not there.
        make: Called with an empty folder to fill.

    Raises:
        MissingDataError: It can be written nowhere.
    """
    for place in places:
        if (place / name).is_dir():
            return place / name
    failed = []
    for place in places:
        try:
            return _made(place, name, make)
        except OSError as error:
            failed.append(f"{place}: {error.strerror or error}")
    raise MissingDataError(
        f"data set {dataset!r}: it can be written to none of {'; '.join(failed)}; "
        "say with --data a folder that can be written"
    )


def places_of(folder: Path, dataset: str) -> list[Path]:
    """Return where a data set may be kept: the data folder, the user's cache, the temporary one."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    temporary = tempfile.gettempdir()
    return [folder / dataset, *(Path(one) / "lemur" / dataset for one in (cache, temporary))]


def _made(place: Path, name: str, make: Callable[[Path], None]) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    _remove_given_up(place)
    making = place / f"{_PREFIX}{secrets.token_hex(8)}"
    making.mkdir()
    try:
        make(making)
        _put(making, place / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return place / name


def _put(making: Path, target: Path) -> None:
    try:
        making.rename(target)
    except OSError:
        # Another process was first, with the same.
        if not target.is_dir():
            raise


def _remove_given_up(place: Path) -> None:
    for one in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - one.stat().st_mtime > _GIVEN_UP_S:
                shutil.rmtree(one, ignore_errors=True)
