"""Locate the checkpoints from which trials resume.

A process that lost a trial to another owner may go on training and write checkpoints. Taking over
a trial from an owner that did not release it therefore moves its checkpoints to another folder.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lemur_core.train import checkpoint

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 8


def checkpoint_folder(folder: Path, uid: str) -> Path:
    """Return the folder of a trial's newest checkpoint, or the folder for its first one."""
    return max(_folders(folder, uid), key=_epochs, default=folder / uid)


def move_checkpoint(folder: Path, uid: str, owner: str) -> None:
    """Move a trial's newest checkpoint out of reach of its previous owner.

    Args:
        folder: Folder of the checkpoints of all trials.
        uid: The trial's unique id.
        owner: Id of the new owner.
    """
    # There may be no checkpoint, or no access to the file system: the checkpoint is then lost, or
    # stays where it is.
    with suppress(OSError):
        checkpoint_folder(folder, uid).rename(folder / f"{uid}.{owner[:_SHOWN]}")


def remove_checkpoints(place: Path) -> None:
    """Remove all checkpoints of the trial that has one in this folder."""
    for folder in _folders(place.parent, place.name.partition(".")[0]):
        checkpoint.remove(folder)


def _folders(folder: Path, uid: str) -> list[Path]:
    return [path for path in (folder / uid, *folder.glob(f"{uid}.*")) if path.is_dir()]


def _epochs(folder: Path) -> int:
    return len(checkpoint.saved_epochs(folder))
