"""Images of one's own."""

import pytest
import torch
from PIL import Image

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders import folder

from .writing import write_image

TASK = "img-classification"
EXPECTED = (
    "expected folders train and test, or one folder of images for each of two classes or more"
)


def write(root, classes=("cat", "dog"), count=10, mode="RGB"):
    for name in classes:
        for number in range(count):
            write_image(root / name / f"{number}.png", (8 + number, 9), mode, seed=number)


def files(samples):
    return {str(samples.file(index).relative_to(samples.root)) for index in range(len(samples))}


def test_a_single_tree_is_split_by_class_always_alike(tmp_path):
    write(tmp_path)
    one, two = (folder.load(tmp_path, TASK) for _ in range(2))
    assert torch.bincount(one.train.targets).tolist() == [8, 8]
    assert torch.bincount(one.test.targets).tolist() == [2, 2]
    assert one.validation is None
    assert files(one.test) == files(two.test)
    assert not files(one.test) & files(one.train)
    assert (one.out_shape, one.chance) == ((2,), 0.5)


def test_images_keep_their_sizes(tmp_path):
    write(tmp_path)
    train = folder.load(tmp_path, TASK).train
    widths = {train[index][0].shape[2] for index in range(len(train))}
    assert len(widths) > 3


@pytest.mark.parametrize(
    ("there", "train", "validation", "test"),
    [
        ({"train": 6, "val": 3, "test": 2}, 12, 6, 4),
        ({"train": 6, "test": 2}, 12, None, 4),
        ({"train": 6, "val": 3}, 12, None, 6),
        ({"train": 10}, 16, None, 4),
    ],
)
def test_splits_are_those_that_are_there(tmp_path, there, train, validation, test):
    for split, count in there.items():
        write(tmp_path / split, count=count)
    bundle = folder.load(tmp_path, TASK)
    assert (len(bundle.train), len(bundle.test)) == (train, test)
    assert (bundle.validation and len(bundle.validation)) == validation


def test_it_may_lie_in_a_folder_of_its_name_beside_other_data_sets(tmp_path):
    write(tmp_path / "folder")
    (tmp_path / "mnist").mkdir()
    bundle = folder.load(tmp_path, TASK)
    assert bundle.train.root == tmp_path / "folder"


def test_what_is_no_image_and_what_is_hidden_is_passed_over(tmp_path):
    write(tmp_path)
    (tmp_path / "cat" / "Thumbs.db").write_bytes(b"not an image")
    (tmp_path / "cat" / "._0.png").write_bytes(b"not an image")
    (tmp_path / ".git").mkdir()
    write_image(tmp_path / "dog" / "UPPER.JPEG")
    bundle = folder.load(tmp_path, TASK)
    assert len(bundle.train) + len(bundle.test) == 21


def test_names_of_any_letters_are_read(tmp_path):
    write(tmp_path, ("chat noir", "собака"))
    write_image(tmp_path / "собака" / "щенок è.png")
    bundle = folder.load(tmp_path, TASK)
    for part in (bundle.train, bundle.test):
        for index in range(len(part)):
            assert part[index][0].shape[0] == 3


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_channels_are_one_where_all_are_grey(tmp_path, mode, channels):
    write(tmp_path / "train", mode="L")
    write(tmp_path / "test", mode="L", count=2)
    write_image(tmp_path / "test" / "dog" / "last.png", mode=mode)
    bundle = folder.load(tmp_path, TASK)
    assert {part[0][0].shape[0] for part in (bundle.train, bundle.test)} == {channels}
    assert len(bundle.normalisation.mean) == channels


def test_photographs_are_turned_upright(tmp_path):
    write(tmp_path / "train")
    write(tmp_path / "test", count=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    write_image(tmp_path / "test" / "cat" / "0.png", (12, 5), exif=exif)
    assert folder.load(tmp_path, TASK).test[0][0].shape == (3, 12, 5)


def test_the_normalisation_is_that_of_the_training_images(tmp_path):
    for name, level in (("dark", 0), ("bright", 255)):
        for number in range(4):
            (tmp_path / "train" / name).mkdir(parents=True, exist_ok=True)
            image = Image.new("RGB", (5 + 40 * number, 5), (level, 51, level))
            image.save(tmp_path / "train" / name / f"{number}.png")
        write_image(tmp_path / "test" / name / "0.png")
    mean, std = folder.load(tmp_path, TASK).normalisation
    # By the number of pixels; of each image fewer than 10,000 are there, and all count.
    assert mean == pytest.approx((0.5, 0.2, 0.5))
    assert std == pytest.approx((0.5, 1 / 255, 0.5))


def message(root):
    with pytest.raises(MissingDataError) as caught:
        folder.load(root, TASK)
    return str(caught.value)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    assert (
        message(tmp_path / "no") == f"data set 'folder': there is no {tmp_path / 'no'}; {EXPECTED}"
    )


def test_a_folder_without_classes_is_said(tmp_path):
    assert message(tmp_path) == f"data set 'folder': {tmp_path} has 0 class folders; {EXPECTED}"
    write(tmp_path / "train", ("cat",))
    assert message(tmp_path) == (
        f"data set 'folder': {tmp_path / 'train'} has 1 class folders; {EXPECTED}"
    )


def test_empty_classes_are_named(tmp_path):
    write(tmp_path, ("cat", "dog"))
    for number in range(7):
        (tmp_path / f"empty{number}").mkdir()
    # Images in folders of a class's folder are not looked for.
    write_image(tmp_path / "empty0" / "deeper" / "0.png")
    assert message(tmp_path) == (
        f"data set 'folder': {tmp_path} has class folders without an image: empty0, empty1, "
        "empty2, empty3, empty4 and 2 more; add images, or remove them"
    )


def test_class_folders_that_differ_between_splits_are_named(tmp_path):
    write(tmp_path / "train", ("cat", "dog", "eel"))
    write(tmp_path / "test", ("cat", "dog", "fox"))
    assert message(tmp_path) == (
        f"data set 'folder': {tmp_path / 'test'} lacks eel and has fox beyond them; "
        "expected the class folders of the training split"
    )


def test_too_few_images_to_split_are_said(tmp_path):
    write(tmp_path, count=2)
    assert message(tmp_path) == (
        f"{tmp_path}: 4 images are too few to set a share of 20% of each class aside to test; "
        "add images, or a folder test beside a folder train"
    )
