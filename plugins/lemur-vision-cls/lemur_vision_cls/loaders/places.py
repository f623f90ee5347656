"""Places365, small: 1,839,960 photographs of 365 kinds of places, 256x256 pixels.

Zhou, Lapedriza, Khosla, Oliva, Torralba: Places: A 10 Million Image Database for Scene Recognition,
2017. The labels of the test images are not published; the official validation split is used as the
test split.
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
# The folder in the archive of training images.
UNPACKED = "data_256"


class Places365:
    """The loader of Places365."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 1,803,460 training and 36,500 test images, uint8, shape ``(3, 256, 256)``.

        They are normalised by ImageNet's mean and standard deviation, as the authors' nets expect.

        Raises:
            MissingDataError: The files are not in ``places365``, or are damaged.
        """
        require("places365", folder / "places365", _needed())
        root = folder / "places365"
        train, test = (_samples(root, split) for split in FOLDERS)
        labels = [root / name for name in _needed() if name not in FOLDERS.values()]
        return bundle(train, test, _class_names(root), IMAGENET, labels=labels)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack the missing lists and images (25 GiB)."""
        from torchvision.datasets import Places365 as Source

        root = folder / "places365"
        archives = [(_needed()[0], Source._DEVKIT_META["standard"])]
        archives += [(FOLDERS[split], Source._IMAGES_META[split, True]) for split in FOLDERS]
        for file, (archive, md5) in archives:
            if not (root / file).exists():
                fetch_archive(f"{Source._BASE_URL}{archive}", root, md5=md5, progress=progress)
                if (root / UNPACKED).is_dir():
                    (root / UNPACKED).rename(root / FOLDERS["train-standard"])


def _needed() -> list[str]:
    from torchvision.datasets import Places365 as Source

    lists = [Source._FILE_LIST_META[split][0] for split in FOLDERS]
    return [Source._CATEGORIES_META[0], *lists, *FOLDERS.values()]


def _class_names(root: Path) -> list[str]:
    """Return the names of the classes, or numbers for classes that are not in the list."""
    names = list(map(str, range(CLASSES)))
    for line in (root / _needed()[0]).read_text("utf-8").splitlines():
        name, _, number = line.rpartition(" ")
        if number.isdecimal() and int(number) < CLASSES:
            names[int(number)] = name
    return names


def _samples(folder: Path, split: str) -> ImageFiles:
    from torchvision.datasets import Places365 as Source

    with read_by_torchvision("places365", folder):
        images = Source(folder, split, small=True)
    root = Path(images.images_dir)
    names = [file[len(images.images_dir) + 1 :] for file, _ in images.imgs]
    low, high = min(images.targets), max(images.targets)
    if low < 0 or high >= CLASSES:
        reason = f"labels of {split} are {low} to {high}; expected 0 to {CLASSES - 1}"
        raise damaged("places365", folder, reason)
    return ImageFiles(root, names, images.targets)


load = Places365()
