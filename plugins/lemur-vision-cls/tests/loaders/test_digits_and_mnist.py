import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders import digits, idx, mnist

from .writing import idx_bytes

TASK = "img-classification"
SHARED = Path(__file__).parents[5] / "shared" / "data"


def write_mnist(folder, names=(*mnist.TRAIN, *mnist.TEST), *, count=20, suffix=""):
    """Write files in MNIST's format: image i is filled with i, its label is i mod 10."""
    (folder / "mnist").mkdir(parents=True, exist_ok=True)
    images = np.broadcast_to(np.arange(count)[:, None, None], (count, 28, 28))
    for name in names:
        content = idx_bytes(images if "images" in name else np.arange(count) % 10)
        opener = gzip.open if suffix == ".gz" else open
        with opener(folder / "mnist" / f"{name}{suffix}", "wb") as file:
            file.write(content)


def test_digits_and_their_split_equal_scikit_learns():
    bundle, theirs = digits.load(Path("nowhere"), TASK), load_digits()
    split = train_test_split(np.arange(1797), test_size=0.2, random_state=0, stratify=theirs.target)
    for ours, indices in zip((bundle.train, bundle.test), split, strict=True):
        pixels = np.round(theirs.images[indices] * 255 / 16)
        assert ours.inputs.dtype == torch.uint8
        assert np.array_equal(ours.inputs[:, 0].numpy(), pixels)
        assert ours.targets.tolist() == theirs.target[indices].tolist()


def test_digits_are_split_by_class():
    bundle = digits.load(Path("nowhere"), TASK)
    assert (len(bundle.train), len(bundle.test)) == (1437, 360)
    shares = torch.bincount(bundle.test.targets) / torch.bincount(bundle.train.targets)
    assert shares == pytest.approx([0.25] * 10, abs=0.01)
    assert bundle.chance == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_mnist_is_read_from_its_four_files(tmp_path, suffix):
    write_mnist(tmp_path, suffix=suffix)
    bundle = mnist.load(tmp_path, TASK)
    assert bundle.train.inputs.shape == (20, 1, 28, 28)
    assert bundle.train.inputs[:, 0, 27, 0].tolist() == list(range(20))
    assert bundle.test.targets.tolist() == [*range(10), *range(10)]
    assert bundle.out_shape == (10,)
    assert bundle.chance == 0.1


def test_files_in_the_data_folder_are_mnist_and_not_fashion_mnist(tmp_path):
    write_mnist(tmp_path)
    assert len(mnist.load(tmp_path / "mnist", TASK).train) == 20
    with pytest.raises(MissingDataError, match="^dataset 'fashion-mnist': .* lacks train-images"):
        mnist.load_fashion(tmp_path / "mnist", TASK)


def test_mnist_10k_splits_the_test_images(tmp_path):
    write_mnist(tmp_path, mnist.TEST, count=100)
    first, second = (mnist.load_10k(tmp_path, TASK) for _ in range(2))
    assert (len(first.train), len(first.test)) == (80, 20)
    pixels = torch.cat([first.train.inputs, first.test.inputs])[:, 0, 0, 0]
    assert sorted(pixels.tolist()) == list(range(100))
    assert first.train.targets.tolist() == (first.train.inputs[:, 0, 0, 0] % 10).tolist()
    assert first.test.targets.equal(second.test.targets)


def test_missing_files_are_named_with_their_source(tmp_path):
    write_mnist(tmp_path, mnist.TEST)
    with pytest.raises(MissingDataError) as caught:
        mnist.load(tmp_path, TASK)
    assert str(caught.value) == (
        f"dataset 'mnist': {tmp_path / 'mnist'} lacks train-images-idx3-ubyte, "
        "train-labels-idx1-ubyte (or .gz); get it with --download, "
        "or set --data to its folder"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x08",
        b"<html>not found</html>",
        idx_bytes([[1, 2], [3, 4]])[:-1],
        idx_bytes([[1, 2], [3, 4]]) + b"!",
        b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00",
        idx_bytes(np.zeros((3, 28, 28)))[:8],
        b"\x00\x00\x08\x00",
    ],
)
def test_a_damaged_file_is_an_error(tmp_path, content):
    file = tmp_path / "images"
    file.write_bytes(content)
    with pytest.raises(MissingDataError) as caught:
        idx.read(file)
    assert str(caught.value) == (
        f"{file} is damaged: expected an idx file of unsigned bytes with all of its values; "
        "fetch it again"
    )


def test_a_truncated_gz_is_an_error(tmp_path):
    file = tmp_path / "images.gz"
    file.write_bytes(gzip.compress(idx_bytes([1, 2, 3]))[:-9])
    with pytest.raises(MissingDataError, match="cannot be read: .*; fetch it again"):
        idx.read(file)


def test_different_numbers_of_images_and_labels_are_an_error(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "mnist" / mnist.TEST[1]).write_bytes(idx_bytes([1, 2, 3]))
    with pytest.raises(MissingDataError, match="it has 20 images and 3 labels"):
        mnist.load(tmp_path, TASK)


def test_files_without_images_are_an_error(tmp_path):
    write_mnist(tmp_path, count=0)
    with pytest.raises(MissingDataError, match="it has 0 images and 0 labels"):
        mnist.load_10k(tmp_path, TASK)


def test_images_of_another_size_are_an_error(tmp_path):
    write_mnist(tmp_path)
    images = tmp_path / "mnist" / mnist.TEST[0]
    images.write_bytes(idx_bytes(np.zeros((20, 32, 32))))
    with pytest.raises(MissingDataError) as caught:
        mnist.load_10k(tmp_path, TASK)
    assert str(caught.value) == (
        f"dataset 'mnist-10k': {images} is damaged, or of another dataset: images are 32x32; "
        "expected 28x28; remove it and get it again"
    )


def test_labels_out_of_range_are_an_error(tmp_path):
    write_mnist(tmp_path)
    labels = tmp_path / "mnist" / mnist.TEST[1]
    labels.write_bytes(idx_bytes(np.arange(20)))
    with pytest.raises(MissingDataError) as caught:
        mnist.load_10k(tmp_path, TASK)
    assert str(caught.value) == (
        f"dataset 'mnist-10k': {labels} is damaged, or of another dataset: labels are 0 to 19; "
        "expected 0 to 9; remove it and get it again"
    )


@pytest.mark.skipif(not (SHARED / "mnist").is_dir(), reason="MNIST's files are not here")
def test_the_published_test_images_are_read():
    bundle = mnist.load_10k(SHARED, TASK)
    assert (len(bundle.train), len(bundle.test)) == (8000, 2000)
    targets = torch.cat([bundle.train.targets, bundle.test.targets])
    # The counts of the ten classes among MNIST's test images, as published.
    assert torch.bincount(targets).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert bundle.normalisation.mean[0] == pytest.approx(0.1325, abs=0.002)
