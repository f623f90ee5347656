"""Check thousands of sources, from files, folders and JSON lines, several at a time."""

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

# A source is a sixteenth as long at most; what is longer is read no further.
_LONGEST_LINE = 16 * 2**20
_AHEAD = 2
_END = re.compile(r"\r\n?")


class BatchSource(NamedTuple):
    """A source to check.

    Attributes:
        place: The file that it is in, and its line there.
        code: Its text.
        name: The net's; None names it after its source.
        fault: Why there is no text.
    """

    place: str
    code: str = ""
    name: str | None = None
    fault: str = ""


def sources(place: str, complete: Callable[[Path], str] = complete) -> Iterator[BatchSource]:
    """Yield the sources of a file of Python, a folder of them, a file of JSON lines, or ``-``.

    A line of JSON has the member ``code``, and may have ``name``. What cannot be read has a fault.

    Args:
        place: The file or folder.
        complete: Gives the code of a file with the modules that it imports from its folder.

    Raises:
        SettingsError: There is no such file or folder.
    """
    if place == "-":
        yield _text("standard input", sys.stdin.buffer.read())
        return
    path = Path(place).expanduser()
    if path.is_dir():
        for file in sorted(path.rglob("*.py")):
            yield _read(file, file.stem, complete)
    elif not path.is_file():
        raise SettingsError(f"there is no file or folder {place!r}")
    elif path.suffix == ".jsonl":
        with path.open("rb") as opened:
            yield from _lines(path, opened)
    else:
        yield _read(path, None, complete)


def checked(
    check: Callable[[str, str | None], Verdict], wanted: Iterable[BatchSource], workers: int
) -> Iterator[tuple[BatchSource, Verdict | None]]:
    """Yield each source with its verdict as it is done; with None where it has a fault.

    A net that cannot be called as its file or line says has one too.

    Args:
        check: Gives verdicts, to several threads at once.
        wanted: The sources.
        workers: How many to check at once.
    """
    waiting: dict[Future[Verdict], BatchSource] = {}
    with ThreadPoolExecutor(workers) as pool:
        try:
            for source in wanted:
                if source.fault:
                    yield source, None
                    continue
                waiting[pool.submit(check, source.code, source.name)] = source
                if len(waiting) >= workers * _AHEAD:
                    yield from _done(waiting)
            while waiting:
                yield from _done(waiting)
        finally:
            # Where it is ended early, those that have not begun shall not.
            pool.shutdown(wait=False, cancel_futures=True)


def _done(
    waiting: dict[Future[Verdict], BatchSource],
) -> Iterator[tuple[BatchSource, Verdict | None]]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        source = waiting.pop(future)
        try:
            yield source, future.result()
        except NameTakenError as error:
            yield source._replace(fault=str(error)), None


def _read(file: Path, name: str | None, complete: Callable[[Path], str]) -> BatchSource:
    try:
        source = _text(str(file), file.read_bytes(), name)
        # With the modules that it imports from its folder.
        code = "" if source.fault else complete(file)
    except OSError as error:
        return BatchSource(str(file), fault=f"cannot be read: {error.strerror}")
    except PluginError as error:
        return BatchSource(str(file), fault=f"is not read with what it imports: {error}")
    # The text of a single module stays as it is, the ends of its lines too.
    is_single = source.fault or code.removeprefix("\ufeff") == _END.sub("\n", source.code)
    return source if is_single else source._replace(code=code)


def _text(place: str, content: bytes, name: str | None = None) -> BatchSource:
    try:
        # As an editor would show it: a mark of the order of bytes is none of the text.
        return BatchSource(place, content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        return BatchSource(place, fault=f"is no UTF-8 text: {error.reason} at byte {error.start}")


def _lines(path: Path, opened: BinaryIO) -> Iterator[BatchSource]:
    number = 0
    while line := opened.readline(_LONGEST_LINE):
        number += 1
        place = f"{path}:{number}"
        if len(line) == _LONGEST_LINE:
            yield BatchSource(
                place, fault=f"is longer than {_LONGEST_LINE:,} bytes; not read further"
            )
            return
        if line.strip():
            yield _of_line(place, line)


def _of_line(place: str, line: bytes) -> BatchSource:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BatchSource(place, fault=f"is no JSON: {error}")
    code = found.get("code") if isinstance(found, dict) else None
    name = found.get("name") if isinstance(found, dict) else None
    if not isinstance(code, str):
        return BatchSource(place, fault='has no text "code"')
    if not isinstance(name, str | None):
        return BatchSource(place, fault=f'"name" is {name!r}; expected a text')
    return BatchSource(place, code, name)
