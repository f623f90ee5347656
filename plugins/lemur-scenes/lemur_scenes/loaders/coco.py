"""COCO 2017: 118,287 training and 5,000 test photographs, with 80 categories of objects.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014. The annotations of COCO's test
split are not published. As in the literature, its validation split is used as the test split; the
validation split is held out of the training split.

The classes are the background and the selected categories, by default LEMUR's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.errors import PatternError
from lemur_core.fetch import Progress, fetch_archive
from lemur_core.kinds.loader import DataBundle
from lemur_scenes.coco.categories import UnknownCategoryError
from lemur_scenes.coco.scenes import Scenes, coco_scenes
from lemur_scenes.loaders.published import IMAGENET, damaged, require

if TYPE_CHECKING:
    from pathlib import Path

NAME = "coco"
# Person, bicycle, car, motorcycle, airplane.
LEMURS = (1, 2, 3, 4, 5)
LEMURS_MIN_PIXELS = 1_000
_MOST_DIGITS = 9
SPLITS = ("train2017", "val2017")
# For each value of the option: whether images without objects are left out of the training split,
# and of the test split.
OBJECTS_ONLY = {"train": (True, False), "test+train": (True, True), "none": (False, False)}
SEGMENTATION = "img-segmentation"

URL = "http://images.cocodataset.org"
# The file or folder that each archive contains, and its MD5. COCO publishes no checksums; these are
# those of all known copies.
ARCHIVES = {
    "annotations/annotations_trainval2017.zip": (
        "annotations/instances_train2017.json",
        "f4bbac642086de4f52a3fdda2de5fa2c",
    ),
    "zips/val2017.zip": ("val2017", "442b8da7639aecaf257c1dceb8ba8c80"),
    "zips/train2017.zip": ("train2017", "cced6f7f71b7629ddf16f17bbcfab6b2"),
}


class Coco:
    """The loader of COCO 2017."""

    def __call__(
        self,
        folder: Path,
        task: str,
        categories: str | None = None,
        min_pixels: str | None = None,
        masks: str = "no",
        objects_only: str = "train",
    ) -> DataBundle:
        """Return the dataset.

        By default, nets are trained on photographs with an object of a selected category and scored
        on all photographs, as in COCO's own evaluation. A tenth of the other training photographs
        is added to the validation split, which then resembles the test split.

        Args:
            folder: The data folder; the official folders are in its folder ``coco``.
            task: ``img-segmentation`` or ``obj-detection``.
            categories: Names (with hyphens for spaces) or ids, separated by ``+``, or ``all``.
            min_pixels: For segmentation, photographs with fewer pixels of objects are left out of
                the splits from which photographs without objects are left out.
            masks: For detection, whether targets contain the mask of each object: ``yes`` or
                ``no``.
            objects_only: The splits from which photographs without objects are left out: ``train``,
                ``train+test`` (and validation) or ``none``.

        Raises:
            MissingDataError: The files are missing or damaged.
            PatternError: The value of an option is invalid, or no photograph matches.
        """
        pixels, with_masks = _min_pixels(task, min_pixels), _masks(task, masks)
        place = folder / NAME
        require(NAME, place, [*SPLITS, *map(_annotations, SPLITS)])
        left_out = _objects_only(objects_only)
        train, test = (
            _split(
                task,
                place,
                split,
                categories,
                min_pixels=pixels,
                masks=with_masks,
                objects_only=only,
            )
            for split, only in zip(SPLITS, left_out, strict=True)
        )
        _check_same(place, train, test)
        classes = len(train.class_names)
        chance = 1 / classes if task == SEGMENTATION else 0.0
        others = train.left_out() if left_out == OBJECTS_ONLY["train"] else None
        return DataBundle(
            train,
            test,
            (classes,),
            chance,
            IMAGENET,
            class_names=train.class_names,
            files=(*train.files(), *test.files()),
            scored_only=others or None,
        )

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack what is missing of 0.25 GB of annotations and 20 GB of images."""
        for path, (content, md5) in ARCHIVES.items():
            if not (folder / NAME / content).exists():
                fetch_archive(f"{URL}/{path}", folder / NAME, md5=md5, progress=progress)


def _annotations(split: str) -> str:
    return f"annotations/instances_{split}.json"


def _split(task: str, place: Path, split: str, categories: str | None, **options: Any) -> Scenes:
    file = place / _annotations(split)
    try:
        return coco_scenes(
            NAME, task, place / split, file, categories=_categories(categories), **options
        )
    except UnknownCategoryError as error:
        if categories is not None:
            raise
        raise PatternError(
            f"dataset {NAME!r}: its default categories are COCO's ids 1 to 5, but {file} has no "
            f"id {error.category}; it has {error.listed}; select categories by names or ids, or "
            f"all, with {NAME}[categories=...]"
        ) from error


def _categories(value: str | None) -> tuple[str | int, ...] | None:
    if value is None:
        return LEMURS
    return None if value == "all" else tuple(value.split("+"))


def _objects_only(value: str) -> tuple[bool, bool]:
    splits = "+".join(sorted(value.split("+")))
    if splits not in OBJECTS_ONLY:
        raise PatternError(
            f"dataset {NAME!r}: objects-only is {value!r}; expected train, train+test or none"
        )
    return OBJECTS_ONLY[splits]


def _min_pixels(task: str, value: str | None) -> int:
    if value is None:
        return LEMURS_MIN_PIXELS if task == SEGMENTATION else 0
    if task != SEGMENTATION:
        raise PatternError(f"dataset {NAME!r}: min-pixels is for {SEGMENTATION}, not {task}")
    if not (value.isascii() and value.isdecimal() and len(value) <= _MOST_DIGITS):
        raise PatternError(f"dataset {NAME!r}: min-pixels is {value!r}; expected 0 or more")
    return int(value)


def _masks(task: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise PatternError(f"dataset {NAME!r}: masks is {value!r}; expected yes or no")
    if value == "yes" and task == SEGMENTATION:
        raise PatternError(f"dataset {NAME!r}: masks is for obj-detection, not {task}")
    return value == "yes"


def _check_same(place: Path, train: Scenes, test: Scenes) -> None:
    if train.class_names != test.class_names:
        raise damaged(
            NAME, place / _annotations(SPLITS[1]), "it has other categories than train2017"
        )


load = Coco()
