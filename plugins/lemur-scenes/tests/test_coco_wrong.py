"""Errors in files in COCO's format."""

import json

import numpy as np
import pytest

from lemur_core.errors import CorruptSampleError, MissingDataError, PatternError
from lemur_core.kinds.loader import DataBundle
from lemur_core.kinds.transform import Normalisation
from lemur_core.train.corrupt import find_corrupt, leave_out
from lemur_scenes.coco.scenes import coco_scenes

from .coco_files import CocoSet, compressed, polygon, uncompressed

WHOLE = np.ones((20, 30))
SEGMENTATION, DETECTION = "img-segmentation", "obj-detection"


@pytest.fixture
def dataset(tmp_path):
    """Two images with an object of category 1 each."""
    coco_set = CocoSet(tmp_path)
    for _ in range(2):
        coco_set.add(coco_set.image(20, 30), [polygon(2, 2, 10, 10)], 1)
    return coco_set


def read(dataset, task=SEGMENTATION, **options):
    return coco_scenes("toy", task, dataset.images, dataset.file, **options)


def errors(scenes):
    """Return the errors of the samples that cannot be read."""
    messages = []
    for index in range(len(scenes)):
        try:
            scenes[index]
        except CorruptSampleError as error:
            messages.append(str(error))
    return messages


MEND = "; repair or remove it, or leave out corrupt files with --skip-corrupt"
NAN, INFINITE = float("nan"), float("inf")

MASKS = [
    (None, "it has no segmentation"),
    ([], "its segmentation is []; expected polygons or RLE"),
    (3, "its segmentation is 3; expected polygons or RLE"),
    ([[]], "its polygon has 0 numbers; expected x, y of 3 points or more"),
    ([[1, 2, 3, 4]], "its polygon has 4 numbers; expected x, y of 3 points or more"),
    ([[1, 2, 3, 4, 5, 6, 7]], "its polygon has 7 numbers; expected x, y of 3 points or more"),
    ([["a"] * 6], f"its polygon is {['a'] * 6}; expected finite numbers"),
    ([[1, 2, 3, NAN, 5, 6]], "its polygon is [1, 2, 3, nan, 5, 6]; expected finite numbers"),
    ([[1, 2, INFINITE, 4, 5, 6]], "its polygon is [1, 2, inf, 4, 5, 6]; expected finite numbers"),
    ([polygon(2, 31, 10, 40)], "its polygon is outside the image of 30x20"),
    ([polygon(2, -9, 10, -1)], "its polygon is outside the image of 30x20"),
    ([polygon(2, 2, 10, 10), polygon(25, 2, 30, 10)], "its polygon is outside the image of 30x20"),
    ([polygon(2, 2, 10, 1e9)], "its polygon is outside the image of 30x20"),
    (uncompressed(WHOLE.T), "its RLE has size [30, 20]; expected [20, 30]"),
    (compressed(WHOLE[:10]), "its RLE has size [10, 30]; expected [20, 30]"),
    ({"counts": [600]}, "its RLE has size None; expected [20, 30]"),
    (
        {"size": [20, 30]},
        "its RLE has no counts; expected integers from 0, or a string",
    ),
    (
        {"size": [20, 30], "counts": [0, -600]},
        "its RLE has no counts; expected integers from 0, or a string",
    ),
    (
        {"size": [20, 30], "counts": [0, 599]},
        "its RLE counts 599 pixels; expected 600, no count below 0",
    ),
    (
        {"size": [20, 30], "counts": [0, 601]},
        "its RLE counts 601 pixels; expected 600, no count below 0",
    ),
    # By hand: 600 is 24, 18, 0 in groups of five bits, the lowest first. All but the last group
    # have the flag 32: "hb0".
    ({"size": [20, 30], "counts": "0h"}, "its RLE is truncated"),
    ({"size": [20, 30], "counts": ""}, "its RLE has invalid characters"),
    ({"size": [20, 30], "counts": "0é"}, "its RLE has invalid characters"),
    ({"size": [20, 30], "counts": "\ud800"}, "its RLE has invalid characters"),
    ({"size": [20, 30], "counts": "o" * 20 + "0"}, "its RLE has a count that is too large"),
]


@pytest.mark.parametrize(("given", "why"), MASKS)
def test_an_invalid_mask_is_named_if_masks_are_read(dataset, given, why):
    identity = dataset.add(3, given, 1)
    dataset.save()
    message = (
        f"{dataset.file}, annotation {identity} (of 000000000000.png) cannot be decoded: {why}"
    )
    assert errors(read(dataset)) == [message + MEND]
    assert errors(read(dataset, DETECTION, masks=True)) == [message + MEND]
    assert errors(read(dataset, DETECTION)) == []
    # Nor is it if its category is not selected.
    dataset.document["annotations"][-1]["category_id"] = 2
    dataset.save()
    assert errors(read(dataset, categories=["person"])) == []


