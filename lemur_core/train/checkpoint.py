"""A trial's state after an epoch, on disk, so that the trial can go on from there.

Each epoch's is a folder of its own, named by the epoch's number once all of it is written: weights
in ``weights.safetensors``; the state of the optimizer, the scheduler and the net's other attributes
in ``state.pt``; and the trial's epochs so far in ``epochs.json``. No global generator's state is
kept, as every epoch begins by seeding all of them. The newest is what counts, and stays whole until
the next one is; the one before it is what the next is written over.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_model
from torch import nn

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.train.net_state import net_state, restore_net_state
from lemur_core.train.weights import save_weights
from lemur_core.trial import Epoch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FILES = ("weights.safetensors", "state.pt", "epochs.json")


class StateLostError(Exception):
    """A trial's state cannot be read back."""


def save(folder: Path, net: nn.Module, epochs: Sequence[Epoch]) -> None:
    """Write the state of a net after the last of these epochs, whole or not at all."""
    written = folder / f".{epochs[-1].number}"
    _make_room(folder, written)
    save_weights(net, written / "weights.safetensors")
    _save_state(net, written / "state.pt")
    (written / "epochs.json").write_text(json.dumps([*map(to_json, epochs)]), encoding="utf-8")
    for file in written.iterdir():
        _sync(file)
    written.rename(folder / str(epochs[-1].number))
    _sync(folder)


def _make_room(folder: Path, written: Path) -> None:
    """Make a folder for a state, with the files of one that is not needed where there is any."""
    shutil.rmtree(written, ignore_errors=True)
    written.mkdir(parents=True)
    for older in _whole(folder)[:-1]:
        shutil.rmtree(written)
        older.rename(written)


def saved_epochs(folder: Path) -> list[Epoch]:
    """Return the epochs that a trial had when its state was last written; none where it was not.

    Raises:
        StateLostError: What was written cannot be read.
    """
    newest = _newest(folder)
    if newest is None:
        return []
    try:
        # What is no file, a pipe say, could be waited for without end.
        for name in _FILES:
            if not (newest / name).is_file():
                raise FileNotFoundError(f"{name} is not there, or is no file")
        kept = json.loads((newest / "epochs.json").read_text(encoding="utf-8"))
        return _checked([from_json(Epoch, one) for one in kept], _number(newest))
    except (OSError, *DECODING_ERRORS) as error:
        raise _lost(error) from error


def _checked(epochs: list[Epoch], last: int) -> list[Epoch]:
    """Return the epochs that a state has.

    Raises:
        ValueError: They are not those up to the last one, or have scores that are none.
    """
    if [epoch.number for epoch in epochs] != [*range(1, last + 1)]:
        raise ValueError(f"epochs.json does not hold the epochs up to {last}")
    for epoch in epochs:
        if not (0 <= epoch.validation <= 1 and 0 <= epoch.accuracy <= 1):
            raise ValueError(f"epochs.json has a score of epoch {epoch.number} outside 0 to 1")
    return epochs


def _lost(error: Exception) -> StateLostError:
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    return StateLostError(f"its state could not be read: {reason}")


def restore(folder: Path, net: nn.Module, device: torch.device) -> None:
    """Bring a net that was just set up to the state that was last written.

    Raises:
        StateLostError: What was written cannot be read, or is not this net's.
    """
    newest = _newest(folder)
    try:
        if newest is None:
            raise FileNotFoundError(folder)
        _load(newest, net, device)
    # A damaged file, and a net's own load_state_dict, may raise anything.
    except Exception as error:
        raise _lost(error) from error


def _load(place: Path, net: nn.Module, device: torch.device) -> None:
    load_model(net, str(place / "weights.safetensors"), device=str(device))
    state = torch.load(place / "state.pt", weights_only=True, map_location="cpu")
    restore_net_state(net, state)


def remove(folder: Path) -> None:
    """Forget a trial's state."""
    shutil.rmtree(folder, ignore_errors=True)


def _save_state(net: nn.Module, file: Path) -> None:
    # A checksum of the optimizer's state takes as long as writing it, and the weights have none.
    checks = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    file.touch()
    try:
        with file.open("r+b") as opened:
            torch.save(net_state(net), opened)
            opened.truncate()
    finally:
        torch.serialization.set_crc32_options(checks)


def _newest(folder: Path) -> Path | None:
    whole = _whole(folder)
    return whole[-1] if whole else None


def _whole(folder: Path) -> list[Path]:
    """Return what was written whole, the newest last."""
    return sorted((place for place in folder.glob("[0-9]*") if place.name.isdigit()), key=_number)


def _number(place: Path) -> int:
    return int(place.name)


def _sync(path: Path) -> None:
    # Until then, a loss of power could leave a file that is there and empty.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
