"""Datasets in files: one that can be downloaded, and one with corrupt samples."""

from dataclasses import replace
from pathlib import Path

import torch

from lemur_core.errors import CorruptSampleError, FetchError, MissingDataError
from lemur_core.fetch import Fetching
from lemur_core.kinds.loader import DataBundle
from lemur_core.kinds.transform import Normalisation
from lemur_toy.data import blobs

FILE = "fetched.bin"


class Fetchable:
    """Blobs, once its file exists; downloading fails if there is a file ``no-network``."""

    def __call__(self, folder, task):
        if not (folder / FILE).is_file():
            raise MissingDataError(f"dataset 'fetchable': {folder} lacks {FILE}")
        return blobs(folder, task)

    def download(self, folder, progress):
        with (folder / "attempts").open("a") as attempts:
            attempts.write("x")
        if (folder / "no-network").exists():
            raise FetchError("http://nowhere/fetched.bin cannot be reached: no route")
        for done in range(0, 1001, 5):
            progress(Fetching(FILE, done, 1000))
        (folder / FILE).touch()


class Files:
    """Samples of which those listed in a text file cannot be decoded."""

    def __init__(self, samples, split, folder):
        self.samples, self.split = samples, split
        names = (folder / "corrupt.txt").read_text().split()
        self.corrupt = {int(name.partition("/")[2]) for name in names if name.startswith(split)}

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        if index in self.corrupt:
            raise CorruptSampleError(f"{self.split}/{index}", "it is cut off")
        return self.samples[index]


def damaged(folder, task):
    whole = blobs(folder, task)
    kept = {split: Files(getattr(whole, split), split, folder) for split in ("train", "test")}
    # Whether samples can be decoded depends on the decoder; the files stay unchanged.
    return replace(whole, **kept, files=(Path(__file__),))


class Pixels:
    """Images of 16 bytes, 4 by 4 pixels, in files."""

    def __init__(self, files, targets):
        self.files, self.targets = files, targets

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        pixels = torch.frombuffer(bytearray(self.files[index].read_bytes()), dtype=torch.uint8)
        return pixels.reshape(1, 4, 4), self.targets[index]


def tree(folder, task, names="yes"):
    """Folders ``train`` and ``test`` with a folder for each class; may name no files."""
    classes = sorted(place.name for place in (folder / "train").iterdir())
    files = {split: sorted((folder / split).glob("*/*")) for split in ("train", "test")}
    train, test = (
        Pixels(images, [classes.index(file.parent.name) for file in images])
        for images in files.values()
    )
    named = (*files["train"], *files["test"]) if names == "yes" else ()
    normalisation = Normalisation((0.5,), (0.5,))
    return DataBundle(
        train, test, (len(classes),), 0.5, normalisation, class_names=tuple(classes), files=named
    )


fetchable = Fetchable()
