"""Checkpoints: the state of a trial after an epoch, written to disk for resuming the trial.

Each checkpoint is a folder, which gets the epoch's number as its name once it is complete:
``weights.safetensors`` holds the weights, ``state.pt`` the state of the optimizer, the scheduler
and the net's other attributes, and ``epochs.json`` the trial's epochs so far. The state of global
generators is not saved, as every epoch seeds all of them. The newest checkpoint is the one that is
used, and stays intact until the next one is complete; the files of the one before it are reused.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import torch

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.errors import error_text
from lemur_core.train.net_adapter import adapter_of
from lemur_core.trial import Epoch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FILES = ("weights.safetensors", "state.pt", "epochs.json")


class StateLostError(Exception):
    """A trial's checkpoint cannot be read."""


def save(folder: Path, net: Any, epochs: Sequence[Epoch]) -> None:
    """Write a checkpoint after the last of these epochs, either completely or not at all."""
    written = folder / f".{epochs[-1].number}"
    _make_room(folder, written)
    adapter_of(net).write_weights(written / "weights.safetensors")
    _save_state(net, written / "state.pt")
    (written / "epochs.json").write_text(json.dumps([*map(to_json, epochs)]), encoding="utf-8")
    for file in written.iterdir():
        _sync(file)
    written.rename(folder / str(epochs[-1].number))
    _sync(folder)


def _make_room(folder: Path, written: Path) -> None:
    """Create a folder for a checkpoint, reusing the files of one that is not needed, if any."""
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir(parents=True)
    for older in _complete(folder)[:-1]:
        shutil.rmtree(written)
        older.rename(written)


def saved_epochs(folder: Path) -> list[Epoch]:
    """Return the epochs in a trial's newest checkpoint, or an empty list if there is none.

    Raises:
        StateLostError: The checkpoint cannot be read.
    """
    newest = _newest(folder)
    if newest is None:
        return []
    try:
        # Reading something other than a regular file, for example a pipe, could block forever.
        for name in _FILES:
            if not (newest / name).is_file():
                raise FileNotFoundError(f"{name} is missing or not a regular file")
        values = json.loads((newest / "epochs.json").read_text(encoding="utf-8"))
        return _checked([from_json(Epoch, value) for value in values], _number(newest))
    except (OSError, *DECODING_ERRORS) as error:
        raise _lost(error) from error


def _checked(epochs: list[Epoch], last: int) -> list[Epoch]:
    """Return the epochs of a checkpoint after validating them.

    Raises:
        ValueError: They are not consecutive epochs up to ``last``, or a score is outside 0 to 1.
    """
    # A trial that continues another one does not begin with epoch 1.
    if not epochs or [epoch.number for epoch in epochs] != [*range(epochs[0].number, last + 1)]:
        raise ValueError(f"epochs.json does not hold the epochs up to {last}")
    for epoch in epochs:
        if not (0 <= epoch.validation <= 1 and 0 <= epoch.accuracy <= 1):
            raise ValueError(f"epochs.json has a score of epoch {epoch.number} outside 0 to 1")
    return epochs


def _lost(error: Exception) -> StateLostError:
    return StateLostError(f"its checkpoint could not be read: {error_text(error)}")


def restore(folder: Path, net: Any, device: torch.device) -> None:
    """Restore a net that has just been set up from the newest checkpoint.

    Raises:
        StateLostError: The checkpoint cannot be read, or belongs to another net.
    """
    newest = _newest(folder)
    try:
        if newest is None:
            raise FileNotFoundError(folder)
        _load(newest, net, device)
    # A damaged file or a net's own load_state_dict may raise anything.
    except Exception as error:
        raise _lost(error) from error


def _load(checkpoint: Path, net: Any, device: torch.device) -> None:
    adapter = adapter_of(net)
    adapter.load_weights(checkpoint / "weights.safetensors", str(device))
    state = torch.load(checkpoint / "state.pt", weights_only=True, map_location="cpu")
    adapter.restore_state(state)


def remove(folder: Path) -> None:
    """Remove a trial's checkpoints."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_older(folder: Path) -> None:
    """Remove all checkpoints of a trial but the newest."""
    for older in _complete(folder)[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def _save_state(net: Any, file: Path) -> None:
    # Computing a checksum of the optimizer's state takes as long as writing the state.
    checks = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    file.touch()
    try:
        with file.open("r+b") as opened:
            torch.save(adapter_of(net).state(), opened)
            opened.truncate()
    finally:
        torch.serialization.set_crc32_options(checks)


def _newest(folder: Path) -> Path | None:
    checkpoints = _complete(folder)
    return checkpoints[-1] if checkpoints else None


def _complete(folder: Path) -> list[Path]:
    """Return the complete checkpoints, the newest last."""
    return sorted((path for path in folder.glob("[0-9]*") if path.name.isdigit()), key=_number)


def _number(checkpoint: Path) -> int:
    return int(checkpoint.name)


def _sync(path: Path) -> None:
    # Without this, a power failure could leave an empty file.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