def test_valid_compressed_counts_are_read(dataset):
    dataset.add(3, {"size": [20, 30], "counts": "0hb0"}, 2)
    dataset.save()
    assert errors(read(dataset)) == []


BOXES = [
    (None, "its bbox is None; expected 4 finite numbers"),
    ([1, 2, 3], "its bbox is [1, 2, 3]; expected 4 finite numbers"),
    ([1, 2, 3, "4"], "its bbox is [1, 2, 3, '4']; expected 4 finite numbers"),
    ([1, 2, NAN, 4], "its bbox is [1, 2, nan, 4]; expected 4 finite numbers"),
    ([1, 2, 3, INFINITE], "its bbox is [1, 2, 3, inf]; expected 4 finite numbers"),
    ([1, 2, 3, 10**400], f"its bbox is [1, 2, 3, 1{'0' * 46}...; expected 4 finite numbers"),
    ([1, 2, -3, 4], "its bbox is [1, 2, -3, 4]; expected no negative width or height"),
    ([31, 2, 3, 4], "its bbox is [31, 2, 3, 4], outside the image of 30x20"),
    ([-9, -8, 3, 4], "its bbox is [-9, -8, 3, 4], outside the image of 30x20"),
]


@pytest.mark.parametrize(("given", "why"), BOXES)
def test_an_invalid_box_is_named_if_boxes_are_read(dataset, given, why):
    identity = dataset.add(3, [polygon(2, 2, 10, 10)], 1)
    dataset.document["annotations"][-1]["bbox"] = given
    dataset.save()
    message = (
        f"{dataset.file}, annotation {identity} (of 000000000000.png) cannot be decoded: {why}"
    )
    assert errors(read(dataset, DETECTION)) == [message + MEND]
    assert errors(read(dataset)) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"category_id": 7}, "its category_id is 7, and there is no such category"),
        ({"category_id": "1"}, "its category_id is '1', a text; expected a whole number"),
        ({"category_id": None}, "its category_id is None, and there is no such category"),
        ({"iscrowd": 2}, "its iscrowd is 2; expected 0 or 1"),
        ({"iscrowd": [1]}, "its iscrowd is [1]; expected 0 or 1"),
    ],
)
@pytest.mark.parametrize("task", [SEGMENTATION, DETECTION])
def test_an_error_that_affects_both_tasks_is_named_in_both(dataset, more, why, task):
    identity = dataset.add(3, [polygon(2, 2, 10, 10)], 1)
    dataset.document["annotations"][-1] |= more
    dataset.save()
    message = (
        f"{dataset.file}, annotation {identity} (of 000000000000.png) cannot be decoded: {why}"
    )
    assert errors(read(dataset, task)) == [message + MEND]


@pytest.mark.parametrize(
    ("area", "why"),
    [
        (-1, "its area is -1; expected a finite number from 0"),
        (NAN, "its area is nan; expected a finite number from 0"),
        ("12", "its area is '12'; expected a finite number from 0"),
    ],
)
def test_an_invalid_area_is_named(dataset, area, why):
    identity = dataset.add(3, [polygon(2, 2, 10, 10)], 1, area=area)
    dataset.save()
    message = (
        f"{dataset.file}, annotation {identity} (of 000000000000.png) cannot be decoded: {why}"
    )
    assert errors(read(dataset, DETECTION)) == [message + MEND]


@pytest.mark.parametrize(
    ("change", "where", "why"),
    [
        (
            lambda made: made["annotations"][0].update(image_id=99),
            "annotation 100",
            "its image_id is 99, and there is no such image",
        ),
        (
            lambda made: made["annotations"].append("x"),
            "its annotation 2, counted from 0",
            "it is not an object",
        ),
        (lambda made: made["images"].append({}), "its image 2, counted from 0", "it has no id"),
        (
            lambda made: made["images"].append({"id": "5"}),
            "its image 2, counted from 0",
            "its id is '5', a text; expected a whole number from 0",
        ),
        (
            lambda made: made["images"].append({"id": -5}),
            "its image 2, counted from 0",
            "its id is -5, below 0; expected a whole number from 0",
        ),
        (
            lambda made: made["annotations"][0].update(image_id="3"),
            "annotation 100",
            "its image_id is '3', a text; expected a whole number",
        ),
        (
            lambda made: made["images"].append(made["images"][0]),
            "image 3",
            "it occurs twice",
        ),
        (
            lambda made: made["images"].append({"id": 4, "height": 3, "width": 4}),
            "image 4",
            "it has no file_name",
        ),
        (
            lambda made: made["images"].append({"id": 4, "file_name": "a", "height": -3}),
            "image 4 (of a)",
            "its height and width are (-3, None); expected two numbers of pixels",
        ),
    ],
)
def test_an_error_that_belongs_to_no_image_is_named_and_counted(dataset, change, where, why):
    change(dataset.document)
    dataset.save()
    for task in (SEGMENTATION, DETECTION):
        assert errors(read(dataset, task)) == [
            f"{dataset.file}, {where} cannot be decoded: {why}{MEND}"
        ]


