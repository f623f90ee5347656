"""The folders of the splits of a data set, under the names that they have elsewhere."""

from __future__ import annotations

from os.path import isdir
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.tree import images_below, listed

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


def split_folders(dataset: str, root: Path) -> dict[str, Path]:
    """Return the folders of the splits, by `TRAIN`, `VALIDATION` and `TEST`; empty without any.

    Raises:
        MissingDataError: There are two of one split, or none to train. Or a folder beside them is
            none, but holds images: what it is for must not be guessed.
    """
    found: dict[str, str] = {}
    others = []
    for name in (one.name for one in listed(root) if isdir(one.path)):
        split = _SPLITS.get(name.casefold())
        if split is None:
            others.append(name)
        elif split in found:
            raise MissingDataError(
                f"data set {dataset!r}: {root} has two folders for one split, {found[split]} and "
                f"{name}; put their images into one, or move one of them out"
            )
        else:
            found[split] = name
    if found:
        _check(dataset, root, found, others)
    return {split: root / found[split] for split in (TRAIN, VALIDATION, TEST) if split in found}


def _as_class(train: Path) -> str:
    """Return a hint if the folder to train has images itself, as a class of trains has."""
    has_folders = any(isdir(one.path) for one in listed(train))
    if has_folders or not any(images_below(train)):
        return ""
    return f". If {train.name} is a class, put all class folders into a folder train"


def _check(dataset: str, root: Path, found: dict[str, str], others: list[str]) -> None:
    names = ", ".join(sorted(found.values()))
    unknown = [name for name in others if any(images_below(root / name))]
    if TRAIN in found and unknown:
        raise MissingDataError(
            f"data set {dataset!r}: {root} has {', '.join(unknown)} beside {names}, and it is not "
            f"known which split that is; {EXPECTED}: rename it, or move it out"
            f"{_as_class(root / found[TRAIN])}"
        )
    if TRAIN not in found:
        beside = f" beside {', '.join(unknown)}" if unknown else ""
        raise MissingDataError(
            f"data set {dataset!r}: {root} has {names}{beside}, but no folder train; if these are "
            "classes, put all class folders into a folder train"
        )
