"""What to say of a file that has no object to learn or to score."""

from __future__ import annotations

from pathlib import Path

from lemur_core.errors import PatternError
from lemur_scenes.coco.accepted import Filter
from lemur_scenes.coco.annotations import Annotations


def nothing_of(dataset: str, file: Path, annotations: Annotations, wanted: Filter) -> PatternError:
    """Return the error that says why no image has an object that counts.

    Args:
        dataset: Name of the data set.
        file: The JSON.
        annotations: What it says.
        wanted: What was asked of images.
    """
    names = ", ".join(annotations.category_names[wanted.classes > 0].tolist())
    flat, crowds = wanted.flat(annotations), annotations.crowds & wanted.chosen(annotations)
    causes = [
        (int(crowds.sum()), "crowds (iscrowd 1)", "set iscrowd to 0 where one object is meant"),
        (int(flat.sum()), "boxes without area", "give each bbox as x, y, width and height"),
    ]
    found = [(f"{count} {what}", mend) for count, what, mend in causes if count]
    whats, mends = zip(*found, strict=True) if found else ((), ())
    if wanted.objects(annotations).any():
        why = f"{names} and {wanted.min_pixels} pixels of objects; choose others"
    elif found:
        why = f"{names}: all are {' or '.join(whats)}; {', '.join(mends)}"
    else:
        why = f"{names}; choose others"
    return PatternError(f"data set {dataset!r}: no image of {file} has an object of {why}")
