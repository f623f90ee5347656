"""Fetch files: resumed where they broke off, checked, and put in place whole.

What is fetched grows in ``<name>.part``; the next call, in this process or another, goes on from
there where the server can.
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
    """How much of a file is there.

    Attributes:
        file: Its name.
        done: Bytes that are there.
        total: Bytes of the whole; None where the server does not say.
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
    """Fetch a file, unless it is there and its checksum is right; return where it is.

    What breaks off is taken up again as long as each attempt brings something.

    Args:
        url: Where it is, by http or https.
        to: Where it shall be; its folder is made.
        md5: Its checksum, in hexadecimal digits; it need not have one.
        sha256: Another.
        size: Its bytes, where they are known and the server may not say.
        progress: Called when it begins, with each piece, and when it is complete.

    Raises:
        FetchError: It cannot be had, is not what the checksum says, or cannot be written.
    """
    checksums = {name: one for name, one in (("md5", md5), ("sha256", sha256)) if one}
    if to.is_file() and not _wrong(to, checksums):
        return to
    part = to.with_name(f"{to.name}.part")
    with _writing(url, to):
        _complete(url, part, Fetching(to.name, 0, size), progress)
        if wrong := _wrong(part, checksums):
            part.unlink()
            raise FetchError(f"{url}: {wrong}; what was fetched is removed, fetch it again")
        part.replace(to)
    return to


def fetch_archive(url: str, folder: Path, *, md5: str | None, progress: Progress) -> None:
    """Fetch an archive, unpack it in a folder, and remove it.

    Raises:
        FetchError: It cannot be had or unpacked.
    """
    archive = fetch(url, folder / Path(urlsplit(url).path).name, md5=md5, progress=progress)
    unpack(archive, folder)
    archive.unlink()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive; files of the same names are replaced, others stay.

    Nothing is seen of an archive that cannot be unpacked.

    Raises:
        FetchError: It is damaged, holds what would lie outside the folder, or cannot be written.
    """
    # A zip file's members are made safe by zipfile itself, which takes no filter.
    filtered: dict[str, Any] = {} if archive.suffix == ".zip" else {"filter": "data"}
    with (
        _writing(str(archive), folder),
        TemporaryDirectory(prefix=".unpacking-", dir=folder) as place,
    ):
        try:
            shutil.unpack_archive(archive, place, **filtered)
        except (shutil.ReadError, tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as no:
            raise FetchError(f"{archive} cannot be unpacked: {no}; remove it") from no
        for one in Path(place).iterdir():
            _move(one, folder / one.name)


def _complete(url: str, part: Path, fetching: Fetching, progress: Progress) -> None:
    while True:
        before = _bytes_of(part)
        try:
            _attempt(url, part, fetching, progress)
        except _BrokenOffError as error:
            there = _bytes_of(part)
            if there <= before:
                raise FetchError(
                    f"{url} broke off after {there} bytes: {error}; "
                    "fetch it again to go on from there"
                ) from error
        else:
            return


def _attempt(url: str, part: Path, fetching: Fetching, progress: Progress) -> None:
    begun = _bytes_of(part)
    with _asked(url, begun) as answer:
        if answer.status == _RANGE_PAST_THE_END:
            # Either it is complete, which its checksum will tell, or longer than the file.
            if _total(answer, begun) != begun:
                part.unlink()
                _attempt(url, part, fetching, progress)
            return
        resumed = answer.status == _PARTIAL and _starts_at(answer, begun)
        done = begun if resumed else 0
        total = _total(answer, done) or fetching.total
        part.parent.mkdir(parents=True, exist_ok=True)
        _check_room(part, (total or 0) - done)
        with part.open("ab" if resumed else "wb") as file:
            progress(fetching._replace(done=done, total=total))
            for piece in _pieces(answer):
                file.write(piece)
                done += len(piece)
                progress(fetching._replace(done=done, total=total))
    if total is not None and done < total:
        raise _BrokenOffError(f"expected {total} bytes")


@contextmanager
def _asked(url: str, begun: int) -> Iterator[http.client.HTTPResponse]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"{url}: expected an address that begins with http:// or https://")
    headers = {"User-Agent": "lemur"} | ({"Range": f"bytes={begun}-"} if begun else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is checked
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if not (error.code == _RANGE_PAST_THE_END and begun):
            error.close()
            raise FetchError(f"{url}: the server says {error.code} {error.reason}") from error
        answer = error
    except urllib.error.URLError as error:
        why = f"{url} cannot be reached: {error.reason}; is there a network?"
        raise FetchError(why) from error
    # The server hung up, or kept silent, before it answered.
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOffError(_text(error)) from error
    with answer:
        yield answer


def _pieces(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = answer.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenOffError(_text(error)) from error
        if not piece:
            return
        yield piece


def _total(answer: http.client.HTTPResponse, done: int) -> int | None:
    """Return the bytes of the whole file, as the answer says them."""
    of_range = answer.headers.get("Content-Range", "").rpartition("/")[2]
    if of_range.isdigit():
        return int(of_range)
    length = answer.headers.get("Content-Length", "")
    return done + int(length) if length.isdigit() else None


def _starts_at(answer: http.client.HTTPResponse, begun: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-")


def _wrong(file: Path, checksums: dict[str, str]) -> str:
    """Return which checksum is not as expected; empty where all are."""
    for name, expected in checksums.items():
        with file.open("rb") as content:
            found = _digest(content, name)
        if found != expected.lower():
            return f"its {name} is {found}; expected {expected}"
    return ""


def _digest(content: BufferedReader, name: str) -> str:
    # What data sets are published with; a system that forbids md5 for secrets allows it for this.
    return hashlib.file_digest(
        content,
        lambda: hashlib.new(name, usedforsecurity=False),
    ).hexdigest()


def _check_room(part: Path, needed: int) -> None:
    if shutil.disk_usage(part.parent).free < needed:
        raise OSError(errno.ENOSPC, f"it needs {needed} bytes more")


@contextmanager
def _writing(what: str, to: Path) -> Iterator[None]:
    try:
        yield
    except FetchError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            why = f"the disk of {to} is full: {error.strerror}; make room, and fetch it again"
        else:
            why = f"{to} cannot be written: {error.strerror}"
        raise FetchError(f"{what}: {why}") from error


def _move(source: Path, target: Path) -> None:
    if source.is_dir() and target.is_dir():
        for one in source.iterdir():
            _move(one, target / one.name)
    else:
        os.replace(source, target)


def _bytes_of(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


class _BrokenOffError(Exception):
    """The connection ended before the file did."""
