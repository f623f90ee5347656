"""Read the local file of a run of Weights & Biases.

The file is a log as LevelDB writes it, `documented here
<https://github.com/google/leveldb/blob/main/doc/log_format.md>`_, after a header of 7 bytes, but
its checksums are those of zlib. Its records are messages of the package wandb, which has no reader
in Python any more.
"""

from __future__ import annotations

import json
import struct
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_BYTES = 32768
_FILE_HEADER_BYTES = 7
# Checksum, length and type of each fragment of a record.
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _LAST = 1, 2, 4


def history(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows that were logged, as names and values; ``_step`` is the step."""
    # Its messages are made at run time, so type checkers do not know them.
    record_type = import_module("wandb.proto.wandb_internal_pb2").Record
    for data in _records(file.read_bytes()):
        record = record_type.FromString(data)
        if record.HasField("history"):
            yield {
                item.key or ".".join(item.nested_key): json.loads(item.value_json)
                for item in record.history.item
            }


def _records(data: bytes) -> Iterator[bytes]:
    """Yield the records before the first that is cut or damaged, for example by a power cut."""
    place, parts = _FILE_HEADER_BYTES, b""
    while place + _HEADER.size <= len(data):
        left_in_block = _BLOCK_BYTES - place % _BLOCK_BYTES
        if left_in_block < _HEADER.size:
            place += left_in_block
            continue
        checksum, length, kind = _HEADER.unpack_from(data, place)
        place += _HEADER.size
        fragment = data[place : place + length]
        if len(fragment) < length or crc32(fragment, crc32(bytes([kind]))) != checksum:
            return
        place += length
        parts = fragment if kind in (_FULL, _FIRST) else parts + fragment
        if kind in (_FULL, _LAST):
            yield parts
