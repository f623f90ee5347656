"""COCO 2017: 118,287 photographs to train and 5,000 to test, with 80 categories of objects.

Lin et al.: Microsoft COCO: Common Objects in Context, ECCV 2014. The annotations of its test split
are not published; its validation split is our test split, as in the literature, and lemur holds its
own out of the training images.

Classes are the background and the categories that are chosen; LEMUR's are the default.
"""

from __future__ import annotations

from pathlib import Path

from lemur_core.errors import PatternError
from lemur_core.fetch import Progress, fetch_archive
from lemur_core.kinds.loader import DataBundle
from lemur_scenes.coco.scenes import Scenes, coco_scenes
from lemur_scenes.loaders.published import IMAGENET, damaged, require

NAME = "coco"
# Person, bicycle, car, motorcycle, airplane.
LEMURS = ("1", "2", "3", "4", "5")
LEMURS_MIN_PIXELS = 1_000
_MOST_DIGITS = 9
SPLITS = ("train2017", "val2017")
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
    ) -> DataBundle:
        """Return the photographs with an object of a chosen category.

        Args:
            folder: Of the data sets; the official folders are in ``coco``.
            task: ``img-segmentation`` or ``obj-detection``.
            categories: Names (hyphens for spaces) or ids, parted by ``+``, or ``all``.
            min_pixels: For segmentation, photographs with fewer pixels of objects are left out.
            masks: For detection, ``yes`` gives the mask of each object.

        Raises:
            MissingDataError: Its files are not in ``coco``, or damaged.
            PatternError: An option means nothing, or chooses no photograph.
        """
        pixels, with_masks = _min_pixels(task, min_pixels), _masks(task, masks)
        place = folder / NAME
        require(NAME, place, [*SPLITS, *map(_annotations, SPLITS)])
        train, test = (
            coco_scenes(
                NAME,
                task,
                place / split,
                place / _annotations(split),
                categories=_categories(categories),
                min_pixels=pixels,
                masks=with_masks,
            )
            for split in SPLITS
        )
        _check_same(place, train, test)
        classes = len(train.class_names)
        chance = 1 / classes if task == SEGMENTATION else 0.0
        return DataBundle(
            train,
            test,
            (classes,),
            chance,
            IMAGENET,
            class_names=train.class_names,
            files=(*train.files(), *test.files()),
        )

    def download(self, folder: Path, progress: Progress) -> None:
        """Fetch 0.25 GB of annotations, 0.8 and 19 GB of images, those missing; unpack them."""
        for path, (brings, md5) in ARCHIVES.items():
            if not (folder / NAME / brings).exists():
                fetch_archive(f"{URL}/{path}", folder / NAME, md5=md5, progress=progress)


def _annotations(split: str) -> str:
    return f"annotations/instances_{split}.json"


def _categories(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return LEMURS
    return None if given == "all" else tuple(given.split("+"))


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