def test_a_missing_or_invalid_image_or_one_of_another_size_is_named(dataset):
    for _ in range(2):
        dataset.add(dataset.image(20, 30), [polygon(2, 2, 10, 10)], 1)
    dataset.save()
    files = sorted(dataset.images.iterdir())
    files[0].unlink()
    files[1].write_text("no image")
    files[2].write_bytes(files[2].read_bytes()[:200])
    dataset.document["images"][3].update(height=30, width=20)
    dataset.save()
    gone, text, cut, turned = errors(read(dataset))
    assert gone == (
        f"{files[0]} cannot be decoded: it does not exist, but instances.json names it{MEND}"
    )
    assert text == f"{files[1]} cannot be decoded: it is not an image of a known format{MEND}"
    assert cut.startswith(f"{files[2]} cannot be decoded: ")
    assert turned == (
        f"{files[3]} cannot be decoded: it is 30x20 pixels; instances.json says 20x30{MEND}"
    )


def test_corrupt_samples_can_be_left_out_and_counted(dataset):
    for _ in range(3):
        dataset.add(dataset.image(20, 30), [polygon(2, 2, 10, 10)], 1)
    bad = dataset.add(10, [[1, 2, 3]], 1)
    dataset.save()
    (dataset.images / "000000000002.png").unlink()
    whole = read(dataset)
    reports = []
    bundle = DataBundle(whole, whole, (6,), 0.1, Normalisation((0.5,) * 3, (0.2,) * 3))
    intact = leave_out(bundle, find_corrupt(bundle, "toy", reports.append))
    assert len(intact.train) == 3
    assert all(intact.train[index] for index in range(3))
    named = [
        f"{dataset.file}, annotation {bad} (of 000000000001.png)",
        f"{dataset.images / '000000000002.png'}",
    ]
    # Of both splits, which are the same here.
    assert reports == [
        f"dataset 'toy': 4 files cannot be decoded, left out: {named[0]}, {named[1]}, {named[0]}"
        " and 1 more"
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"images": [', "it is not JSON: Expecting value: line 1 column 13 (char 12)"),
        (b"[]", "it has no list 'images'"),
        (b'{"images": [], "categories": []}', "it has no list 'annotations'"),
        (b'{"images": [], "annotations": 3}', "it has no list 'annotations'"),
    ],
)
def test_a_json_file_of_another_format_is_refused(dataset, content, why):
    dataset.file.write_bytes(content)
    with pytest.raises(MissingDataError) as caught:
        read(dataset)
    assert str(caught.value) == (
        f"dataset 'toy': {dataset.file} is damaged: {why}; remove it and get it again"
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([{"name": "a"}], "its category 'a' has no id; expected a whole number"),
        ([{"id": 1}], "its category 0, counted from 0, has no name"),
        (["a"], "its category 0, counted from 0, has no name"),
        (
            [{"id": "1", "name": "a"}],
            "its category 'a' has the id '1', a text; expected a whole number",
        ),
        (
            [{"id": 2.0, "name": "a"}],
            "its category 'a' has the id 2.0, a number with a decimal point; "
            "expected a whole number",
        ),
        (
            [{"id": True, "name": "a"}],
            "its category 'a' has the id True, a truth value; expected a whole number",
        ),
        (
            [{"id": 2**63, "name": "a"}],
            f"its category 'a' has the id {2**63}, too large; expected a whole number",
        ),
        (
            [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}],
            "its categories 'a' and 'b' have the same id, 1; give them different ids",
        ),
    ],
)
def test_a_category_without_a_unique_id_is_named(dataset, given, why):
    dataset.document["categories"] = given
    dataset.save()
    with pytest.raises(MissingDataError) as caught:
        read(dataset)
    assert str(caught.value) == f"dataset 'toy': {dataset.file} cannot be used: {why}"


@pytest.mark.parametrize(
    ("way", "shown"),
    [
        (str, "'3', a text"),
        (float, "3.0, a number with a decimal point"),
        (lambda own: [own], "[3], a list"),
        (lambda own: 2**63 + own, f"{2**63 + 3}, too large"),
    ],
)
def test_ids_that_all_have_a_wrong_type_are_refused_before_anything_is_read(dataset, way, shown):
    for image in dataset.document["images"]:
        image["id"] = way(image["id"])
    dataset.save()
    with pytest.raises(MissingDataError) as caught:
        read(dataset)
    assert str(caught.value) == (
        f"dataset 'toy': {dataset.file} cannot be used: each id of its images is like {shown}; "
        "expected whole numbers for all ids"
    )


