"""The loader of COCO 2017."""

import functools
import json
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from lemur_core.errors import MissingDataError, PatternError
from lemur_core.restriction import Restriction
from lemur_core.train.restrict import restrict
from lemur_scenes.loaders import coco

from .coco_files import CATEGORIES, LEMURS, CocoSet, polygon, uncompressed, write_coco

SEGMENTATION, DETECTION = "img-segmentation", "obj-detection"


@pytest.fixture
def folder(tmp_path):
    write_coco(tmp_path)
    return tmp_path


@pytest.mark.parametrize("task", [SEGMENTATION, DETECTION])
def test_the_default_is_lemurs_five_categories_and_the_background(folder, task):
    bundle = coco.load(folder, task)
    assert (len(bundle.train), len(bundle.test), bundle.out_shape) == (5, 2, (6,))
    names = ("background", "person", "bicycle", "car", "motorcycle", "airplane")
    assert bundle.train.class_names == bundle.test.class_names == names
    assert bundle.normalisation.mean == (0.485, 0.456, 0.406)


def test_segmentation_requires_a_thousand_pixels_by_default(folder):
    dataset = CocoSet(folder / "coco", "annotations/instances_val2017.json", "val2017", CATEGORIES)
    dataset.document["categories"] = [{"id": i, "name": str(i)} for i in range(1, 6)]
    for rows in (25, 24):
        dataset.add(dataset.image(50, 60), [polygon(0, 0, rows, 40)], 1)
    dataset.save()
    other = folder / "coco" / "annotations" / "instances_train2017.json"
    other.write_bytes(dataset.file.read_bytes())
    for file in dataset.images.iterdir():
        shutil.copy(file, folder / "coco" / "train2017" / file.name)
    assert len(coco.load(folder, SEGMENTATION).train) == 1
    assert len(coco.load(folder, SEGMENTATION, min_pixels="960").train) == 2
    assert len(coco.load(folder, DETECTION).train) == 2
    # The test split is complete unless the option says otherwise.
    assert len(coco.load(folder, SEGMENTATION).test) == 2
    assert len(coco.load(folder, SEGMENTATION, objects_only="train+test").test) == 1


def write_split(folder, split, objects, nothing):
    """Write images with a person, then images with a car, a crowd or nothing."""
    name = f"annotations/instances_{split}.json"
    dataset = CocoSet(folder / "coco", name, split, LEMURS)
    for _ in range(objects):
        dataset.add(dataset.image(40, 50), [polygon(0, 0, 40, 40)], 1, box=[0, 0, 40, 40])
    for number in range(nothing):
        image = dataset.image(40, 50)
        if number % 3:
            crowd = number % 3 == 1
            mask = uncompressed(np.ones((40, 50))) if crowd else [polygon(0, 0, 40, 40)]
            dataset.add(image, mask, 1 if crowd else 3, crowd=int(crowd), box=[0, 0, 40, 40])
    dataset.save()
    return dataset


@pytest.fixture
def sparse(tmp_path):
    """Twenty training images with a person and ten without; four and six test images."""
    write_split(tmp_path, "train2017", 20, 10)
    write_split(tmp_path, "val2017", 4, 6)
    return tmp_path


@pytest.mark.parametrize("task", [SEGMENTATION, DETECTION])
@pytest.mark.parametrize(
    ("option", "lengths"),
    [({}, (18, 3, 10)), ({"objects_only": "train"}, (18, 3, 10))]
    + [({"objects_only": both}, (18, 2, 4)) for both in ("train+test", "test+train")]
    + [({"objects_only": "none"}, (27, 3, 10))],
)
def test_images_without_objects_are_scored_but_not_trained_on(sparse, task, option, lengths):
    bundle = coco.load(sparse, task, categories="person", **option).held_out()
    assert (len(bundle.train), len(bundle.validation), len(bundle.test)) == lengths
    if lengths[0] == 18 and task == DETECTION:
        counts = [int((target["iscrowd"] == 0).sum()) for _, target in bundle.train]
        assert min(counts) == 1


def test_a_subset_of_training_images_has_the_same_share_without_objects(sparse):
    whole = coco.load(sparse, DETECTION, categories="person")
    part = restrict(whole, Restriction(samples=10), "coco")
    assert (len(part.train), len(part.scored_only)) == (10, 5)
    held_out = part.held_out()
    assert (len(held_out.train), len(held_out.validation)) == (9, 2)
    assert held_out.scored_only is None


def test_a_test_split_without_objects_is_refused(tmp_path):
    write_split(tmp_path, "train2017", 3, 0)
    dataset = write_split(tmp_path, "val2017", 0, 2)
    with pytest.raises(PatternError) as caught:
        coco.load(tmp_path, DETECTION, categories="person")
    assert str(caught.value) == (
        f"dataset 'coco': no image of {dataset.file} has an object of person to train on or to "
        "score; crowds (iscrowd 1): 1; set iscrowd to 0 for single objects"
    )


