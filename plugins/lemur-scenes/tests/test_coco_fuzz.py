"""Whatever a JSON file contains, its images are read or an error is named, without a traceback."""

import copy
import json
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemur_core.errors import LemurError
from lemur_scenes.coco.scenes import coco_scenes

from .coco_files import CocoSet, compressed, polygon, uncompressed

TEXT = st.text(st.sampled_from("\0\ud83d_/%'\"\\\n=01o") | st.characters(), max_size=6)
ODD = st.sampled_from(
    [2**63, -1, 0, 1.5, 1e30, float("nan"), float("inf"), True, None, [], {}, [[]], "\ud83d", ".."]
)
VALUES = st.recursive(
    ODD | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FUZZ = settings(max_examples=150, deadline=None, database=None)


def small():
    """Return a document and two images that use all parts of the format."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = CocoSet(Path(folder))
        for _ in range(2):
            image = dataset.image(9, 12)
            dataset.add(image, [polygon(1, 1, 8, 8)], 1)
            dataset.add(image, uncompressed(np.eye(9, 12)), 2)
            dataset.add(image, compressed(np.eye(9, 12)), 3, crowd=1)
        pictures = {file.name: file.read_bytes() for file in dataset.images.iterdir()}
        return dataset.document, pictures


DOCUMENT, PICTURES = small()


def places(value, path=()):
    """Yield the path to every value in a JSON document."""
    yield path
    if isinstance(value, dict | list):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(member, (*path, name))


PLACES = [path for path in places(DOCUMENT) if path]
CHANGES = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["put", "drop", "twice"]), VALUES),
    min_size=1,
    max_size=3,
)


def changed(changes):
    document = copy.deepcopy(DOCUMENT)
    for path, how, value in changes:
        parent = document
        try:
            for name in path[:-1]:
                parent = parent[name]
            if how == "put":
                parent[path[-1]] = value
            elif how == "drop":
                del parent[path[-1]]
            else:
                parent.append(copy.deepcopy(parent[path[-1]]))
        except (LookupError, TypeError, AttributeError):
            # An earlier change removed it.
            continue
    return json.dumps(document).encode()


@contextmanager
def one_line():
    """Suppress errors of one line that the user can fix."""
    try:
        yield
    except LemurError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than a line: {error}") from error


def read_all(content):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        for picture, pixels in PICTURES.items():
            (folder / "images" / picture).write_bytes(pixels)
        (folder / "a.json").write_bytes(content)
        for task, masks in (("img-segmentation", False), ("obj-detection", True)):
            with one_line(), warnings.catch_warnings(action="ignore"):
                scenes = coco_scenes("toy", task, folder / "images", folder / "a.json", masks=masks)
                for index in range(len(scenes)):
                    with one_line():
                        check(scenes[index][1], scenes)


def check(target, scenes):
    if isinstance(target, dict):
        boxes, (height, width) = target["boxes"], target["boxes"].canvas_size
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes >= 0).all()
        assert (boxes[:, 2] <= width).all()
        assert (boxes[:, 3] <= height).all()
        assert target["area"].isfinite().all()
        assert (target["labels"] > 0).all()
    else:
        assert int(target.max()) < len(scenes.class_names)


@given(CHANGES)
@FUZZ
def test_changes_of_a_document_do_not_raise_other_errors(changes):
    read_all(changed(changes))


@given(st.integers(0, 4000), st.binary(max_size=3), st.integers(0, 3))
@example(47, b"\\", 3)
@FUZZ
def test_changes_of_bytes_do_not_raise_other_errors(index, inserted, removed):
    whole = changed([])
    read_all(whole[:index] + inserted + whole[index + removed :])
