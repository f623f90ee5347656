"""COCO 2017: 118,287 photographs to train and 5,000 to test, with 80 categories of objects.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014. The annotations of its test split
are not published; its validation split is our test split, as in the literature, and lemur holds its
own out of the training images.

Classes are the background and the categories that are chosen; LEMUR's are the default.
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
# Of each value of the option, whether images without objects are left out of training, of scoring.
OBJECTS_ONLY = {"train": (True, False), "test+train": (True, True), "none": (False, False)}
SEGMENTATION = "img-segmentation"

URL = "http://images.cocodataset.org"
# What each archive brings, and its MD5. COCO publishes none: these are what the files have had
# wherever they were copied to.
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
        """Return the photographs of both splits.

        Nets learn from those with an object of a chosen category and are scored on all, as by
        COCO's own evaluation. Of the others of the training split, a tenth is in the validation
        split, so that what the search sees is like the test split.

        Args:
            folder: Of the data sets; the official folders are in ``coco``.
            task: ``img-segmentation`` or ``obj-detection``.
            categories: Names (hyphens for spaces) or ids, parted by ``+``, or ``all``.
            min_pixels: For segmentation, photographs with fewer pixels of objects are left out
                where those without objects are.
            masks: For detection, ``yes`` gives the mask of each object.
            objects_only: Where photographs without objects are left out: ``train``,
                ``train+test`` (validation too) or ``none``.

        Raises:
            MissingDataError: Its files are not in ``coco``, or damaged.
            PatternError: An option means nothing, or chooses no photograph.
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
        """Fetch 0.25 GB of annotations, 0.8 and 19 GB of images, those missing; unpack them."""
        for path, (brings, md5) in ARCHIVES.items():
            if not (folder / NAME / brings).exists():
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
            f"data set {NAME!r}: its default categories are COCO's ids 1 to 5, and {file} has no "
            f"id {error.category}; it has {error.listed}; choose with {NAME}[categories=...], "
            "by names or ids, or all"
        ) from error


def _categories(given: str | None) -> tuple[str | int, ...] | None:
    if given is None:
        return LEMURS
    return None if given == "all" else tuple(given.split("+"))


def _objects_only(given: str) -> tuple[bool, bool]:
    spelled = "+".join(sorted(given.split("+")))
    if spelled not in OBJECTS_ONLY:
        raise PatternError(
            f"data set {NAME!r}: objects-only is {given!r}; expected train, train+test or none"
        )
    return OBJECTS_ONLY[spelled]


def _min_pixels(task: str, given: str | None) -> int:
    if given is None:
        return LEMURS_MIN_PIXELS if task == SEGMENTATION else 0
    if task != SEGMENTATION:
        raise PatternError(f"data set {NAME!r}: min-pixels is for {SEGMENTATION}, not {task}")
    if not (given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS):
        raise PatternError(f"data set {NAME!r}: min-pixels is {given!r}; expected 0 or more")
    return int(given)


def _masks(task: str, given: str) -> bool:
    if given not in ("yes", "no"):
        raise PatternError(f"data set {NAME!r}: masks is {given!r}; expected yes or no")
    if given == "yes" and task == SEGMENTATION:
        raise PatternError(f"data set {NAME!r}: masks is for obj-detection, not {task}")
    return given == "yes"


def _check_same(place: Path, train: Scenes, test: Scenes) -> None:
    if train.class_names != test.class_names:
        raise damaged(
            NAME, place / _annotations(SPLITS[1]), "it has other categories than train2017"
        )


load = Coco()
