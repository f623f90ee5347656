"""Download files: resume interrupted downloads, verify checksums, and replace files atomically.

A download is written to ``<name>.part``. The next call, in this process or another, resumes it if
the server supports that.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from lemur_core.errors import FetchError

if TYPE_CHECKING:
    from io import BufferedReader

_CHUNK = 2**18
_PATIENCE_S = 60.0
_PARTIAL, _RANGE_PAST_THE_END = 206, 416


class Fetching(NamedTuple):
    """The progress of a download.

    Attributes:
        file: Name of the file.
        done: Number of bytes downloaded.
        total: Number of bytes of the whole file; None if the server does not report it.
    """

    file: str
    done: int
    total: int | None


Progress = Callable[[Fetching], None]


def fetch(
    url: str,
    to: Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress = lambda fetching: None,
) -> Path:
    """Download a file unless it exists with the right checksum; return its path.

    A broken connection is resumed as long as each attempt downloads some bytes.

    Args:
        url: Address of the file, with http or https.
        to: Path to write to; its folder is created.
        md5: Expected MD5 checksum in hexadecimal digits; None checks none.
        sha256: Expected SHA-256 checksum in hexadecimal digits; None checks none.
        size: Number of bytes, if known, in case the server does not report it.
        progress: Called when the download starts, after each chunk, and when it is complete.

    Raises:
        FetchError: The file cannot be downloaded, has another checksum or cannot be written.
    """
    checksums = {name: digest for name, digest in (("md5", md5), ("sha256", sha256)) if digest}
    if to.is_file() and not _mismatch(to, checksums):
        return to
    part = to.with_name(f"{to.name}.part")
    with _writing(url, to):
        _complete(url, part, Fetching(to.name, 0, size), progress)
        if mismatch := _mismatch(part, checksums):
            part.unlink()
            raise FetchError(f"{url}: {mismatch}; the downloaded file was removed, fetch it again")
        part.replace(to)
    return to


def fetch_archive(url: str, folder: Path, *, md5: str | None, progress: Progress) -> None:
    """Download an archive, unpack it into a folder, and remove it.

    Args:
        url: Address of the archive, with http or https.
        folder: Folder to unpack into.
        md5: Expected MD5 checksum of the archive; None checks none.
        progress: Called as in `fetch`.

    Raises:
        FetchError: The archive cannot be downloaded or unpacked.
    """
    archive = fetch(url, folder / Path(urlsplit(url).path).name, md5=md5, progress=progress)
    unpack(archive, folder)
    archive.unlink()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive, replacing files of the same names and keeping all others.

    If the archive cannot be unpacked, the folder stays unchanged.

    Raises:
        FetchError: The archive is damaged, contains paths outside the folder, or cannot be
            written.
    """
    # zipfile sanitises the paths of members itself and accepts no filter.
    filtered: dict[str, Any] = {} if archive.suffix == ".zip" else {"filter": "data"}
    with (
        _writing(str(archive), folder),
        TemporaryDirectory(prefix=".unpacking-", dir=folder) as temporary,
    ):
        try:
            shutil.unpack_archive(archive, temporary, **filtered)
        except (shutil.ReadError, tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as no:
            raise FetchError(f"{archive} cannot be unpacked: {no}; remove it") from no
        for path in Path(temporary).iterdir():
            _move(path, folder / path.name)


def _complete(url: str, part: Path, fetching: Fetching, progress: Progress) -> None:
    while True:
        before = _bytes_of(part)
        try:
            _attempt(url, part, fetching, progress)
        except _ConnectionLostError as error:
            downloaded = _bytes_of(part)
            if downloaded <= before:
                raise FetchError(
                    f"{url}: connection lost after {downloaded} bytes: {error}; "
                    "fetch it again to resume"
                ) from error
        else:
            return


def _attempt(url: str, part: Path, fetching: Fetching, progress: Progress) -> None:
    offset = _bytes_of(part)
    with _request(url, offset) as response:
        if response.status == _RANGE_PAST_THE_END:
            # The part is complete, which the checksum will confirm, or longer than the file.
            if _total(response, offset) != offset:
                part.unlink()
                _attempt(url, part, fetching, progress)
            return
        resumed = response.status == _PARTIAL and _starts_at(response, offset)
        done = offset if resumed else 0
        total = _total(response, done) or fetching.total
        part.parent.mkdir(parents=True, exist_ok=True)
        _check_room(part, (total or 0) - done)
        with part.open("ab" if resumed else "wb") as file:
            progress(fetching._replace(done=done, total=total))
            for chunk in _chunks(response):
                file.write(chunk)
                done += len(chunk)
                progress(fetching._replace(done=done, total=total))
    if total is not None and done < total:
        raise _ConnectionLostError(f"expected {total} bytes")


@contextmanager
def _request(url: str, offset: int) -> Iterator[http.client.HTTPResponse]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"{url}: expected an address that starts with http:// or https://")
    headers = {"User-Agent": "lemur"} | ({"Range": f"bytes={offset}-"} if offset else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is checked
    try:
        response = urllib.request.urlopen(request, timeout=_PATIENCE_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if not (error.code == _RANGE_PAST_THE_END and offset):
            error.close()
            raise FetchError(f"{url}: the server says {error.code} {error.reason}") from error
        response = error
    except urllib.error.URLError as error:
        why = f"{url} cannot be reached: {error.reason}; is there a network?"
        raise FetchError(why) from error
    # The server closed the connection, or did not respond in time.
    except (OSError, http.client.HTTPException) as error:
        raise _ConnectionLostError(_text(error)) from error
    with response:
        yield response


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _ConnectionLostError(_text(error)) from error
        if not chunk:
            return
        yield chunk


def _total(response: http.client.HTTPResponse, done: int) -> int | None:
    """Return the size of the whole file in bytes according to the response; None if unknown."""
    size = response.headers.get("Content-Range", "").rpartition("/")[2]
    if size.isdigit():
        return int(size)
    length = response.headers.get("Content-Length", "")
    return done + int(length) if length.isdigit() else None


def _starts_at(response: http.client.HTTPResponse, offset: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")


def _mismatch(file: Path, checksums: dict[str, str]) -> str:
    """Return a description of the first wrong checksum; empty if all are right."""
    for name, expected in checksums.items():
        with file.open("rb") as content:
            digest = _digest(content, name)
        if digest != expected.lower():
            return f"its {name} is {digest}; expected {expected}"
    return ""


def _digest(content: BufferedReader, name: str) -> str:
    # Datasets are published with md5; systems that forbid it for security allow this use.
    return hashlib.file_digest(
        content,
        lambda: hashlib.new(name, usedforsecurity=False),
    ).hexdigest()


def _check_room(part: Path, needed: int) -> None:
    if shutil.disk_usage(part.parent).free < needed:
        raise OSError(errno.ENOSPC, f"it needs {needed} more bytes")


@contextmanager
def _writing(what: str, to: Path) -> Iterator[None]:
    try:
        yield
    except FetchError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            why = f"the disk of {to} is full: {error.strerror}; free some space and fetch it again"
        else:
            why = f"{to} cannot be written: {error.strerror}"
        raise FetchError(f"{what}: {why}") from error


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for path in source.iterdir():
            _move(path, target / path.name)
    else:
        os.replace(source, target)


def _bytes_of(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


class _ConnectionLostError(Exception):
    """The connection ended before the download was complete."""
