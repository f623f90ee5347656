"""COCO 2017 as its loader gives it."""

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lemur_core.errors import MissingDataError, PatternError
from lemur_scenes.loaders import coco

from .coco_files import CATEGORIES, CocoSet, polygon, write_coco

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


def test_a_thousand_pixels_are_asked_for_in_segmentation_where_nothing_is_said(folder):
    one = CocoSet(folder / "coco", "annotations/instances_val2017.json", "val2017", CATEGORIES)
    one.document["categories"] = [{"id": one, "name": str(one)} for one in range(1, 6)]
    for rows in (25, 24):
        one.add(one.image(50, 60), [polygon(0, 0, rows, 40)], 1)
    one.save()
    other = folder / "coco" / "annotations" / "instances_train2017.json"
    other.write_bytes(one.file.read_bytes())
    for file in one.images.iterdir():
        shutil.copy(file, folder / "coco" / "train2017" / file.name)
    assert len(coco.load(folder, SEGMENTATION).test) == 1
    assert len(coco.load(folder, SEGMENTATION, min_pixels="960").test) == 2
    assert len(coco.load(folder, DETECTION).test) == 2


def test_options_choose_categories_and_masks(folder):
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
        (DETECTION, {"categories": "cra"}, "unknown category 'cra'. Did you mean 'car'?"),
    ],
)
def test_an_option_that_means_nothing_is_said(folder, task, options, message):
    with pytest.raises(PatternError) as caught:
        coco.load(folder, task, **options)
    assert str(caught.value) == f"data set 'coco': {message}"


def test_what_is_missing_is_named(folder):
    shutil.rmtree(folder / "coco" / "train2017")
    (folder / "coco" / "annotations" / "instances_val2017.json").unlink()
    with pytest.raises(MissingDataError) as caught:
        coco.load(folder, DETECTION)
    assert str(caught.value) == (
        f"data set 'coco': {folder / 'coco'} lacks train2017, "
        "annotations/instances_val2017.json; get it with --download, "
        "or say with --data where it is"
    )


def test_splits_of_different_categories_are_said(folder):
    file = folder / "coco" / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text().replace("airplane", "aeroplane"))
    with pytest.raises(MissingDataError) as caught:
        coco.load(folder, DETECTION)
    assert str(caught.value) == (
        f"data set 'coco': {file} is damaged: it has other categories than train2017; "
        "remove it and get it again"
    )


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def served(folder, monkeypatch):
    """The official archives, on a server of this machine; their checksums are others."""
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
        archives = {path: (brings, None) for path, (brings, _) in coco.ARCHIVES.items()}
        monkeypatch.setattr(coco, "ARCHIVES", archives)
        yield
        server.shutdown()


@pytest.mark.usefixtures("served")
def test_what_is_missing_is_fetched_and_nothing_else(folder, tmp_path_factory):
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
