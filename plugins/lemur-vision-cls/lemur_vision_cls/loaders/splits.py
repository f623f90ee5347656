"""Find the folders of a dataset's splits, which may have several names."""

from __future__ import annotations

from os.path import isdir
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.listing import images_below, list_folder

if TYPE_CHECKING:
    from pathlib import Path

TRAIN, VALIDATION, TEST = "train", "val", "test"
NAMES = {
    TRAIN: ("train", "training"),
    VALIDATION: ("val", "valid", "validation", "dev", "eval"),
    TEST: ("test", "testing"),
}
_SPLITS = {name: split for split, names in NAMES.items() for name in names}
EXPECTED = "expected train, val (or valid, validation, dev, eval) and test, in any case"


def root_of(dataset: str, folder: Path) -> Path:
    """Return a dataset's own folder in the data folder, or the data folder if it has none."""
    return folder / dataset if (folder / dataset).is_dir() else folder


def split_folders(dataset: str, root: Path) -> dict[str, Path]:
    """Return the folders of the splits by `TRAIN`, `VALIDATION` and `TEST`, or an empty dictionary.

    Raises:
        MissingDataError: A split has two folders, the training split has none, or another folder
            with images is beside them, whose purpose must not be guessed.
    """
    folders: dict[str, str] = {}
    others = []
    for name in (entry.name for entry in list_folder(root) if isdir(entry.path)):
        split = _SPLITS.get(name.casefold())
        if split is None:
            others.append(name)
        elif split in folders:
            raise MissingDataError(
                f"dataset {dataset!r}: {root} has two folders for one split, {folders[split]} and "
                f"{name}; put their images into one, or move one of them out"
            )
        else:
            folders[split] = name
    if folders:
        _check(dataset, root, folders, others)
    return {split: root / folders[split] for split in (TRAIN, VALIDATION, TEST) if split in folders}


def _as_class(train: Path) -> str:
    """Return a hint if the folder train has images itself, so that it may be a class."""
    has_folders = any(isdir(entry.path) for entry in list_folder(train))
    if has_folders or not any(images_below(train)):
        return ""
    return f". If {train.name} is a class, put all class folders into a folder train"


def _check(dataset: str, root: Path, folders: dict[str, str], others: list[str]) -> None:
    names = ", ".join(sorted(folders.values()))
    unknown = [name for name in others if any(images_below(root / name))]
    if TRAIN in folders and unknown:
        raise MissingDataError(
            f"dataset {dataset!r}: {root} has {', '.join(unknown)} beside {names}, which is not "
            f"a known split; {EXPECTED}: rename it, or move it out"
            f"{_as_class(root / folders[TRAIN])}"
        )
    if TRAIN not in folders:
        beside = f" beside {', '.join(unknown)}" if unknown else ""
        raise MissingDataError(
            f"dataset {dataset!r}: {root} has {names}{beside}, but no folder train; if these are "
            "classes, put all class folders into a folder train"
        )
