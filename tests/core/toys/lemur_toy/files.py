"""Data sets in files: one that can be fetched, one of whose samples some are corrupt."""

from dataclasses import replace

from lemur_core.errors import CorruptSampleError, FetchError, MissingDataError
from lemur_core.fetch import Fetching
from lemur_toy.data import blobs

FILE = "fetched.bin"


class Fetchable:
    """Blobs, once its file is there; where ``no-network`` is, it cannot be had."""

    def __call__(self, folder, task):
        if not (folder / FILE).is_file():
            raise MissingDataError(f"data set 'fetchable': {folder} lacks {FILE}")
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
    """The samples of others, of which those that a text file lists cannot be decoded."""

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
    return replace(whole, **kept)


fetchable = Fetchable()
