"""A zoo has one writer at a time."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError
from lemur_core.files import write_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a zoo; the system releases it when the process ends, however it ends.

    Raises:
        SettingsError: Another process writes the zoo.
        WriteError: The folder cannot be written.
    """
    import fcntl

    with write_errors(folder):
        descriptor = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip()
            by = f" (process {holder})" if holder.isdecimal() else ""
            raise SettingsError(
                f"{folder}: another command{by} is writing this zoo; wait for its end, or stop it"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
