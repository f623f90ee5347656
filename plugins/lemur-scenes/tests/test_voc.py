"""The loader of Pascal VOC 2012."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import VOCDetection, VOCSegmentation
from torchvision.datasets.voc import DATASET_YEAR_DICT

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.kinds.loader import IGNORED
from lemur_scenes.loaders import voc

from .official import VOC, write_photograph, write_voc, write_voc_mask, write_voc_objects

SEGMENTATION, DETECTION = "img-segmentation", "obj-detection"


@pytest.fixture
def place(tmp_path):
    return write_voc(tmp_path)


def load(tmp_path, task):
    return voc.load(tmp_path, task)


def test_images_and_masks_are_those_of_torchvision(tmp_path, place):
    bundle = load(tmp_path, SEGMENTATION)
    for samples, split in ((bundle.train, "train"), (bundle.test, "val")):
        reference = VOCSegmentation(tmp_path, "2012", split)
        assert len(samples) == len(reference) == 4
        for index in range(4):
            image, mask = samples[index]
            photograph, values = map(np.array, reference[index])
            assert np.array_equal(image.permute(1, 2, 0), photograph)
            assert np.array_equal(mask, np.where(values == 255, IGNORED, values.astype(int)))
    assert mask.unique().tolist() == [IGNORED, 0, 1, 15, 20]
    assert bundle.out_shape == (21,)


def test_boxes_are_counted_from_0_and_include_their_last_pixel(tmp_path, place):
    bundle = load(tmp_path, DETECTION)
    assert bundle.out_shape == (21,)
    image, target = bundle.test[1]
    assert np.array_equal(image.permute(1, 2, 0), VOCDetection(tmp_path, "2012", "val")[1][0])
    assert target["boxes"].tolist() == [[0.0, 0.0, 40.0, 30.0], [4.5, 5.0, 20.0, 16.0]]
    assert target["boxes"].canvas_size == (30, 40)
    assert target["labels"].tolist() == [15, 20]
    assert target["area"].tolist() == [1200.0, 15.5 * 11]
    assert target["image_id"] == 1
    kinds = [target[name].dtype for name in ("boxes", "labels", "area", "iscrowd")]
    assert kinds == [torch.float32, torch.int64, torch.float32, torch.int64]


def test_difficult_objects_are_crowds(tmp_path, place):
    assert load(tmp_path, DETECTION).train[0][1]["iscrowd"].tolist() == [0, 1]


def test_an_image_without_objects_has_empty_targets(tmp_path, place):
    write_voc_objects(place / "Annotations" / "2012_train_0.xml", [])
    target = load(tmp_path, DETECTION).train[0][1]
    assert target["boxes"].shape == (0, 4)
    assert [len(target[name]) for name in ("labels", "area", "iscrowd")] == [0, 0, 0]


def test_boxes_are_clipped_to_the_image(tmp_path, place):
    write_voc_objects(place / "Annotations" / "2012_train_0.xml", [("cat", (0, -3, 45, 12), 0)])
    target = load(tmp_path, DETECTION).train[0][1]
    assert target["boxes"].tolist() == [[0.0, 0.0, 40.0, 12.0]]
    assert target["area"].tolist() == [480.0]


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ([("dragon", (1, 1, 9, 9), 0)], "its object 'dragon' is none of VOC's 20 classes"),
        ([("cat", (9, 1, 8, 9), 0)], "the box of its 'cat', 9, 1, 8, 9, is empty in an image"),
        ([("cat", (50, 1, 60, 9), 0)], "the box of its 'cat', 50, 1, 60, 9, is empty in an image"),
        ([("cat", (1, 1, "inf", 9), 0)], "the box of its 'cat', 1, 1, inf, 9, is not finite"),
        ([("cat", (1, 1, "", 9), 0)], "the box of its 'cat', 1, 1, None, 9, is not four numbers"),
    ],
)
def test_an_invalid_object_is_named_with_its_file(tmp_path, place, objects, reason):
    file = place / "Annotations" / "2012_train_0.xml"
    write_voc_objects(file, objects)
    with pytest.raises(CorruptSampleError) as caught:
        load(tmp_path, DETECTION).train[0]
    assert str(caught.value).startswith(f"{file} cannot be decoded: {reason}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotation><object>", "no element found: line 1, column 20"),
        ("", "no element found: line 1, column 0"),
        ("<html><p>gone</p></html>", "its root is 'html'; expected 'annotation'"),
        ("<annotation/>", "its root is 'annotation'; expected 'annotation'"),
        ("<annotation><object>x</object></annotation>", "one of its objects is empty"),
        (
            "<annotation><object><name>cat</name></object></annotation>",
            "the box of its 'cat', None, None, None, None, is not four numbers",
        ),
    ],
)
def test_damaged_xml_is_an_error_of_one_line(tmp_path, place, text, reason):
    file = place / "Annotations" / "2012_train_0.xml"
    file.write_text(text)
    with pytest.raises(CorruptSampleError) as caught:
        load(tmp_path, DETECTION).train[0]
    assert (caught.value.file, caught.value.reason) == (str(file), reason)


def damaged_mask(file):
    file.write_bytes(file.read_bytes()[:120])


def large_mask(file):
    write_voc_mask(file, np.zeros((31, 40), np.uint8))


def foreign_value(file):
    write_voc_mask(file, np.full((30, 40), 21, np.uint8))


def coloured_mask(file):
    Image.new("RGB", (40, 30)).save(file)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (damaged_mask, ""),
        (large_mask, "it is 40x31 pixels, its image 40x30"),
        (foreign_value, "its value 21 is no class"),
        (coloured_mask, "its mode is 'RGB'; expected 'P' or 'L'"),
        (lambda file: file.write_bytes(b"text"), "it is not an image of a known format"),
    ],
)
def test_an_invalid_mask_is_an_error_of_one_line(tmp_path, place, harm, reason):
    file = place / "SegmentationClass" / "2012_train_0.png"
    harm(file)
    with pytest.raises(CorruptSampleError) as caught:
        load(tmp_path, SEGMENTATION).train[0]
    assert caught.value.file == str(file)
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", [SEGMENTATION, DETECTION])
def test_a_damaged_photograph_is_named(tmp_path, place, task):
    file = place / "JPEGImages" / "2012_train_0.jpg"
    file.write_bytes(file.read_bytes()[:400])
    with pytest.raises(CorruptSampleError, match="2012_train_0.jpg cannot be decoded"):
        load(tmp_path, task).train[0]


@pytest.mark.parametrize(
    ("task", "lost"),
    [
        (SEGMENTATION, "JPEGImages/2012_val_0.jpg"),
        (SEGMENTATION, "SegmentationClass/2012_val_0.png"),
        (DETECTION, "Annotations/2012_val_0.xml"),
    ],
)
def test_a_missing_file_is_named(tmp_path, place, task, lost):
    (place / lost).unlink()
    with pytest.raises(MissingDataError) as caught:
        load(tmp_path, task).test[0]
    assert str(caught.value) == f"{place / lost} cannot be read: No such file or directory"


@pytest.mark.parametrize("task", [SEGMENTATION, DETECTION])
def test_missing_folders_are_all_named(tmp_path, task):
    with pytest.raises(MissingDataError) as caught:
        load(tmp_path, task)
    lists, targets = voc.SETS[task]
    assert str(caught.value) == (
        f"dataset 'voc-2012': {tmp_path / VOC} lacks JPEGImages, {targets}, "
        f"ImageSets/{lists}/train.txt, ImageSets/{lists}/val.txt; get it with --download, "
        "or say with --data where it is"
    )


def test_an_empty_list_is_refused_before_training(tmp_path, place):
    file = place / "ImageSets" / "Main" / "train.txt"
    file.write_text("\n")
    with pytest.raises(MissingDataError) as caught:
        load(tmp_path, DETECTION)
    assert str(caught.value) == (
        f"dataset 'voc-2012': {file} is damaged: it lists no image; remove it and get it again"
    )


def test_each_task_only_needs_its_own_files(tmp_path, place):
    (place / "ImageSets" / "Main" / "val.txt").unlink()
    assert len(load(tmp_path, SEGMENTATION).test) == 4


def test_the_archive_is_checked_by_the_md5_of_torchvision(tmp_path, monkeypatch):
    fetched = []
    monkeypatch.setattr(voc, "fetch_archive", lambda url, to, **how: fetched.append((url, to, how)))
    voc.load.download(tmp_path, print)
    archive = DATASET_YEAR_DICT["2012"]
    assert fetched == [(archive["url"], tmp_path, {"md5": archive["md5"], "progress": print})]
    assert len(archive["md5"]) == len(hashlib.md5(b"").hexdigest())


def test_grey_photographs_have_three_channels(tmp_path, place):
    file = place / "JPEGImages" / "2012_train_0.jpg"
    write_photograph(file, np.random.default_rng(0))
    Image.open(file).convert("L").save(file)
    image, _ = load(tmp_path, DETECTION).train[0]
    assert image.shape == (3, 30, 40)
    assert torch.equal(image[0], image[1])
