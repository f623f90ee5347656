"""The description of a dataset by ``lemur show loader NAME --data DIR``."""

import warnings

import pytest
import torch

from lemur_core.cli.loader import loader_lines
from lemur_core.entry import Entry
from lemur_core.errors import CorruptSampleError, MissingDataError, PatternError
from lemur_core.kinds.loader import DataBundle
from lemur_core.kinds.transform import Normalisation
from lemur_core.restriction import split

TASK = "img-classification"
NORMALISATION = Normalisation((0.5,), (0.5,))
NAMES = ("a", "b\u2028", "c")


class Images:
    """Images of growing width, whose classes are optionally known without reading them."""

    def __init__(self, targets, known=True, corrupt=()):
        self._targets, self._corrupt = targets, corrupt
        if known:
            self.targets = targets

    def __len__(self):
        return len(self._targets)

    def __getitem__(self, index):
        if index in self._corrupt:
            raise CorruptSampleError(f"{index}.png", "it is empty")
        return torch.zeros(3, 5, 4 + index, dtype=torch.uint8), self._targets[index]


def shown(monkeypatch, bundle, name="mine", said=(), tasks=(TASK,)):
    def load(self):
        def loader(folder, task):
            for line in said:
                warnings.warn(line, stacklevel=1)
            return bundle

        return loader

    monkeypatch.setattr(Entry, "load", load)
    entry = Entry("mine", "somewhere:loader", tasks)
    return list(loader_lines(entry, name, split(name)[1], "there"))


def test_classes_are_listed_with_their_numbers_and_samples(monkeypatch):
    bundle = DataBundle(
        Images([0, 0, 1]), Images([1, 1]), (3,), 0.5, NORMALISATION, Images([2]), NAMES
    )
    assert "\n".join(shown(monkeypatch, bundle, said=["1 file left out"])) == (
        "\n"
        "data        there, img-classification\n"
        "images      3 channels, 5 px high, 4 to 6 px wide\n"
        "note        1 file left out\n"
        "\n"
        "class  name     train  validation  test\n"
        "0      a            2           0     0\n"
        "1      b\\u2028      1           0     2\n"
        "2      c            0           1     0\n"
        "all                 3           1     2"
    )


def test_classes_are_not_counted_if_samples_must_be_read(monkeypatch):
    bundle = DataBundle(
        Images([0] * 200, known=False), Images([1], known=False), (2,), 0.5, NORMALISATION
    )
    lines = shown(monkeypatch, bundle)
    assert lines[1] == "data        there, img-classification"
    # Every third of 180 images.
    assert lines[2].startswith("images      3 channels, 5 px high, ")
    assert lines[2].endswith(" px wide (of 60 images)")
    assert lines[3] == "validation  a tenth of the training split"
    assert lines[-3:] == [
        "0                -           -     -",
        "1                -           -     -",
        "all            180          20     1",
    ]


def test_a_restriction_in_brackets_is_applied(monkeypatch):
    bundle = DataBundle(Images([0] * 40), Images([0] * 9), (1,), 1.0, NORMALISATION)
    lines = shown(monkeypatch, bundle, name="mine[samples=20,test=3]")
    assert lines[-1].splitlines()[-1].split() == ["all", "18", "2", "3"]
    with pytest.raises(PatternError, match="its training split has 40 samples"):
        shown(monkeypatch, bundle, name="mine[samples=50]")


def test_an_image_that_cannot_be_decoded_is_named(monkeypatch):
    bundle = DataBundle(
        Images([0] * 4, corrupt=[2]), Images([0]), (1,), 1.0, NORMALISATION, Images([0])
    )
    assert shown(monkeypatch, bundle)[2].startswith("images      2.png cannot be decoded: it is")


def test_the_command_shows_the_entry_then_the_data(lemur):
    status, out, _ = lemur("show", "loader", "blobs", "--data", "somewhere")
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "loader      toy/blobs"
    assert "data        somewhere, img-classification" in lines
    assert lines[-1].split()[0] == "all"
    assert "def blobs" not in out
    _, out, _ = lemur("show", "loader", "blobs", "--data", "somewhere", "--source")
    assert "def blobs" in out


def test_missing_data_prints_one_line(lemur):
    status, out, err = lemur("show", "loader", "absent", "--data", "somewhere")
    assert (status, out) == (2, "")
    assert err.startswith("lemur: error: ")
    assert err.count("\n") == 1


def test_data_option_is_only_for_loaders(lemur):
    status, _, err = lemur("show", "net", "Linear", "--data", "somewhere")
    assert status == 2
    assert "--data is for loaders, not for a net" in err


def test_unknown_options_in_brackets_are_rejected(lemur):
    status, _, err = lemur("show", "loader", "blobs[colour=red]", "--data", "somewhere")
    assert status == 2
    assert "unknown restriction 'colour'" in err


def test_single_training_sample_is_reported(monkeypatch):
    bundle = DataBundle(Images([0]), Images([0]), (1,), 1.0, NORMALISATION)
    with pytest.raises(MissingDataError) as caught:
        bundle.held_out("mine")
    assert str(caught.value) == (
        "dataset 'mine': the training split has one sample; expected 2 or more, as validation "
        "takes a tenth of them, at least one"
    )
