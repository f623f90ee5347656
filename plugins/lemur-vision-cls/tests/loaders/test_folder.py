"""The loader of your own images."""

import os
import subprocess
import sys
import unicodedata

import pytest
import torch
from PIL import Image

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders import folder, image_sizes

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


def test_a_single_tree_is_always_split_by_class_in_the_same_way(tmp_path):
    write(tmp_path)
    first, second = (folder.load(tmp_path, TASK) for _ in range(2))
    assert torch.bincount(first.train.targets).tolist() == [8, 8]
    assert torch.bincount(first.test.targets).tolist() == [2, 2]
    assert first.validation is None
    assert files(first.test) == files(second.test)
    assert not files(first.test) & files(first.train)
    assert (first.out_shape, first.chance) == ((2,), 0.5)


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
def test_existing_splits_are_used(tmp_path, there, train, validation, test):
    for split, count in there.items():
        write(tmp_path / split, count=count)
    bundle = folder.load(tmp_path, TASK)
    assert (len(bundle.train), len(bundle.test)) == (train, test)
    assert (bundle.validation and len(bundle.validation)) == validation


def test_images_may_be_in_a_folder_named_folder_beside_other_datasets(tmp_path):
    write(tmp_path / "folder")
    (tmp_path / "mnist").mkdir()
    bundle = folder.load(tmp_path, TASK)
    assert bundle.train.root == tmp_path / "folder"


def test_other_and_hidden_files_are_ignored(tmp_path):
    write(tmp_path)
    (tmp_path / "cat" / "Thumbs.db").write_bytes(b"not an image")
    (tmp_path / "cat" / "._0.png").write_bytes(b"not an image")
    (tmp_path / ".git").mkdir()
    write_image(tmp_path / "dog" / "UPPER.JPEG")
    bundle = folder.load(tmp_path, TASK)
    assert len(bundle.train) + len(bundle.test) == 21


def test_names_may_have_any_letters(tmp_path):
    write(tmp_path, ("chat noir", "собака"))
    write_image(tmp_path / "собака" / "щенок è.png")
    bundle = folder.load(tmp_path, TASK)
    for part in (bundle.train, bundle.test):
        for index in range(len(part)):
            assert part[index][0].shape[0] == 3


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_images_have_one_channel_if_all_are_grey(tmp_path, mode, channels):
    write(tmp_path / "train", mode="L")
    write(tmp_path / "test", mode="L", count=2)
    write_image(tmp_path / "test" / "dog" / "last.png", mode=mode)
    bundle = folder.load(tmp_path, TASK)
    assert {part[0][0].shape[0] for part in (bundle.train, bundle.test)} == {channels}
    assert len(bundle.normalisation.mean) == channels


def test_the_exif_orientation_is_applied(tmp_path):
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
    # Weighted by the number of pixels: each image has fewer than 10,000, so all are used.
    assert mean == pytest.approx((0.5, 0.2, 0.5))
    assert std == pytest.approx((0.5, 1 / 255, 0.5))


def message(root):
    with pytest.raises(MissingDataError) as caught:
        folder.load(root, TASK)
    return str(caught.value)


def test_a_missing_folder_is_an_error(tmp_path):
    assert (
        message(tmp_path / "no") == f"dataset 'folder': there is no {tmp_path / 'no'}; {EXPECTED}"
    )


def test_a_folder_without_classes_is_an_error(tmp_path):
    assert message(tmp_path) == f"dataset 'folder': {tmp_path} has 0 class folders; {EXPECTED}"
    write(tmp_path / "train", ("cat",))
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path / 'train'} has 1 class folders; {EXPECTED}"
    )


def test_empty_classes_are_named(tmp_path):
    write(tmp_path, ("cat", "dog"))
    for number in range(7):
        (tmp_path / f"empty{number}").mkdir()
    deeper = write_image(tmp_path / "empty0" / "deeper" / "0.png")
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has class folders without an image: empty0, empty1, "
        "empty2, empty3, empty4 and 2 more "
        f"(images in deeper folders, such as {deeper}, are not read); add images, or remove them"
    )


