"""Oxford-IIIT Pet: 7,349 photographs of cats and dogs with masks.

Parkhi, Vedaldi, Zisserman, Jawahar: Cats and Dogs, CVPR 2012. The trimaps distinguish the animal,
the background, and an uncertain border, which is ignored. There are therefore two classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.fetch import Progress, fetch_archive
from lemur_core.images import read_image
from lemur_core.kinds.loader import IGNORED, DataBundle
from lemur_scenes.loaders.published import (
    IMAGENET,
    check_list,
    class_table,
    damaged,
    read_classes,
    require,
)

if TYPE_CHECKING:
    from torch import Tensor

NAME = "oxford-iiit-pet"
CLASSES = ("background", "animal")
# The animal, the background, the border.
TRIMAP = {1: 1, 2: 0, 3: IGNORED}
NEEDED = ("images", "annotations/trimaps", "annotations/trainval.txt", "annotations/test.txt")


class OxfordPet:
    """The loader of Oxford-IIIT Pet."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return the dataset of 3,680 training and 3,669 test photographs.

        Class 0 is the background, class 1 the animal.

        Raises:
            MissingDataError: The files are missing from ``oxford-iiit-pet``, or damaged.
        """
        require(NAME, folder / NAME, NEEDED)
        train, test = (Pets(folder, split) for split in ("trainval", "test"))
        return DataBundle(
            train,
            test,
            (len(CLASSES),),
            1 / len(CLASSES),
            IMAGENET,
            class_names=CLASSES,
            files=(*train.files(), *test.files()),
        )

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack what is missing of 755 MiB of images and 18 MiB of annotations."""
        from torchvision.datasets import OxfordIIITPet as Source

        for (url, md5), needed in zip(Source._RESOURCES, NEEDED[:2], strict=True):
            if not (folder / NAME / needed).exists():
                fetch_archive(url, folder / NAME, md5=md5, progress=progress)


class Pets:
    """The photographs of a split and the masks from their trimaps."""

    def __init__(self, folder: Path, split: str) -> None:
        self.source, self.table = _source(folder, split), class_table(TRIMAP)
        self.list = folder / NAME / "annotations" / f"{split}.txt"

    def __len__(self) -> int:
        return len(self.source)

    def files(self) -> list[Path]:
        """Return the list of the split, its photographs and their trimaps."""
        return [self.list, *map(Path, [*self.source._images, *self.source._segs])]

    def __getitem__(self, index: int, /) -> tuple[Tensor, Any]:
        photograph = Path(self.source._images[index])
        image = read_image(photograph)
        mask = Path(self.source._segs[index])
        return image, read_classes(mask, self.table, photograph, image)


def _source(folder: Path, split: str) -> Any:
    from torchvision.datasets import OxfordIIITPet

    file = folder / NAME / "annotations" / f"{split}.txt"
    check_list(NAME, file)
    try:
        return OxfordIIITPet(folder, split, "segmentation")
    # A line does not have four words, or a word is not a number.
    except ValueError as error:
        raise damaged(NAME, file, str(error)) from error


load = OxfordPet()
