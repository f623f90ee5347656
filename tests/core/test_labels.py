"""The error for an invalid label names the dataset, split, sample and label."""

import pickle
from dataclasses import replace

import pytest
import torch
from torchvision import tv_tensors

from lemur_core import run
from lemur_core.errors import LabelError, MisfitError
from lemur_core.kinds.loader import IGNORED, DataBundle, InMemory, majority_share, take
from lemur_core.kinds.transform import Normalisation
from lemur_core.labels import with_labels_checked
from lemur_core.restriction import Restriction
from lemur_core.tasks.classification import Classification
from lemur_core.tasks.detection import Detection
from lemur_core.tasks.segmentation import Segmentation
from lemur_core.train.batches import batches
from lemur_core.train.restrict import restrict

CLASSES = 3
# Labels of other tasks are not checked.
TASKS = {
    "img-classification": Classification(),
    "img-segmentation": Segmentation(),
    "obj-detection": Detection(),
}
IMAGE = torch.zeros(1, 2, 2, dtype=torch.uint8)


class Listed:
    """A dataset that returns one sample at a time."""

    def __init__(self, targets):
        self.targets_ = targets

    def __len__(self):
        return len(self.targets_)

    def __getitem__(self, index):
        return IMAGE, self.targets_[index]


class InFiles(Listed):
    """A dataset that knows the files of its samples."""

    def file(self, index):
        return f"images/{index}\n.png"


def in_memory(targets):
    targets = torch.as_tensor(targets)
    return InMemory(torch.zeros(len(targets), 1, 2, 2, dtype=torch.uint8), targets)


def masks(*values):
    """Return masks of class 0, the last pixel of each with one of the values."""
    result = torch.zeros(len(values), 2, 2, dtype=torch.int64)
    result[:, 1, 1] = torch.tensor(values)
    return result


def objects(*labels, **more):
    return {"boxes": torch.zeros(len(labels), 4), "labels": torch.tensor(labels).long(), **more}


def bundle(train, test, classes=CLASSES):
    return DataBundle(train, test, (classes,), 0.5, Normalisation((0.5,), (0.5,)))


def read(task, train, test):
    """Read all samples of a dataset with checked labels."""
    checked = with_labels_checked(bundle(train, test), TASKS[task], "mine")
    for samples in (checked.train, checked.test):
        for index in range(len(samples)):
            samples[index]


def label_error(task, train, test):
    """Return the error of a dataset with an invalid label."""
    with pytest.raises(LabelError) as caught:
        read(task, train, test)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", [in_memory, Listed])
@pytest.mark.parametrize("value", [-1, 3, IGNORED])
def test_a_class_index_out_of_range_is_named(kind, value):
    assert label_error("img-classification", kind([0, 1, 2]), kind([2, 0, value, 1])) == (
        f"dataset 'mine': sample 2 of its test split is of class {value}; expected 0 to 2; "
        "correct the dataset or its loader"
    )


@pytest.mark.parametrize("kind", [in_memory, lambda targets: Listed(tv_tensors.Mask(targets))])
@pytest.mark.parametrize("value", [-1, 3, 255])
def test_a_pixel_of_an_invalid_class_is_named(kind, value):
    assert label_error("img-segmentation", kind(masks(IGNORED, value, 2)), kind(masks(0))) == (
        f"dataset 'mine': sample 1 of its train split has a pixel of class {value}; expected 0 "
        f"to 2, or {IGNORED} for pixels that do not count; correct the dataset or its loader"
    )


@pytest.mark.parametrize("value", [-1, 0, 3])
def test_an_object_of_an_invalid_class_is_named(value):
    test = Listed([objects(), objects(1, value, image_id=17)])
    assert label_error("obj-detection", Listed([objects(1, 2)]), test) == (
        "dataset 'mine': sample 1 of its test split (image_id 17) has an object of class "
        f"{value}; expected 1 to 2, as 0 is the background; correct the dataset or its loader"
    )


def test_the_file_of_a_sample_is_named():
    samples = take(InFiles([0, 1, 7]), torch.tensor([1, 2]))
    assert label_error("img-classification", samples, Listed([0])).startswith(
        "dataset 'mine': sample 1 of its train split (images/2\\n.png) is of class 7; expected"
    )


@pytest.mark.parametrize(
    ("task", "train"),
    [
        ("img-classification", in_memory([0, 1, 2])),
        ("img-classification", Listed([0, torch.tensor(2), torch.rand(3)])),
        ("img-classification", Listed([torch.tensor([0, 9])])),
        ("img-segmentation", in_memory(masks(0, IGNORED, 2))),
        ("img-segmentation", Listed(masks(0, IGNORED, 2).to(torch.uint8) % 3)),
        ("obj-detection", Listed([objects(), objects(1, 2), {"boxes": torch.zeros(0, 4)}])),
        ("img-depth", in_memory([7, -1])),
        ("txt-generation", Listed([torch.tensor([9, 9])])),
    ],
)
def test_valid_and_unchecked_labels_pass(task, train):
    checked = with_labels_checked(bundle(train, Listed([])), TASKS.get(task), "mine")
    for index in range(len(checked.train)):
        assert checked.train[index][1] is not None


def test_loading_processes_report_invalid_labels(monkeypatch):
    monkeypatch.setattr("lemur_core.train.batches._loading_processes", lambda samples: 2)
    checked = with_labels_checked(
        bundle(Listed([0, 1, 5, 2] * 4), Listed([])), Classification(), "mine"
    )
    checked_batches = batches(
        checked.train, torch.nn.Identity(), 4, torch.device("cpu"), training=False
    )
    with pytest.raises(LabelError, match="sample 2 of its train split is of class 5"):
        list(checked_batches)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_trial_fails_and_its_pipeline_is_set_aside(monkeypatch, tmp_path, split):
    from lemur_toy import data

    whole = data.blobs(None, None)
    wrong = InMemory(getattr(whole, split).inputs, getattr(whole, split).targets.clone())
    wrong.targets[7] = 2
    monkeypatch.setattr(data, "blobs", lambda folder, task: replace(whole, **{split: wrong}))
    with pytest.raises(MisfitError) as caught:
        run(
            "img-classification_blobs_hits_Linear", trials=3, epochs=1, in_process=True, threads=1,
            db=str(tmp_path / "results.db"),
        )  # fmt: skip
    assert str(caught.value).startswith("dataset 'blobs': sample ")
    assert f"of its {split} split is of class 2; expected 0 to 1" in str(caught.value)


def test_selected_classes_are_checked_before_renumbering():
    whole = bundle(in_memory([0, 1, 2, 0]), in_memory([0, 1, -1]))
    with pytest.raises(LabelError, match="sample 2 of its test split is of class -1"):
        restrict(whole, Restriction(classes=2), "mine")


def test_the_share_of_a_negative_class_is_refused():
    with pytest.raises(LabelError, match="^sample 1 is of class -1; expected 0 or above$"):
        majority_share(torch.tensor([0, -1, 3]))