def test_class_folders_that_differ_between_splits_are_named(tmp_path):
    write(tmp_path / "train", ("cat", "dog", "eel"))
    write(tmp_path / "test", ("cat", "dog", "fox"))
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path / 'test'} lacks eel and has fox in addition; "
        "expected the class folders of the training split"
    )


def test_too_few_images_to_split_are_an_error(tmp_path):
    write(tmp_path, count=2)
    assert message(tmp_path) == (
        f"{tmp_path}: 4 images are too few to split off 20% of each class for testing; "
        "add images, or a folder test beside a folder train"
    )


@pytest.mark.parametrize(
    ("there", "train", "validation", "test"),
    [
        (("train", "valid"), "train", None, "valid"),
        (("train", "validation"), "train", None, "validation"),
        (("train", "valid", "test"), "train", "valid", "test"),
        (("Training", "Testing"), "Training", None, "Testing"),
        (("TRAIN", "Dev", "Test"), "TRAIN", "Dev", "Test"),
        (("train", "eval"), "train", None, "eval"),
    ],
)
def test_splits_may_have_common_names(tmp_path, there, train, validation, test):
    for split in there:
        write(tmp_path / split, count=4)
    bundle = folder.load(tmp_path, TASK)
    assert bundle.train.root == tmp_path / train
    assert bundle.test.root == tmp_path / test
    assert (bundle.validation and bundle.validation.root.name) == validation
    assert (len(bundle.train), len(bundle.test)) == (8, 8)


SPLITS = "expected train, val (or valid, validation, dev, eval) and test, in any case"


@pytest.mark.parametrize("name", ["holdout", "cat", "images"])
def test_an_unknown_folder_of_images_beside_train_is_refused(tmp_path, name):
    write(tmp_path / "train")
    write(tmp_path / "test")
    write(tmp_path / name, count=1)
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has {name} beside test, train, which is not a known "
        f"split; {SPLITS}: rename it, or move it out"
    )


def test_a_folder_without_images_beside_train_is_ignored(tmp_path):
    write(tmp_path / "train")
    (tmp_path / "annotations" / "deep").mkdir(parents=True)
    (tmp_path / "annotations" / "deep" / "boxes.json").write_text("{}")
    assert len(folder.load(tmp_path, TASK).train) == 16


def test_two_folders_of_one_split_are_refused(tmp_path):
    for split in ("train", "val", "valid"):
        write(tmp_path / split, count=1)
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has two folders for one split, val and valid; "
        "put their images into one, or move one of them out"
    )


def test_a_split_beside_class_folders_is_refused(tmp_path):
    write(tmp_path, ("bus", "test"))
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has test beside bus, but no folder train; "
        "if these are classes, put all class folders into a folder train"
    )
    (tmp_path / "train").mkdir()
    (tmp_path / "bus").rename(tmp_path / "train" / "bus")
    (tmp_path / "test").rename(tmp_path / "train" / "test")
    assert folder.load(tmp_path, TASK).class_names == ("bus", "test")


def test_a_test_split_without_classes_is_refused(tmp_path):
    write(tmp_path / "train")
    for number in range(3):
        write_image(tmp_path / "test" / f"{number}.jpg")
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path / 'test'} has images (3), but no class folder; without "
        "classes they cannot be used: move it out of the dataset"
    )


@pytest.mark.parametrize(
    "suffix", ["jpg", "JPEG", "jpe", "jfif", "png", "gif", "webp", "bmp", "tif", "tiff", "PPM"]
)
def test_images_with_common_extensions_are_read(tmp_path, suffix):
    for name in ("cat", "dog"):
        for number in range(5):
            write_image(tmp_path / name / f"{number}.{suffix}")
    bundle = folder.load(tmp_path, TASK)
    assert len(bundle.train) + len(bundle.test) == 10
    assert bundle.train[0][0].shape == (3, 7, 9)