@pytest.mark.parametrize("task", [SEGMENTATION, DETECTION])
def test_default_categories_that_do_not_exist_are_refused_with_the_existing_ones(folder, task):
    for split in ("train2017", "val2017"):
        file = folder / "coco" / "annotations" / f"instances_{split}.json"
        document = json.loads(file.read_text())
        document["categories"] = [{"id": 0, "name": "fish"}, {"id": 1, "name": "crab"}]
        for annotation in document["annotations"]:
            annotation["category_id"] %= 2
        file.write_text(json.dumps(document))
    with pytest.raises(PatternError) as caught:
        coco.load(folder, task)
    place = folder / "coco" / "annotations" / "instances_train2017.json"
    assert str(caught.value) == (
        f"dataset 'coco': its default categories are COCO's ids 1 to 5, but {place} has no id 2; "
        "it has 0 fish, 1 crab; select categories by names or ids, or all, with "
        "coco[categories=...]"
    )
    assert coco.load(folder, task, categories="all").out_shape == (3,)


def test_the_default_selects_ids_even_if_names_are_numbers(folder):
    for split in ("train2017", "val2017"):
        file = folder / "coco" / "annotations" / f"instances_{split}.json"
        document = json.loads(file.read_text())
        document["categories"] = [{"id": i, "name": str(i - 1)} for i in range(1, 11)]
        file.write_text(json.dumps(document))
    bundle = coco.load(folder, DETECTION)
    assert bundle.class_names == ("background", "0", "1", "2", "3", "4")


def test_options_select_categories_and_masks(folder):
    bundle = coco.load(folder, DETECTION, categories="bicycle+1", masks="yes")
    assert bundle.out_shape == (3,)
    assert bundle.train[0][1]["masks"].shape == (3, 50, 60)
    assert coco.load(folder, DETECTION, categories="all").out_shape == (6,)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        (SEGMENTATION, {"min_pixels": "few"}, "min-pixels is 'few'; expected 0 or more"),
        (SEGMENTATION, {"min_pixels": "9" * 10}, f"min-pixels is '{'9' * 10}'; expected 0 or more"),
        (DETECTION, {"min_pixels": "5"}, "min-pixels is for img-segmentation, not obj-detection"),
        (DETECTION, {"masks": "1"}, "masks is '1'; expected yes or no"),
        (SEGMENTATION, {"masks": "yes"}, "masks is for obj-detection, not img-segmentation"),
        (
            DETECTION,
            {"objects_only": "test"},
            "objects-only is 'test'; expected train, train+test or none",
        ),
        (DETECTION, {"categories": "cra"}, "unknown category 'cra'. Did you mean 'car'?"),
    ],
)
def test_an_invalid_option_is_refused(folder, task, options, message):
    with pytest.raises(PatternError) as caught:
        coco.load(folder, task, **options)
    assert str(caught.value) == f"dataset 'coco': {message}"


def test_missing_files_are_named(folder):
    shutil.rmtree(folder / "coco" / "train2017")
    (folder / "coco" / "annotations" / "instances_val2017.json").unlink()
    with pytest.raises(MissingDataError) as caught:
        coco.load(folder, DETECTION)
    assert str(caught.value) == (
        f"dataset 'coco': {folder / 'coco'} lacks train2017, "
        "annotations/instances_val2017.json; get it with --download, "
        "or say with --data where it is"
    )


def test_splits_with_different_categories_are_refused(folder):
    file = folder / "coco" / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text().replace("airplane", "aeroplane"))
    with pytest.raises(MissingDataError) as caught:
        coco.load(folder, DETECTION)
    assert str(caught.value) == (
        f"dataset 'coco': {file} is damaged: it has other categories than train2017; "
        "remove it and get it again"
    )


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def served(folder, monkeypatch):
    """Serve archives with the official names from this machine, without checksums."""
    for path, name in (
        ("annotations/annotations_trainval2017", "annotations"),
        ("zips/val2017", "val2017"),
        ("zips/train2017", "train2017"),
    ):
        shutil.make_archive(folder / "served" / path, "zip", folder / "coco", name)
    handler = functools.partial(Quiet, directory=folder / "served")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(coco, "URL", f"http://127.0.0.1:{server.server_port}")
        archives = {path: (content, None) for path, (content, _) in coco.ARCHIVES.items()}
        monkeypatch.setattr(coco, "ARCHIVES", archives)
        yield
        server.shutdown()


@pytest.mark.usefixtures("served")
def test_only_missing_files_are_downloaded(folder, tmp_path_factory):
    empty, fetched = tmp_path_factory.mktemp("data"), []
    coco.load.download(empty, lambda fetching: fetched.append(fetching.file))
    assert list(dict.fromkeys(fetched)) == [
        "annotations_trainval2017.zip",
        "val2017.zip",
        "train2017.zip",
    ]
    assert len(coco.load(empty, DETECTION).train) == 5
    assert not list((empty / "coco").glob("*.zip"))
    shutil.rmtree(empty / "coco" / "val2017")
    fetched.clear()
    coco.load.download(empty, lambda fetching: fetched.append(fetching.file))
    assert set(fetched) == {"val2017.zip"}
