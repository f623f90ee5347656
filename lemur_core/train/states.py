"""Where the states of trials lie on disk, from which they go on.

A process that lost a trial may train it on for a while, and keep a state. So whoever takes a trial
over from an owner that did not end it moves its states to a folder of another name.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lemur_core.train import checkpoint

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 8


def state_folder(folder: Path, uid: str) -> Path:
    """Return the folder with the newest state of a trial, or where its first one is to lie."""
    return max(_folders(folder, uid), key=_epochs, default=folder / uid)


def move_states(folder: Path, uid: str, owner: str) -> None:
    """Move the newest state of a trial out of the reach of those who trained it before.

    Args:
        folder: That of all trials.
        uid: The trial's unique id.
        owner: Whose it is from here on.
    """
    # Where there is none, or the file system is away, its state is lost, or stays where it is.
    with suppress(OSError):
        state_folder(folder, uid).rename(folder / f"{uid}.{owner[:_SHOWN]}")


def remove_states(place: Path) -> None:
    """Forget the states of the trial that has one in this folder."""
    for one in _folders(place.parent, place.name.partition(".")[0]):
        checkpoint.remove(one)


def _folders(folder: Path, uid: str) -> list[Path]:
    return [one for one in (folder / uid, *folder.glob(f"{uid}.*")) if one.is_dir()]


def _epochs(place: Path) -> int:
    return len(checkpoint.saved_epochs(place))