def test_left_out_files_are_counted_and_named(tmp_path):
    write(tmp_path, count=5)
    for name in ("a.heic", "b.txt", "c", "d.svg"):
        (tmp_path / "cat" / name).write_text("text")
    os.symlink("nowhere.png", tmp_path / "dog" / "dangling.png")
    os.symlink("loop.png", tmp_path / "dog" / "loop.png")
    write_image(tmp_path / "dog" / "old.png" / "0.png")
    write_image(tmp_path / "cover.jpg")
    with pytest.warns(UserWarning, match="left out") as caught:
        bundle = folder.load(tmp_path, TASK)
    assert len(bundle.train) + len(bundle.test) == 10
    assert [str(warning.message) for warning in caught] == [
        "dataset 'folder': 1 file left out (beside the class folders): cover.jpg",
        "dataset 'folder': 4 files left out (no image extension): "
        "cat/a.heic, cat/b.txt, cat/c and 1 more",
        "dataset 'folder': 2 files left out (broken links): dog/dangling.png, dog/loop.png",
        "dataset 'folder': 1 file left out (in folders below the class folders): dog/old.png/0.png",
    ]


def test_links_to_images_and_to_folders_are_followed(tmp_path):
    write(tmp_path / "elsewhere", count=5)
    (tmp_path / "set").mkdir()
    for name in ("cat", "dog"):
        os.symlink(tmp_path / "elsewhere" / name, tmp_path / "set" / name)
    os.symlink(tmp_path / "elsewhere" / "cat" / "0.png", tmp_path / "elsewhere" / "dog" / "9.png")
    bundle = folder.load(tmp_path / "set", TASK)
    assert len(bundle.train) + len(bundle.test) == 11


def test_system_files_and_folders_are_ignored(tmp_path):
    write(tmp_path, count=5)
    write_image(tmp_path / "__MACOSX" / "cat" / "0.png")
    write_image(tmp_path / "@eaDir" / "0.png")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "cat" / name).write_bytes(b"x")
        (tmp_path / name).write_bytes(b"x")
    assert folder.load(tmp_path, TASK).class_names == ("cat", "dog")


def test_class_names_match_in_any_unicode_composition(tmp_path):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        write(tmp_path / split, [unicodedata.normalize(form, name) for name in ("été", "zoo")])
    bundle = folder.load(tmp_path, TASK)
    assert bundle.class_names == ("zoo", "été")
    assert torch.bincount(bundle.test.targets).tolist() == [10, 10]
    # Composed, its code points sort after those of zoo; decomposed, before.
    alone = tmp_path / "alone"
    for form in ("NFC", "NFD"):
        write(alone / form, [unicodedata.normalize(form, name) for name in ("été", "zoo")])
        assert folder.load(alone / form, TASK).class_names == ("zoo", "été")


def test_a_class_in_two_unicode_compositions_is_refused(tmp_path):
    write(tmp_path, [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")])
    assert message(tmp_path) == (
        f"{tmp_path} has the class café twice, 'cafe\\u0301' and 'caf\\xe9', which differ in "
        "Unicode normalisation only; put their images into one folder"
    )


@pytest.mark.parametrize(
    ("other", "shown"), [("Cat", "'Cat'"), ("cat ", "'cat '"), ("\uff43at", "'\\uff43at'")]
)
def test_similar_class_names_are_shown_with_escapes(tmp_path, other, shown):
    write(tmp_path / "train", ("cat", "dog"))
    write(tmp_path / "test", (other, "dog"))
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path / 'test'} lacks cat and has {other} in addition; "
        f"expected the class folders of the training split; {shown} is similar to 'cat' there: "
        "use the same name for both"
    )


def test_class_folders_a_level_deeper_are_hinted_at(tmp_path):
    write(tmp_path / "pets")
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has 1 class folders; {EXPECTED}; {tmp_path / 'pets'} has "
        "cat, dog; use that folder as --data"
    )


def test_a_class_without_test_images_is_named(tmp_path):
    write(tmp_path, ("cat",))
    write(tmp_path, ("dog",), count=1)
    with pytest.warns(UserWarning, match="too few images") as caught:
        bundle = folder.load(tmp_path, TASK)
    assert torch.bincount(bundle.test.targets, minlength=2).tolist() == [2, 0]
    assert [str(warning.message) for warning in caught] == [
        "dataset 'folder': these classes have too few images to test on a fifth of them: dog (1); "
        "add images, or a folder test beside a folder train"
    ]


