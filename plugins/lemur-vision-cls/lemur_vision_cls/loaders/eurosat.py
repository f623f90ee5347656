"""EuroSAT: 27,000 satellite images of 10 classes of land use, 64x64 pixels, RGB.

Helber, Bischke, Dengel, Borth: EuroSAT: A Novel Dataset and Deep Learning Benchmark for Land Use
and Land Cover Classification, 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.fetch import Progress, fetch_archive
from lemur_vision_cls.loaders.files import bundle
from lemur_vision_cls.loaders.presence import require
from lemur_vision_cls.loaders.tree import expect_classes, read_tree, split_by_class

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

CLASSES = 10
# As in the paper; there is no official split.
TEST_SHARE = 0.2
# torchvision has these values in a function's body, where they cannot be read.
URL = (
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
    "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip"
)
MD5 = "c8fa014336c82ac7804f0398fcb19387"


class EuroSat:
    """The loader of EuroSAT."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 21,600 training and 5,400 test images, uint8, shape ``(3, 64, 64)``.

        Raises:
            MissingDataError: The files are not in ``eurosat``, or are incomplete.
        """
        require("eurosat", folder / "eurosat", ["2750"])
        root = folder / "eurosat" / "2750"
        classes = expect_classes("eurosat", root, CLASSES)
        return bundle(*split_by_class(read_tree("eurosat", root, classes), TEST_SHARE), classes)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack the archive."""
        fetch_archive(URL, folder / "eurosat", md5=MD5, progress=progress)


load = EuroSat()
