"""Read LEMUR's files in a separate process, so that reading and writing use two cores."""

from __future__ import annotations

import os
from itertools import islice
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.garbage import collection_paused
from lemur_core.spawn import spawn
from lemur_core.store.importing.layout import files_in, read_files
from lemur_core.store.importing.records import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from lemur_core.kinds.importer import Fault

# Anything smaller is read faster than a process starts.
_FEW_FILES = 500
_SMALL_ARCHIVE = 2**18
# Number of records sent at once, and number of such chunks that may wait to be received.
_CHUNK_RECORDS = 500
_MAX_CHUNKS = 8


def read_ahead(place: Path) -> Iterator[Batch | Fault]:
    """Yield what `read_files` yields for a folder or zip archive, read ahead by another process.

    Raises:
        SettingsError: The place is neither a folder nor a zip archive, or the process was killed.
    """
    if not _is_large(place):
        yield from read_files(files_in(place))
        return
    process, connection, _ = spawn(_read, place)
    try:
        while received := connection.recv():
            if isinstance(received, Exception):
                raise received
            yield from received
    except EOFError:
        raise SettingsError(f"{place}: the process that read it was ended; try again") from None
    finally:
        connection.close()
        process.kill()
        process.join()


def _is_large(place: Path) -> bool:
    if place.is_dir():
        return len(list(islice(place.rglob("*.json"), _FEW_FILES))) == _FEW_FILES
    return place.stat().st_size > _SMALL_ARCHIVE


def _read(connection: Connection[Any, Any], place: Path) -> None:
    outbox: Queue[list[Batch | Fault] | Exception] = Queue(_MAX_CHUNKS)
    # The sender waits for the receiver, while this thread continues to read.
    sender = Thread(target=_send, args=(connection, outbox), daemon=True)
    sender.start()
    with collection_paused():
        try:
            for chunk in _chunks(read_files(files_in(place))):
                outbox.put(chunk)
        except Exception as error:
            outbox.put(error)
        outbox.put([])
        sender.join()


def _send(connection: Connection[Any, Any], outbox: Queue[Any]) -> None:
    try:
        while chunk := outbox.get():
            connection.send(chunk)
        connection.send([])
    except OSError:
        # The receiving process is gone, so the remaining records are not needed.
        os._exit(1)


def _chunks(items: Iterable[Batch | Fault]) -> Iterator[list[Batch | Fault]]:
    """Yield the items in chunks, because each message has a cost."""
    chunk: list[Batch | Fault] = []
    records = 0
    for item in items:
        chunk.append(item)
        records += len(item.records) if isinstance(item, Batch) else 1
        if records >= _CHUNK_RECORDS:
            yield chunk
            chunk, records = [], 0
    if chunk:
        yield chunk