def test_an_unreadable_folder_is_an_error(tmp_path, monkeypatch):
    write(tmp_path)
    listed = os.scandir

    def refuse(place):
        if str(place).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return listed(place)

    monkeypatch.setattr(os, "scandir", refuse)
    assert message(tmp_path) == f"{tmp_path / 'dog'} cannot be read: Permission denied"


def test_the_bundle_lists_all_files(tmp_path):
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        write(tmp_path / split, count=count)
    bundle = folder.load(tmp_path, TASK)
    assert sorted(bundle.files) == sorted(tmp_path.rglob("*.png"))
    assert bundle.files[-1] == bundle.files[len(bundle.files) - 1]
    with pytest.raises(IndexError):
        bundle.files[len(bundle.files)]


def test_a_class_name_that_is_not_utf_8_can_be_recorded(tmp_path):
    place = os.fsencode(tmp_path)
    for name in (b"caf\xe9", b"dog"):
        write(tmp_path, (os.fsdecode(name),), count=5)
        assert os.path.isdir(os.path.join(place, name))
    bundle = folder.load(tmp_path, TASK)
    assert bundle.class_names == ("caf\\xe9", "dog")
    assert bundle.train[0][0].shape[0] == 3


def test_a_class_called_train_is_not_mistaken_for_the_training_split(tmp_path):
    write(tmp_path, ("bus", "train"))
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has bus beside train, which is not a known split; "
        f"{SPLITS}: rename it, or move it out. If train is a class, put all class folders into "
        "a folder train"
    )


def test_images_outside_of_class_folders_are_counted(tmp_path):
    for number in range(3):
        write_image(tmp_path / "train" / f"{number}.png")
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path / 'train'} has 0 class folders; {EXPECTED}; "
        "images outside of class folders: 3"
    )


def test_a_class_whose_files_have_no_image_extension_is_an_error(tmp_path):
    write(tmp_path, ("cat",))
    file = tmp_path / "dog" / "0.heic"
    file.parent.mkdir()
    file.write_bytes(b"x")
    assert message(tmp_path) == (
        f"dataset 'folder': {tmp_path} has class folders without an image: dog "
        f"({file} does not have the extension of an image); add images, or remove them"
    )


@pytest.mark.parametrize("inside", ["", "folder", "train", "folder/Train"])
def test_sizes_of_training_images_are_read_without_decoding(tmp_path, inside):
    write(tmp_path / inside, count=3)
    if "rain" in inside:
        write_image(tmp_path / inside / ".." / "test" / "cat" / "0.png", (99, 99))
    (tmp_path / inside / "cat" / "notes.txt").write_text("no image")
    (tmp_path / inside / "cat" / "1.png").write_bytes(b"damaged")
    assert sorted(image_sizes.of_folder(tmp_path)) == [(9, 8), (9, 8), (9, 9), (9, 10), (9, 10)]


def test_sizes_are_read_of_evenly_spaced_images(tmp_path, monkeypatch):
    write(tmp_path, count=10)
    monkeypatch.setattr(image_sizes, "_DRAWN", 4)
    assert image_sizes.of_folder(tmp_path) == [(9, 8), (9, 13)] * 2


def test_there_are_no_sizes_without_images(tmp_path):
    assert image_sizes.of_folder(tmp_path) == []
    with pytest.raises(MissingDataError):
        image_sizes.of_folder(tmp_path / "absent")


def test_sizes_are_found_without_torch(tmp_path):
    write(tmp_path, count=1)
    code = (
        "import sys; from pathlib import Path\n"
        "from lemur_vision_cls.loaders.image_sizes import of_folder\n"
        f"print(of_folder(Path({str(tmp_path)!r})), {{'torch', 'numpy'}} & {{*sys.modules}})"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout == "[(9, 8), (9, 8)] set()\n"
