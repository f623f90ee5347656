"""Compute digests of files, reading each file once as long as it does not change.

Digests are cached in the user's cache folder by the file's path, size, times and inode. If the
cache is missing, damaged, locked or read-only, files are read again.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

# A file that has just changed may change again without a change of its times.
_SETTLED_NS = 3 * 10**9
_GIB = 2**30
_ANNOUNCED_BYTES = _GIB
_LARGEST_CACHE = 2**30
_CHUNK_SIZE = 500
_THREADS = 8
_BUSY_S = 2.0
_DIGEST_BYTES = 32

Stamp = str
"""Size, times and inode of a file, as text."""


class FileDigests:
    """Computes SHA-256 digests of files.

    Args:
        cache: File of cached digests; None uses one in the user's cache folder.
        say: Called with a line of text before more than 1 GiB is read.
    """

    def __init__(
        self, cache: Path | None = None, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self._cache, self._say = cache or _cache_file(), say

    def __call__(self, dataset: str, files: Sequence[Path]) -> dict[str, bytes]:
        """Return the SHA-256 digest of each file by its absolute path.

        Args:
            dataset: Name of the dataset, for messages.
            files: The files.

        Raises:
            MissingDataError: A file cannot be read.
        """
        stats = _stats(dataset, map(os.path.abspath, files))
        stamps = {file: _stamp(stat) for file, stat in stats.items()}
        cached = self._cached(stamps)
        unread = [file for file in stats if file not in cached]
        self._announce(dataset, [stats[file].st_size for file in unread])
        settled = time.time_ns() - _SETTLED_NS
        with ThreadPoolExecutor(_THREADS) as pool:
            read = dict(zip(unread, pool.map(partial(_read, dataset), unread), strict=True))
        # Files that changed during or just before reading are read again the next time.
        self._store(
            {
                file: (stamp, digest)
                for file, (stamp, digest) in read.items()
                if stamp == stamps[file] and stats[file].st_ctime_ns < settled
            }
        )
        return cached | {file: digest for file, (_, digest) in read.items()}

    def _announce(self, dataset: str, sizes: Sequence[int]) -> None:
        if sum(sizes) > _ANNOUNCED_BYTES:
            self._say(
                f"dataset {dataset!r}: reading {len(sizes):,} files ({sum(sizes) / _GIB:.1f} "
                "GiB) once, to recognise their content from now on"
            )

    def _cached(self, stamps: Mapping[str, Stamp]) -> dict[str, bytes]:
        with suppress(OSError, sqlite3.Error):
            if self._cache.is_file():
                with closing(_connect(self._cache)) as connection:
                    return dict(_stored(connection, stamps))
        return {}

    def _store(self, read: Mapping[str, tuple[Stamp, bytes]]) -> None:
        if not read:
            return
        # The cache only saves time.
        with suppress(OSError, sqlite3.Error):
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            _remove_unusable(self._cache)
            with closing(_connect(self._cache)) as connection, connection:
                connection.execute(
                    "create table if not exists digest "
                    "(path blob primary key, stamp text not null, digest blob not null)"
                )
                connection.executemany(
                    "insert or replace into digest values (?, ?, ?)",
                    ((os.fsencode(file), stamp, digest) for file, (stamp, digest) in read.items()),
                )


def stamp_of(dataset: str, files: Sequence[Path]) -> str:
    """Return a text that changes if a file changes, or is added to or removed from its folder.

    Raises:
        MissingDataError: A file does not exist.
    """
    whole = hashlib.sha256()
    paths = [os.path.abspath(file) for file in files]
    for stat in _stats(dataset, [*paths, *_folders(paths)]).values():
        whole.update(_stamp(stat).encode())
    return whole.hexdigest()


def _folders(files: Sequence[str]) -> list[str]:
    """Return the folders of files, and their parents up to the folder that contains all files."""
    folders = {os.path.dirname(file) for file in files}
    if not folders:
        return []
    top = Path(os.path.commonpath(folders))
    ancestors = {path for folder in map(Path, folders) for path in (folder, *folder.parents)}
    return sorted(str(path) for path in ancestors if path.is_relative_to(top))


def _cache_file() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(cache) / "lemur" / "file-digests.sqlite"


def _stats(dataset: str, files: Iterable[str]) -> dict[str, os.stat_result]:
    try:
        return {file: os.stat(file) for file in files}
    except OSError as error:
        raise _unreadable(dataset, error) from error


def _stamp(stat: os.stat_result) -> Stamp:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _read(dataset: str, file: str) -> tuple[Stamp, bytes]:
    """Return a file's stamp after it was read, and its digest."""
    try:
        with open(file, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").digest()
            return _stamp(os.fstat(content.fileno())), digest
    except OSError as error:
        raise _unreadable(dataset, error) from error


def _unreadable(dataset: str, error: OSError) -> MissingDataError:
    return MissingDataError(
        f"dataset {dataset!r}: {error.filename} cannot be read: {error.strerror or error}"
    )


def _connect(cache: Path) -> sqlite3.Connection:
    return sqlite3.connect(cache, timeout=_BUSY_S)


def _stored(
    connection: sqlite3.Connection, stamps: Mapping[str, Stamp]
) -> Iterator[tuple[str, bytes]]:
    keys = [os.fsencode(file) for file in stamps]
    for start in range(0, len(keys), _CHUNK_SIZE):
        batch = keys[start : start + _CHUNK_SIZE]
        marks = ",".join("?" * len(batch))
        query = f"select path, stamp, digest from digest where path in ({marks})"  # noqa: S608
        for key, stamp, digest in connection.execute(query, batch):
            file = os.fsdecode(key)
            is_valid = isinstance(digest, bytes) and len(digest) == _DIGEST_BYTES
            if stamp == stamps[file] and is_valid:
                yield file, digest


def _remove_unusable(cache: Path) -> None:
    """Remove a cache that is damaged or has grown too large."""
    if not cache.exists():
        return
    try:
        with closing(_connect(cache)) as connection:
            connection.execute("select path, stamp, digest from digest limit 1")
        usable = cache.stat().st_size < _LARGEST_CACHE
    except sqlite3.OperationalError as error:
        # The cache is locked, or another process has just created it.
        usable = "no such column" not in str(error)
    except sqlite3.DatabaseError:
        usable = False
    if not usable:
        cache.unlink(missing_ok=True)
