"""What to say of a file that has no object to learn or to score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import PatternError

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_scenes.coco.accepted import Filter
    from lemur_scenes.coco.annotations import Annotations

_NAMED = 12


def nothing_of(dataset: str, file: Path, annotations: Annotations, wanted: Filter) -> PatternError:
    """Return the error that says why no image has an object that counts.

    Args:
        dataset: Name of the data set.
        file: The JSON.
        annotations: What it says.
        wanted: What was asked of images.
    """
    names = annotations.category_names[wanted.classes > 0].tolist()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    start = f"data set {dataset!r}: no image of {file} has an object of "
    start += ", ".join(names[:_NAMED]) + more
    if wanted.objects(annotations).any():
        return PatternError(f"{start} and {wanted.min_pixels} pixels of objects; choose others")
    crowds = int((annotations.crowds & wanted.chosen(annotations)).sum())
    flat = int(wanted.flat(annotations).sum())
    causes = [
        (f"crowds (iscrowd 1): {crowds}", "set iscrowd to 0 where one object is meant"),
        (f"boxes without area: {flat}", "give each bbox as x, y, width and height"),
    ]
    found = [cause for cause, count in zip(causes, (crowds, flat), strict=True) if count]
    if not found:
        return PatternError(f"{start}; choose others")
    counts, mends = map(", ".join, zip(*found, strict=True))
    return PatternError(f"{start} to learn from or to score; {counts}; {mends}")
