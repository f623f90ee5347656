"""Places365, small: 1,839,960 photographs of 365 kinds of places, 256x256 pixels.

Zhou, Lapedriza, Khosla, Oliva, Torralba: Places: A 10 Million Image Database for Scene Recognition,
2017. The labels of its test images are not published; its official validation split is our test
split.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.fetch import Progress, fetch_archive
from lemur_vision_cls.loaders.files import IMAGENET, ImageFiles, bundle
from lemur_vision_cls.loaders.presence import damaged, read_by_torchvision, require

if TYPE_CHECKING:
    from lemur_core.kinds.loader import DataBundle

CLASSES = 365
FOLDERS = {"train-standard": "data_256_standard", "val": "val_256"}
# What the archive of training images unpacks to.
UNPACKED = "data_256"


class Places365:
    """The loader of Places365."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 1,803,460 images to train and 36,500 to test, uint8, shape ``(3, 256, 256)``.

        They are normalised as its authors' nets want it, by ImageNet's mean and deviation.

        Raises:
            MissingDataError: Its files are not in ``places365``, or damaged.
        """
        require("places365", folder / "places365", _needed())
        place = folder / "places365"
        train, test = (_samples(place, split) for split in FOLDERS)
        labels = [place / name for name in _needed() if name not in FOLDERS.values()]
        return bundle(train, test, _class_names(place), IMAGENET, labels=labels)

    def download(self, folder: Path, progress: Progress) -> None:
        """Fetch the lists and 25 GiB of images, those that are missing, and unpack them."""
        from torchvision.datasets import Places365 as Source

        place = folder / "places365"
        archives = [(_needed()[0], Source._DEVKIT_META["standard"])]
        archives += [(FOLDERS[split], Source._IMAGES_META[split, True]) for split in FOLDERS]
        for needed, (archive, md5) in archives:
            if not (place / needed).exists():
                fetch_archive(f"{Source._BASE_URL}{archive}", place, md5=md5, progress=progress)
                if (place / UNPACKED).is_dir():
                    (place / UNPACKED).rename(place / FOLDERS["train-standard"])


def _needed() -> list[str]:
    from torchvision.datasets import Places365 as Source

    lists = [Source._FILE_LIST_META[split][0] for split in FOLDERS]
    return [Source._CATEGORIES_META[0], *lists, *FOLDERS.values()]


def _class_names(place: Path) -> list[str]:
    """Return the names of the classes, numbers for those that the list does not have."""
    names = list(map(str, range(CLASSES)))
    for line in (place / _needed()[0]).read_text("utf-8").splitlines():
        name, _, number = line.rpartition(" ")
        if number.isdecimal() and int(number) < CLASSES:
            names[int(number)] = name
    return names


def _samples(folder: Path, split: str) -> ImageFiles:
    from torchvision.datasets import Places365 as Source

    with read_by_torchvision("places365", folder):
        listed = Source(folder, split, small=True)
    root = Path(listed.images_dir)
    names = [file[len(listed.images_dir) + 1 :] for file, _ in listed.imgs]
    low, high = min(listed.targets), max(listed.targets)
    if low < 0 or high >= CLASSES:
        wrong = f"labels of {split} are {low} to {high}; expected 0 to {CLASSES - 1}"
        raise damaged("places365", folder, wrong)
    return ImageFiles(root, names, listed.targets)


load = Places365()
