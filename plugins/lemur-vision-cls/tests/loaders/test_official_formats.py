"""A few samples of each dataset in its official format, read back."""

import bz2
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from lemur_core.errors import MissingDataError
from lemur_core.kinds.loader import InMemory
from lemur_vision_cls import plugin
from lemur_vision_cls.loaders.files import IMAGENET

from .writing import (
    IN_FILES,
    IN_MEMORY,
    WRITERS,
    wnids,
    write_celeba_gender,
    write_cifar_10,
    write_image,
    write_imagenet_1k,
    write_places365,
    write_stl_10,
    write_svhn,
    write_tiny_imagenet,
    write_usps,
)

TASK = "img-classification"
ENTRIES = {entry.name: entry for entry in plugin.lemur_register_loaders()}
CLASSES = {
    "cifar-100": 100, "imagenet-1k": 1000, "tiny-imagenet": 200, "places365": 365,
    "celeba-gender": 2, "folder": 2, "concrete": 2, "natural": 6, "insects": 291, "powerline": 2,
    "ham10000": 7,
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("any_checksum")


def load(name, folder):
    return ENTRIES[name].load()(folder, TASK)


def test_every_dataset_except_the_embedded_digits_is_tested():
    assert set(ENTRIES) == {"digits", *WRITERS}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_datasets_in_memory_are_read_exactly(name, tmp_path):
    written = IN_MEMORY[name](tmp_path)
    bundle = load(name, tmp_path)
    assert bundle.out_shape == (CLASSES.get(name, 10),)
    for split, (images, targets) in written.items():
        read = getattr(bundle, split)
        assert isinstance(read, InMemory)
        assert read.inputs.dtype == torch.uint8
        assert read.inputs.is_contiguous()
        # USPS is published as fractions, which torchvision truncates to integer levels.
        difference = read.inputs.numpy().astype(int) - images
        assert np.abs(difference).max() <= (1 if name == "usps" else 0)
        assert read.targets.dtype == torch.int64
        assert read.targets.tolist() == targets.tolist()
    pixels = written["train"][0] / 255
    mean = pixels.mean((0, 2, 3))
    assert bundle.normalisation.mean == pytest.approx(mean, abs=0.003 if name == "usps" else 1e-9)


# Their splits are made by the loaders.
SPLIT = {"eurosat", "folder", "concrete", "insects", "powerline", "ham10000"}


@pytest.mark.parametrize("name", sorted({*IN_FILES} - SPLIT))
def test_datasets_in_files_are_decoded_as_by_pillow(name, tmp_path):
    written = IN_FILES[name](tmp_path)
    bundle = load(name, tmp_path)
    assert bundle.out_shape == (CLASSES.get(name, 10),)
    for split, samples in written.items():
        read = getattr(bundle, split)
        assert len(read) == len(samples)
        for index in range(0, len(samples), max(1, len(samples) // 40)):
            assert_same(read[index], *samples[index])


LABELS = {
    "tiny-imagenet": ["val_annotations.txt"],
    "places365": [
        "categories_places365.txt",
        "places365_train_standard.txt",
        "places365_val.txt",
    ],
    "ham10000": ["HAM10000_metadata"],
    "celeba-gender": ["list_attr_celeba.txt", "list_eval_partition.txt"],
}


@pytest.mark.parametrize("name", sorted(IN_FILES))
def test_the_bundle_lists_all_files(name, tmp_path):
    written = IN_FILES[name](tmp_path)
    bundle = load(name, tmp_path)
    images = {file for samples in written.values() for file, _ in samples}
    files = list(bundle.files)
    assert len(files) == len(set(files))
    assert images <= set(files)
    assert sorted(file.name for file in {*files} - images) == LABELS.get(name, [])
    assert len(bundle.class_names) == bundle.out_shape[0]


def test_classes_have_the_names_in_the_files(tmp_path):
    for name in ("imagenette", "places365", "celeba-gender"):
        IN_FILES[name](tmp_path)
    assert load("imagenette", tmp_path).class_names == tuple(wnids(10))
    assert load("places365", tmp_path).class_names[363:] == ("363", "/z/zen_garden")
    assert load("celeba-gender", tmp_path).class_names == ("not male", "male")


def assert_same(sample, file, target):
    image, index = sample
    with Image.open(file) as expected:
        pixels = np.asarray(expected.convert("RGB")).transpose(2, 0, 1)
    assert image.dtype == torch.uint8
    assert np.array_equal(image.numpy(), pixels)
    assert int(index) == target


@pytest.mark.parametrize("name", sorted(SPLIT - {"ham10000"}))
def test_a_single_tree_is_split_by_class_completely(name, tmp_path):
    [written] = IN_FILES[name](tmp_path).values()
    bundle = load(name, tmp_path)
    read = {
        split: {part.file(index): int(part.targets[index]) for index in range(len(part))}
        for split, part in (("train", bundle.train), ("test", bundle.test))
    }
    assert read["train"] | read["test"] == dict(written)
    assert not set(read["train"]) & set(read["test"])
    classes = bundle.out_shape[0]
    of_class = len(written) // classes
    assert torch.bincount(bundle.test.targets).tolist() == [of_class // 5] * classes
    assert_same(bundle.test[0], bundle.test.file(0), read["test"][bundle.test.file(0)])


def test_only_some_datasets_have_a_validation_split_of_their_own(tmp_path):
    for name in IN_FILES:
        IN_FILES[name](tmp_path / name)
        validation = load(name, tmp_path / name).validation
        assert (validation is not None) == (name in ("celeba-gender", "ham10000"))


def test_nets_of_imagenet_are_normalised_by_its_published_mean(tmp_path):
    for name in ("imagenette", "tiny-imagenet", "imagenet-1k", "places365"):
        IN_FILES[name](tmp_path)
        assert load(name, tmp_path).normalisation == IMAGENET


def test_imagenets_validation_images_may_be_in_one_folder_as_published(tmp_path):
    written = write_imagenet_1k(tmp_path, flat=True)["test"]
    test = load("imagenet-1k", tmp_path).test
    assert [int(target) for target in test.targets] == [3, 999, 0]
    for index, (file, target) in enumerate(written):
        assert_same(test[index], file, target)


def test_imagenets_validation_without_classes_or_labels_is_an_error(tmp_path):
    write_imagenet_1k(tmp_path, flat=True)
    place = tmp_path / "imagenet-1k"
    (place / "val" / "ILSVRC2012_val_00000003.JPEG").unlink()
    with pytest.raises(MissingDataError) as caught:
        load("imagenet-1k", tmp_path)
    assert str(caught.value) == (
        f"dataset 'imagenet-1k': {place / 'meta.bin'} is damaged, or of another dataset: it has "
        f"the labels of 3 images; {place / 'val'} has 2; remove it and get it again"
    )
    (place / "meta.bin").unlink()
    with pytest.raises(MissingDataError) as caught:
        load("imagenet-1k", tmp_path)
    assert str(caught.value) == (
        f"dataset 'imagenet-1k': {place} lacks meta.bin; put val's images into folders of their "
        "classes, or set --data to its folder"
    )


@pytest.mark.parametrize("name", sorted({*ENTRIES} - {"digits", "folder"}))
def test_a_missing_dataset_is_an_error_that_says_how_to_get_it(name, tmp_path):
    with pytest.raises(MissingDataError) as caught:
        load(name, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"dataset {name!r}: {tmp_path}")
    assert " lacks " in message
    fetched = hasattr(ENTRIES[name].load(), "download")
    assert ("; get it with --download, or set" in message) == fetched
    assert fetched or "; get it from https://" in message


@pytest.mark.parametrize(
    ("name", "classes"), [("imagenette", 10), ("tiny-imagenet", 200), ("imagenet-1k", 1000)]
)
def test_a_tree_with_missing_classes_is_an_error(name, classes, tmp_path):
    written = IN_FILES[name](tmp_path)["train"]
    train = next(parent for parent in written[0][0].parents if parent.name == "train")
    (train / wnids(1)[0]).rename(tmp_path / "elsewhere")
    with pytest.raises(MissingDataError) as caught:
        load(name, tmp_path)
    assert str(caught.value) == (
        f"dataset {name!r}: {train} has {classes - 1} class folders; expected {classes}; "
        "get it again"
    )


def wrong_cifar(folder):
    write_cifar_10(folder)
    file = folder / "cifar-10-batches-py" / "test_batch"
    content = pickle.loads(file.read_bytes())
    content["labels"][0] = 10
    file.write_bytes(pickle.dumps(content))
    return file.parent, "labels are 0 to 10; expected 0 to 9"


def wrong_svhn(folder):
    write_svhn(folder)
    file = folder / "svhn" / "train_32x32.mat"
    pixels = np.zeros((32, 32, 3, 4), np.uint8)
    savemat(file, {"X": pixels, "y": np.array([[1], [2], [12], [10]], np.uint8)})
    return file, "labels are 0 to 12; expected 0 to 9"


def short_svhn(folder):
    write_svhn(folder)
    file = folder / "svhn" / "train_32x32.mat"
    savemat(file, {"X": np.zeros((32, 32, 3, 4), np.uint8), "y": np.ones((3, 1), np.uint8)})
    return file, "it has 4 images and 3 labels"


def small_svhn(folder):
    write_svhn(folder)
    file = folder / "svhn" / "test_32x32.mat"
    savemat(file, {"X": np.zeros((16, 32, 3, 4), np.uint8), "y": np.ones((4, 1), np.uint8)})
    return file, "images are 16x32; expected 32x32"


def wrong_usps(folder):
    write_usps(folder)
    file = folder / "usps" / "usps.t.bz2"
    file.write_bytes(bz2.compress(bz2.decompress(file.read_bytes()).replace(b"\n3 ", b"\n0 ")))
    return file, "labels are -1 to 9; expected 0 to 9"


def wrong_stl(folder):
    write_stl_10(folder)
    file = folder / "stl10_binary" / "test_y.bin"
    file.write_bytes(bytes([0] + [1] * 11))
    return file, "labels are -1 to 0; expected 0 to 9"


def cut_stl(folder):
    write_stl_10(folder)
    file = folder / "stl10_binary" / "train_X.bin"
    file.write_bytes(file.read_bytes()[:-1])
    return file, "331775 bytes are not a whole number of images"


def wrong_places(folder):
    write_places365(folder)
    (folder / "places365" / "places365_val.txt").write_text("Places365_val_00000001.jpg 365\n")
    return folder / "places365", "labels of val are 365 to 365; expected 0 to 364"


def wrong_tiny(folder):
    write_tiny_imagenet(folder)
    file = folder / "tiny-imagenet-200" / "val" / "val_annotations.txt"
    file.write_text("val_0.JPEG\tn00000000\t0\t32\t44\t62\n")
    return file, "class 'n00000000' is not one of those in train"


def short_tiny(folder):
    write_tiny_imagenet(folder)
    file = folder / "tiny-imagenet-200" / "val" / "val_annotations.txt"
    file.write_text("val_0.JPEG\n")
    return file, "expected a file and a class in each line"


def wrong_celeba(folder):
    write_celeba_gender(folder)
    file = folder / "celeba" / "list_attr_celeba.txt"
    file.write_text(file.read_text().replace("000002.jpg  1 -1", "000002.jpg  1 0"))
    return file, "000002.jpg has 0; expected -1 or 1"


def cut_celeba(folder):
    write_celeba_gender(folder)
    file = folder / "celeba" / "list_attr_celeba.txt"
    file.write_text(file.read_text()[:-4])
    return file, "'000030.jpg 1 -1' is not a line of 4 columns"


def foreign_celeba(folder):
    write_celeba_gender(folder)
    file = folder / "celeba" / "list_attr_celeba.txt"
    file.write_text(file.read_text().replace("Male", "Hat"))
    return file, "its second line does not name Male"


def unknown_part_of_celeba(folder):
    write_celeba_gender(folder)
    file = folder / "celeba" / "list_eval_partition.txt"
    file.write_text(file.read_text().replace("000002.jpg 0", "000002.jpg 7"))
    return file, "000002.jpg is in split '7'"


def celeba_without_test(folder):
    write_celeba_gender(folder)
    file = folder / "celeba" / "list_eval_partition.txt"
    file.write_text(file.read_text().replace(" 2\n", " 1\n"))
    return file, "a split has no image"


WRONG = [
    ("cifar-10", wrong_cifar),
    ("svhn", wrong_svhn),
    ("svhn", short_svhn),
    ("svhn", small_svhn),
    ("usps", wrong_usps),
    ("stl-10", wrong_stl),
    ("stl-10", cut_stl),
    ("places365", wrong_places),
    ("tiny-imagenet", wrong_tiny),
    ("tiny-imagenet", short_tiny),
    ("celeba-gender", wrong_celeba),
    ("celeba-gender", cut_celeba),
    ("celeba-gender", foreign_celeba),
    ("celeba-gender", unknown_part_of_celeba),
    ("celeba-gender", celeba_without_test),
]


@pytest.mark.parametrize(
    ("name", "write"), WRONG, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_damaged_dataset_is_an_error_that_names_the_file(name, write, tmp_path):
    file, what = write(tmp_path)
    with pytest.raises(MissingDataError) as caught:
        load(name, tmp_path)
    assert str(caught.value) == (
        f"dataset {name!r}: {file} is damaged, or of another dataset: {what}; "
        "remove it and get it again"
    )


def test_a_missing_listed_image_is_an_error(tmp_path):
    file, _ = write_places365(tmp_path)["test"][0]
    file.unlink()
    with pytest.raises(MissingDataError) as caught:
        load("places365", tmp_path).test[0]
    assert str(caught.value) == f"{file} cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("usps", "usps/usps.bz2"),
        ("svhn", "svhn/train_32x32.mat"),
        ("cifar-100", "cifar-100-python/train"),
    ],
)
def test_a_truncated_file_is_an_error(name, broken, tmp_path):
    IN_MEMORY[name](tmp_path)
    file = tmp_path / broken
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(MissingDataError, match=f"^dataset '{name}': .* is damaged, or of another"):
        load(name, tmp_path)


def test_mnist_files_are_found_in_torchvisions_folders(tmp_path):
    for name, place in (("mnist", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw")):
        written = WRITERS["mnist"](tmp_path / name)
        (tmp_path / name / place).parent.mkdir()
        (tmp_path / name / "mnist").rename(tmp_path / name / place)
        read = load(name, tmp_path / name).train
        assert np.array_equal(read.inputs.numpy(), written["train"][0])


def test_undecodable_images_are_skipped_for_the_normalisation(tmp_path):
    files = [file for file, _ in IN_FILES["eurosat"](tmp_path)["all"]]
    files[0].write_bytes(b"no image")
    bundle = load("eurosat", tmp_path)
    assert len(bundle.train) + len(bundle.test) == len(files)
    for file in files:
        file.write_bytes(b"no image")
    with pytest.raises(
        MissingDataError, match="that were tried can be decoded; the first is .*: it is "
    ):
        load("eurosat", tmp_path)


def test_images_of_one_colour_can_be_normalised(tmp_path):
    for name in ("black", "dark"):
        for number in range(4):
            file = write_image(tmp_path / name / f"{number}.png")
            Image.new("RGB", (8, 8)).save(file)
    assert load("folder", tmp_path).normalisation.std == (1 / 255,) * 3
