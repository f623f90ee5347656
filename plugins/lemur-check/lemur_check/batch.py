"""Check the sources in files, folders and JSON lines, several at a time."""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lemur_check.names import NameTakenError
from lemur_core.code import complete
from lemur_core.errors import PluginError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lemur_check.verdict import Verdict

# A source has at most a sixteenth of this. Reading stops at a longer line.
_MAX_LINE_BYTES = 16 * 2**20
_PENDING_PER_WORKER = 2
_LINE_END = re.compile(r"\r\n?")


class BatchSource(NamedTuple):
    """A source to check.

    Attributes:
        place: Its file, with the line number for JSON lines.
        code: Its text.
        name: The net's name. None derives a name from the source.
        fault: Why the text could not be read; empty if it was.
    """

    place: str
    code: str = ""
    name: str | None = None
    fault: str = ""


def sources(place: str, complete: Callable[[Path], str] = complete) -> Iterator[BatchSource]:
    """Yield the sources in a Python file, a folder, a JSON-lines file or standard input (``-``).

    Each JSON line has the member ``code`` and optionally ``name``. Sources that cannot be read have
    a ``fault``.

    Args:
        place: The file or folder, or ``-``.
        complete: Returns the code of a file together with the modules it imports from its folder.

    Raises:
        SettingsError: The file or folder does not exist.
    """
    if place == "-":
        yield _decode("standard input", sys.stdin.buffer.read())
        return
    path = Path(place).expanduser()
    if path.is_dir():
        for file in sorted(path.rglob("*.py")):
            yield _read_file(file, file.stem, complete)
    elif not path.is_file():
        raise SettingsError(f"there is no file or folder {place!r}")
    elif path.suffix == ".jsonl":
        with path.open("rb") as opened:
            yield from _read_lines(path, opened)
    else:
        yield _read_file(path, None, complete)


def check_sources(
    check: Callable[[str, str | None], Verdict], sources: Iterable[BatchSource], workers: int
) -> Iterator[tuple[BatchSource, Verdict | None]]:
    """Yield each source with its verdict, in the order of completion.

    The verdict is None for a source with a fault. A name that the net cannot have is also a fault.

    Args:
        check: Returns the verdict on a source and name; called from several threads.
        sources: The sources to check.
        workers: Number of sources to check at once.
    """
    pending: dict[Future[Verdict], BatchSource] = {}
    with ThreadPoolExecutor(workers) as pool:
        try:
            for source in sources:
                if source.fault:
                    yield source, None
                    continue
                pending[pool.submit(check, source.code, source.name)] = source
                if len(pending) >= workers * _PENDING_PER_WORKER:
                    yield from _finished(pending)
            while pending:
                yield from _finished(pending)
        finally:
            # If the caller stops early, checks that have not started are cancelled.
            pool.shutdown(wait=False, cancel_futures=True)


def _finished(
    pending: dict[Future[Verdict], BatchSource],
) -> Iterator[tuple[BatchSource, Verdict | None]]:
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        source = pending.pop(future)
        try:
            yield source, future.result()
        except NameTakenError as error:
            yield source._replace(fault=str(error)), None


def _read_file(file: Path, name: str | None, complete: Callable[[Path], str]) -> BatchSource:
    try:
        source = _decode(str(file), file.read_bytes(), name)
        # Adds the modules that it imports from its folder.
        code = "" if source.fault else complete(file)
    except OSError as error:
        return BatchSource(str(file), fault=f"cannot be read: {error.strerror}")
    except PluginError as error:
        return BatchSource(str(file), fault=f"cannot be read with its imports: {error}")
    # The text of a single module stays unchanged, including its line ends.
    is_single = source.fault or code.removeprefix("\ufeff") == _LINE_END.sub("\n", source.code)
    return source if is_single else source._replace(code=code)


def _decode(place: str, content: bytes, name: str | None = None) -> BatchSource:
    try:
        # A byte order mark is not part of the text.
        return BatchSource(place, content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        return BatchSource(place, fault=f"is not UTF-8 text: {error.reason} at byte {error.start}")


def _read_lines(path: Path, opened: BinaryIO) -> Iterator[BatchSource]:
    number = 0
    while line := opened.readline(_MAX_LINE_BYTES):
        number += 1
        place = f"{path}:{number}"
        if len(line) == _MAX_LINE_BYTES:
            yield BatchSource(
                place, fault=f"is longer than {_MAX_LINE_BYTES:,} bytes; not read further"
            )
            return
        if line.strip():
            yield _parse_line(place, line)


def _parse_line(place: str, line: bytes) -> BatchSource:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BatchSource(place, fault=f"is not JSON: {error}")
    code = record.get("code") if isinstance(record, dict) else None
    name = record.get("name") if isinstance(record, dict) else None
    if not isinstance(code, str):
        return BatchSource(place, fault='has no "code" member that is a string')
    if not isinstance(name, str | None):
        return BatchSource(place, fault=f'"name" is {name!r}; expected a string')
    return BatchSource(place, code, name)
