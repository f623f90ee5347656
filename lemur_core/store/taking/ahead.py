"""Read LEMUR's files in a process of its own, so that one core reads while another writes."""

from __future__ import annotations

import os
from itertools import islice
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.spawn import spawn
from lemur_core.store.cycles import no_search_for_cycles
from lemur_core.store.taking.layout import files_in, read_files
from lemur_core.store.taking.records import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from lemur_core.kinds.importer import Fault

# What is read sooner than a process starts.
_FEW_FILES = 500
_SMALL_ARCHIVE = 2**18
# Records that are sent at once, and how often that is done before the first are taken.
_AT_ONCE = 500
_PARCELS = 8


def read_ahead(place: Path) -> Iterator[Batch | Fault]:
    """Yield what `read_files` does of a folder or a zip archive, and go on reading meanwhile.

    Raises:
        SettingsError: It is neither, or the process that read it was ended.
    """
    if not _is_much(place):
        yield from read_files(files_in(place))
        return
    process, connection, _ = spawn(_read, place)
    try:
        while found := connection.recv():
            if isinstance(found, Exception):
                raise found
            yield from found
    except EOFError:
        raise SettingsError(f"{place}: the process that read it was ended; try again") from None
    finally:
        connection.close()
        process.kill()
        process.join()


def _is_much(place: Path) -> bool:
    if place.is_dir():
        return len(list(islice(place.rglob("*.json"), _FEW_FILES))) == _FEW_FILES
    return place.stat().st_size > _SMALL_ARCHIVE


def _read(connection: Connection[Any, Any], place: Path) -> None:
    outbox: Queue[list[Batch | Fault] | Exception] = Queue(_PARCELS)
    # What is sent waits until it is taken; the reading goes on.
    sender = Thread(target=_send, args=(connection, outbox), daemon=True)
    sender.start()
    with no_search_for_cycles():
        try:
            for parcel in _parcels(read_files(files_in(place))):
                outbox.put(parcel)
        except Exception as error:
            outbox.put(error)
        outbox.put([])
        sender.join()


def _send(connection: Connection[Any, Any], outbox: Queue[Any]) -> None:
    try:
        while found := outbox.get():
            connection.send(found)
        connection.send([])
    except OSError:
        # Whoever read the other end is gone, and nobody else needs the rest.
        os._exit(1)


def _parcels(found: Iterable[Batch | Fault]) -> Iterator[list[Batch | Fault]]:
    """Yield some at once, for each sending has its price."""
    parcel: list[Batch | Fault] = []
    records = 0
    for each in found:
        parcel.append(each)
        records += len(each.records) if isinstance(each, Batch) else 1
        if records >= _AT_ONCE:
            yield parcel
            parcel, records = [], 0
    if parcel:
        yield parcel
