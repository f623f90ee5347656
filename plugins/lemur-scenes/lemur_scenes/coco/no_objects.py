"""The error of a file without any object to train on or to score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import PatternError

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_scenes.coco.annotations import Annotations
    from lemur_scenes.coco.image_filter import Filter

_NAMED = 12


def no_objects_error(
    dataset: str, file: Path, annotations: Annotations, conditions: Filter
) -> PatternError:
    """Return the error that says why no image has a selected object.

    Args:
        dataset: The name of the dataset.
        file: The JSON file.
        annotations: The annotations in it.
        conditions: The conditions for images and objects.
    """
    names = annotations.category_names[conditions.classes > 0].tolist()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    start = f"dataset {dataset!r}: no image of {file} has an object of "
    start += ", ".join(names[:_NAMED]) + more
    if conditions.objects(annotations).any():
        return PatternError(
            f"{start} and {conditions.min_pixels} pixels of objects; select other categories or "
            "fewer pixels"
        )
    crowds = int((annotations.crowds & conditions.chosen(annotations)).sum())
    flat = int(conditions.flat(annotations).sum())
    causes = [
        (crowds, f"crowds (iscrowd 1): {crowds}", "set iscrowd to 0 for single objects"),
        (flat, f"boxes without area: {flat}", "give each bbox as x, y, width and height"),
    ]
    present = [(cause, remedy) for count, cause, remedy in causes if count]
    if not present:
        return PatternError(f"{start}; select other categories")
    counts, remedies = map(", ".join, zip(*present, strict=True))
    return PatternError(f"{start} to train on or to score; {counts}; {remedies}")
