"""Photographs of 16 bits or with an EXIF orientation are read in the same way in all datasets."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from lemur_core.errors import CorruptSampleError
from lemur_scenes.loaders import coco, pet, voc

from .coco_files import write_coco
from .official import write_pets, write_voc

SEGMENTATION, DETECTION = "img-segmentation", "obj-detection"


def coco_photograph(folder):
    write_coco(folder)
    return folder / "coco" / "train2017" / f"{0:012}.jpg"


def voc_photograph(folder):
    return write_voc(folder) / "JPEGImages" / "2012_train_0.jpg"


def pet_photograph(folder):
    return write_pets(folder) / "images" / "Maine_Coon_0.jpg"


SETS = [
    (coco.load, coco_photograph, SEGMENTATION),
    (coco.load, coco_photograph, DETECTION),
    (voc.load, voc_photograph, SEGMENTATION),
    (voc.load, voc_photograph, DETECTION),
    (pet.load, pet_photograph, SEGMENTATION),
]


def turned(file, orientation):
    """Set the EXIF orientation of a photograph without changing its stored pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(file) as image:
        image.save(file, exif=exif, quality=95, subsampling=0)


@pytest.mark.parametrize(("load", "write", "task"), SETS)
def test_a_photograph_of_16_bits_is_scaled_by_their_range(tmp_path, load, write, task):
    file = write(tmp_path)
    with Image.open(file) as image:
        width, height = image.size
    values = np.random.default_rng(0).integers(0, 65536, (height, width), dtype=np.uint16)
    Image.fromarray(values).save(file, "PNG")
    image, _ = load(tmp_path, task).train[0]
    # 65535 is 257 times 255.
    expected = np.floor(values / 257 + 0.5)
    assert np.array_equal(image, np.stack([expected] * 3))


@pytest.mark.parametrize(("load", "write", "task"), SETS)
def test_an_orientation_that_keeps_the_size_is_applied(tmp_path, load, write, task):
    file = write(tmp_path)
    before, _ = load(tmp_path, task).train[0]
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(before.permute(1, 2, 0).numpy()).save(file, "PNG", exif=exif)
    image, _ = load(tmp_path, task).train[0]
    assert torch.equal(image, before.rot90(2, (1, 2)))


@pytest.mark.parametrize(("load", "write", "task"), SETS)
def test_annotations_of_a_photograph_before_rotation_are_refused(tmp_path, load, write, task):
    file = write(tmp_path)
    turned(file, 6)
    with pytest.raises(CorruptSampleError) as caught:
        load(tmp_path, task).train[0]
    assert "upright by its EXIF orientation" in caught.value.reason
    assert "remove the orientation" in caught.value.reason
    assert "\n" not in str(caught.value)


def test_annotations_of_the_upright_photograph_are_accepted(tmp_path):
    file = coco_photograph(tmp_path)
    with Image.open(file) as image:
        width, height = image.size
        stored = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored.save(file, exif=exif, quality=95)
    image, target = coco.load(tmp_path, DETECTION).train[0]
    assert image.shape == (3, height, width)
    assert target["boxes"].canvas_size == (height, width)


def test_a_mask_is_rotated_by_its_own_orientation(tmp_path):
    place = write_pets(tmp_path)
    mask = place / "annotations" / "trimaps" / "Maine_Coon_0.png"
    _, before = pet.load(tmp_path, SEGMENTATION).train[0]
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(mask) as image:
        values = np.array(image)
    Image.fromarray(values).save(mask, exif=exif)
    _, after = pet.load(tmp_path, SEGMENTATION).train[0]
    assert torch.equal(after, before.rot90(2, (0, 1)))


@pytest.mark.parametrize("size", ["", "<size><width>0</width></size>", "<size>x</size>"])
def test_a_missing_or_invalid_size_in_xml_is_ignored(tmp_path, size):
    place = write_voc(tmp_path)
    file = place / "Annotations" / "2012_train_0.xml"
    text = file.read_text()
    file.write_text(text.replace("<size><width>40</width><height>30</height></size>", size))
    assert size in file.read_text()
    assert len(voc.load(tmp_path, DETECTION).train[0][1]["boxes"]) == 2


def test_a_json_file_with_the_size_before_rotation_is_named(tmp_path):
    file = coco_photograph(tmp_path)
    turned(file, 8)
    document = json.loads((tmp_path / "coco/annotations/instances_train2017.json").read_text())
    width, height = document["images"][0]["width"], document["images"][0]["height"]
    with pytest.raises(CorruptSampleError) as caught:
        coco.load(tmp_path, DETECTION).train[0]
    assert caught.value.reason == (
        f"it is {height}x{width} pixels, turned upright by its EXIF orientation; "
        f"instances_train2017.json says {width}x{height}, its size before: "
        "remove the orientation, or annotate the upright image"
    )


def kinds(files):
    return sorted({file.suffix for file in files})


@pytest.mark.parametrize(
    ("load", "write", "task", "suffixes", "count"),
    [
        (coco.load, coco_photograph, SEGMENTATION, [".jpg", ".json"], 5 + 2 + 2),
        (coco.load, coco_photograph, DETECTION, [".jpg", ".json"], 5 + 2 + 2),
        (voc.load, voc_photograph, SEGMENTATION, [".jpg", ".png", ".txt"], 8 + 8 + 2),
        (voc.load, voc_photograph, DETECTION, [".jpg", ".txt", ".xml"], 8 + 8 + 2),
        (pet.load, pet_photograph, SEGMENTATION, [".jpg", ".png", ".txt"], 8 + 8 + 2),
    ],
)
def test_files_of_images_and_labels_are_named(tmp_path, load, write, task, suffixes, count):
    write(tmp_path)
    files = load(tmp_path, task).files
    assert len(set(files)) == len(files) == count
    assert kinds(files) == suffixes
    assert all(file.is_file() for file in files)


def test_a_missing_image_is_not_among_the_files_of_a_bundle(tmp_path):
    file = coco_photograph(tmp_path)
    file.unlink()
    bundle = coco.load(tmp_path, DETECTION)
    assert file not in bundle.files
    with pytest.raises(CorruptSampleError, match="it does not exist"):
        bundle.train[0]