@pytest.mark.parametrize("name", ["image_id", "category_id"])
def test_ids_that_are_strings_in_all_annotations_are_refused(dataset, name):
    for annotation in dataset.document["annotations"]:
        annotation[name] = str(annotation[name])
    shown = dataset.document["annotations"][0][name]
    dataset.save()
    with pytest.raises(MissingDataError) as caught:
        read(dataset)
    assert str(caught.value) == (
        f"dataset 'toy': {dataset.file} cannot be used: each {name} of its annotations is like "
        f"{shown!r}, a text; expected whole numbers for all ids"
    )


def test_ids_of_annotations_may_repeat_but_copies_are_named(dataset):
    for annotation in dataset.document["annotations"]:
        annotation["id"] = 1
    dataset.save()
    assert errors(read(dataset)) == []
    dataset.document["annotations"].append(dict(dataset.document["annotations"][0]))
    dataset.save()
    assert errors(read(dataset)) == [
        f"{dataset.file}, annotation 1 (of 000000000000.png) cannot be decoded: it occurs twice"
        + MEND
    ]


def test_files_with_only_crowds_or_boxes_without_area_are_refused(dataset):
    for annotation in dataset.document["annotations"]:
        annotation["iscrowd"] = 1
    dataset.save()
    start = f"dataset 'toy': no image of {dataset.file} has an object of person to train on or "
    start += "to score; crowds (iscrowd 1): "
    mend = "set iscrowd to 0 for single objects"
    for objects_only in (True, False):
        with pytest.raises(PatternError) as caught:
            read(dataset, categories=["person"], objects_only=objects_only)
        assert str(caught.value) == f"{start}2; {mend}"
    dataset.document["annotations"][0] |= {"bbox": [1, 2, 0, 4]}
    dataset.save()
    with pytest.raises(PatternError) as caught:
        read(dataset, DETECTION, categories=["person"])
    assert str(caught.value) == (
        f"{start}1, boxes without area: 1; {mend}, give each bbox as x, y, width and height"
    )


def test_a_file_whose_name_differs_in_case_or_extension_is_named(dataset):
    dataset.save()
    file = sorted(dataset.images.iterdir())[0]
    file.rename(file.with_suffix(".PNG"))
    [message] = errors(read(dataset))
    assert message == (
        f"{file} cannot be decoded: it does not exist, but instances.json names it; "
        f"000000000000.PNG exists{MEND}"
    )


def test_images_may_be_in_subfolders(dataset):
    (dataset.images / "a").mkdir()
    (dataset.images / "000000000000.png").rename(dataset.images / "a" / "0.png")
    dataset.document["images"][0]["file_name"] = "a/0.png"
    dataset.save()
    assert errors(read(dataset)) == []


def test_a_truncated_json_file_is_refused(dataset):
    whole = dataset.save().read_bytes()
    for end in range(0, len(whole) - 1, 37):
        dataset.file.write_bytes(whole[:end])
        with pytest.raises(MissingDataError, match="is damaged: it is not JSON: "):
            read(dataset)


def test_an_empty_selection_is_refused_before_anything_is_read(dataset):
    dataset.save()
    with pytest.raises(PatternError) as caught:
        read(dataset, categories=["car", "90"])
    assert str(caught.value) == (
        f"dataset 'toy': no image of {dataset.file} has an object of car, toothbrush; select other "
        "categories"
    )
    with pytest.raises(PatternError) as caught:
        read(dataset, min_pixels=65)
    assert str(caught.value) == (
        f"dataset 'toy': no image of {dataset.file} has an object of person, bicycle, car, "
        "traffic light, toothbrush and 65 pixels of objects; select other categories or fewer "
        "pixels"
    )
    assert len(read(dataset, min_pixels=64)) == 2


def test_an_empty_json_file_is_an_empty_selection(dataset):
    dataset.file.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    with pytest.raises(PatternError, match="has an object of "):
        read(dataset)


def test_an_unknown_category_gets_near_matches(dataset):
    dataset.save()
    with pytest.raises(PatternError) as caught:
        read(dataset, categories=["persn"])
    assert str(caught.value) == "dataset 'toy': unknown category 'persn'. Did you mean 'person'?"
    with pytest.raises(PatternError) as caught:
        read(dataset, categories=["4"])
    assert str(caught.value) == (
        "dataset 'toy': unknown category '4'; "
        "there are person, bicycle, car, traffic-light, toothbrush"
    )
