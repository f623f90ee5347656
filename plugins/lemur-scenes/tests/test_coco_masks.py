"""Reading of files in COCO's format, compared with pycocotools pixel for pixel."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from lemur_core.errors import PatternError
from lemur_core.kinds.loader import IGNORED
from lemur_scenes.coco.scenes import coco_scenes

from .coco_files import (
    CLASSES,
    CocoSet,
    composed,
    compressed,
    pixels,
    polygon,
    uncompressed,
    varied,
)


@pytest.fixture
def everything(tmp_path):
    return varied(tmp_path)


def read(dataset, task="img-segmentation", **options):
    return coco_scenes("toy", task, dataset.images, dataset.file, **options)


def ids(scenes):
    return scenes.annotations.image_ids[scenes.images].tolist()


def test_masks_are_those_of_pycocotools_pixel_for_pixel(everything):
    scenes, coco = read(everything), everything.coco()
    assert scenes.class_names[1:] == ("person", "bicycle", "car", "traffic light", "toothbrush")
    expected = [
        image
        for image in coco.getImgIds()
        if any(not item["iscrowd"] for item in coco.loadAnns(coco.getAnnIds(image)))
    ]
    assert ids(scenes) == expected
    assert len(expected) == 10
    seen = set()
    for (_, mask), image in zip(scenes, expected, strict=True):
        assert isinstance(mask, tv_tensors.Mask)
        assert mask.dtype == torch.int64
        reference = composed(coco, image)
        assert np.array_equal(mask.numpy(), reference)
        seen |= set(np.unique(reference).tolist())
    assert seen == {IGNORED, 0, 1, 2, 3, 4, 5}


def test_reading_twice_gives_the_same_samples(everything):
    for first, second in zip(read(everything), read(everything), strict=True):
        assert torch.equal(first[0], second[0])
        assert torch.equal(first[1], second[1])


def test_images_are_those_of_pillow_grey_ones_with_three_channels(everything):
    scenes = read(everything)
    for index, image in enumerate(ids(scenes)):
        name = everything.coco().loadImgs(image)[0]["file_name"]
        with Image.open(everything.images / name) as file:
            expected = np.array(file.convert("RGB")).transpose(2, 0, 1)
        assert scenes[index][0].dtype == torch.uint8
        assert np.array_equal(scenes[index][0].numpy(), expected)


def test_objects_are_those_of_the_file_and_their_masks_those_of_pycocotools(everything):
    scenes, coco = read(everything, "obj-detection", masks=True), everything.coco()
    for index, image in enumerate(ids(scenes)):
        items, target = coco.loadAnns(coco.getAnnIds(image)), scenes[index][1]
        size = coco.loadImgs(image)[0]
        corners = [
            [x, y, min(x + w, size["width"]), min(y + h, size["height"])]
            for x, y, w, h in (item["bbox"] for item in items)
        ]
        assert target["boxes"].tolist() == corners
        assert target["boxes"].canvas_size == (size["height"], size["width"])
        assert target["labels"].tolist() == [CLASSES[item["category_id"]] for item in items]
        assert target["area"].tolist() == [item["area"] for item in items]
        assert target["iscrowd"].tolist() == [item["iscrowd"] for item in items]
        assert target["image_id"] == image
        assert target["masks"].dtype == torch.uint8
        expected = np.stack([pixels(coco, item) for item in items])
        assert np.array_equal(target["masks"].numpy(), expected)
    types = {name: value.dtype for name, value in target.items() if name != "image_id"}
    assert types["boxes"] == types["area"] == torch.float32
    assert types["labels"] == types["iscrowd"] == torch.int64


def test_targets_for_detection_have_no_masks_by_default(everything):
    assert "masks" not in read(everything, "obj-detection")[0][1]


def test_an_image_with_only_a_crowd_or_nothing_is_left_out(everything):
    empty = [image["id"] for image in everything.document["images"][-2:]]
    for task in ("img-segmentation", "obj-detection"):
        scenes = read(everything, task)
        assert not set(empty) & set(ids(scenes))
        assert ids(scenes.left_out()) == empty


def test_an_image_with_only_a_crowd_or_nothing_can_be_included(everything):
    size = (30, 20)
    masks, objects = (
        read(everything, task, objects_only=False, masks=task == "obj-detection")
        for task in ("img-segmentation", "obj-detection")
    )
    assert ids(masks) == ids(objects) == everything.coco().getImgIds()
    assert masks[10][1].unique().tolist() == [0]
    assert masks[11][1].unique().tolist() == [IGNORED]
    nothing, crowd = objects[10][1], objects[11][1]
    shapes = {name: tuple(nothing[name].shape) for name in nothing if name != "image_id"}
    assert shapes == {
        "boxes": (0, 4),
        "labels": (0,),
        "area": (0,),
        "iscrowd": (0,),
        "masks": (0, *size),
    }
    assert nothing["boxes"].canvas_size == size
    assert crowd["iscrowd"].tolist() == [1]


def test_a_smaller_object_is_in_front_and_of_equal_sizes_the_later_one(tmp_path):
    dataset = CocoSet(tmp_path)
    image = dataset.image(10, 12)
    dataset.add(image, [polygon(2, 2, 4, 4)], 2)
    dataset.add(image, [polygon(0, 0, 8, 8)], 1)
    dataset.add(image, [polygon(2, 3, 4, 5)], 3)
    dataset.save()
    [(_, mask)] = read(dataset)
    assert mask[2:4, 2:6].tolist() == [[2, 3, 3, 1]] * 2
    assert int((mask == 1).sum()) == 64 - 6


def test_pixels_of_a_crowd_are_ignored_unless_they_belong_to_an_object(tmp_path):
    dataset = CocoSet(tmp_path)
    image = dataset.image(4, 6)
    crowd = np.zeros((4, 6))
    crowd[:, 1:4] = 1
    dataset.add(image, [polygon(1, 0, 3, 2)], 2)
    dataset.add(image, uncompressed(crowd), 1, crowd=1)
    dataset.add(image, uncompressed(np.ones((4, 6))), 3, crowd=1)
    dataset.save()
    # A crowd of a category that is not selected is background.
    [(_, mask)] = read(dataset, categories=["person", "bicycle"])
    beside, through = [0, *[IGNORED] * 3, 0, 0], [2, 2, IGNORED, IGNORED, 0, 0]
    assert mask.tolist() == [beside, through, through, beside]


def test_a_crowd_is_behind_a_larger_object(tmp_path):
    dataset = CocoSet(tmp_path)
    image = dataset.image(4, 6)
    crowd = np.zeros((4, 6))
    crowd[1, 2:6] = 1
    dataset.add(image, [polygon(0, 0, 4, 4)], 2)
    dataset.add(image, uncompressed(crowd), 1, crowd=1)
    dataset.save()
    [(_, mask)] = read(dataset)
    assert mask[1].tolist() == [2, 2, 2, 2, IGNORED, IGNORED]


def test_categories_are_selected_by_name_or_id_and_numbered_by_id(everything):
    scenes, coco = read(everything, categories=["traffic-light", "3"]), everything.coco()
    assert scenes.class_names == ("background", "car", "traffic light")
    assert scenes.conditions.classes.tolist() == [0, 0, 1, 2, 0]
    objects = coco.loadAnns(coco.getAnnIds(catIds=[3, 10], iscrowd=0))
    assert ids(scenes) == sorted({item["image_id"] for item in objects})
    for (_, mask), image in zip(scenes, ids(scenes), strict=True):
        assert np.array_equal(mask.numpy(), composed(coco, image, {3: 1, 10: 2}))


def test_a_number_that_is_the_name_of_one_category_and_the_id_of_another_is_refused(tmp_path):
    dataset = CocoSet(tmp_path, categories={1: "0", 2: "1", 7: "seven"})
    dataset.add(dataset.image(9, 9), [polygon(1, 1, 5, 5)], 2)
    dataset.add(3, [polygon(6, 6, 8, 8)], 1)
    dataset.save()
    with pytest.raises(PatternError) as caught:
        read(dataset, categories=["1"])
    assert str(caught.value) == (
        f"dataset 'toy': '1' can mean category 2 ('1') or category 1 ('0') of {dataset.file}; "
        "write id-2 or id-1, or rename a category"
    )
    assert read(dataset, categories=["id-1"]).class_names == ("background", "0")
    assert read(dataset, categories=["name-1"]).class_names == ("background", "1")
    # Integers are ids.
    assert read(dataset, categories=[1, 2]).class_names == ("background", "0", "1")
    assert read(dataset, categories=["0", "7"]).class_names == ("background", "0", "seven")


@pytest.mark.parametrize(
    ("typed", "first", "second"),
    [
        ("fish", "fish", "Fish"),
        ("FISH", "fish", "Fish"),
        ("traffic-light", "traffic light", "Traffic-Light"),
        ("traffic-light", "traffic_light", " traffic  light "),
        ("cafe\u0301", "caf\u00e9", "cafe\u0301"),
        ("fish", "fish", "fish"),
    ],
)
def test_equivalent_names_are_refused_with_both_ids(tmp_path, typed, first, second):
    dataset = CocoSet(tmp_path, categories={1: first, 2: "crab", 9: second})
    dataset.add(dataset.image(9, 9), [polygon(1, 1, 5, 5)], 1)
    dataset.add(dataset.image(9, 9), [polygon(1, 1, 5, 5)], 9)
    dataset.save()
    with pytest.raises(PatternError) as caught:
        read(dataset, categories=[typed])
    assert str(caught.value) == (
        f"dataset 'toy': {typed!r} can mean category 1 ({first!r}) or category 9 ({second!r}) of "
        f"{dataset.file}; write id-1 or id-9, or rename a category"
    )
    assert ids(read(dataset, categories=["9"])) == [10]
    assert len(read(dataset).class_names) == 4
    # Other categories can still be selected by name.
    with pytest.raises(PatternError, match="has an object of crab; select other"):
        read(dataset, categories=["crab"])


def test_images_with_too_few_pixels_of_objects_are_left_out(everything):
    coco = everything.coco()
    counts = {image: int((composed(coco, image) > 0).sum()) for image in ids(read(everything))}
    for least in sorted(counts.values()):
        expected = [image for image, count in counts.items() if count >= least]
        assert ids(read(everything, min_pixels=least)) == expected


def test_overlaps_are_counted_once(tmp_path):
    dataset = CocoSet(tmp_path)
    image = dataset.image(20, 20)
    dataset.add(image, [polygon(0, 0, 10, 10)], 1)
    dataset.add(image, [polygon(0, 5, 10, 15)], 2)
    dataset.add(dataset.image(20, 20), [polygon(0, 0, 20, 20)], 2)
    dataset.save()
    assert len(read(dataset, min_pixels=150)) == 2
    assert len(read(dataset, min_pixels=151)) == 1


@pytest.mark.parametrize("size", [(4, 0), (0, 4), (0, 0)])
def test_an_object_whose_box_has_no_area_is_only_left_out_of_detection(tmp_path, size):
    dataset = CocoSet(tmp_path)
    both, flat = dataset.image(20, 20), dataset.image(20, 20)
    dataset.add(both, [polygon(0, 0, 10, 10)], 1, box=[0, 0, 10, 10])
    dataset.add(both, [polygon(0, 5, 10, 15)], 2, box=[3, 3, *size])
    dataset.add(flat, [polygon(0, 5, 10, 15)], 2, box=[3, 3, *size])
    dataset.save()
    assert ids(read(dataset)) == [both, flat]
    left_out = f"dataset 'toy': left out 2 objects of {dataset.file} whose boxes have no width"
    with pytest.warns(UserWarning, match=re.escape(left_out)):
        [(_, target)] = read(dataset, "obj-detection", masks=True)
    assert target["boxes"].tolist() == [[0, 0, 10, 10]]
    assert target["labels"].tolist() == [1]
    assert target["masks"].shape == (1, 20, 20)


def test_objects_that_are_partly_outside_are_clipped(tmp_path):
    dataset = CocoSet(tmp_path)
    dataset.add(dataset.image(20, 30), [polygon(-4, -5, 10, 50)], 1, box=[-5, -4, 55, 14])
    dataset.save()
    [(_, mask)] = read(dataset)
    assert np.array_equal(mask.numpy(), composed(dataset.coco(), 3))
    [(_, target)] = read(dataset, "obj-detection")
    assert target["boxes"].tolist() == [[0, 0, 30, 10]]


def test_area_and_iscrowd_are_optional(tmp_path):
    dataset = CocoSet(tmp_path)
    dataset.add(dataset.image(20, 30), compressed(np.ones((20, 30))), 1, box=[2, 3, 4, 5])
    for name in ("area", "iscrowd"):
        del dataset.document["annotations"][0][name]
    dataset.save()
    [(_, target)] = read(dataset, "obj-detection")
    assert (target["area"].tolist(), target["iscrowd"].tolist()) == ([20.0], [0])


def test_masks_of_all_and_of_no_pixels(tmp_path):
    dataset = CocoSet(tmp_path)
    image = dataset.image(5, 7)
    for given in (uncompressed, compressed):
        for mask in (np.ones((5, 7)), np.zeros((5, 7)), np.eye(5, 7), np.eye(5, 7)[::-1]):
            dataset.add(image, given(mask), 1)
    dataset.save()
    [(_, target)] = read(dataset, "obj-detection", masks=True)
    coco = dataset.coco()
    for mask, annotation in zip(target["masks"], coco.loadAnns(coco.getAnnIds()), strict=True):
        assert np.array_equal(mask.numpy(), pixels(coco, annotation))
