"""Scenes of digits are drawn once, are identical everywhere, and have correct annotations."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from sklearn.datasets import load_digits

from lemur_core.errors import MissingDataError, PatternError
from lemur_scenes.drawing.cache import cached_folder
from lemur_scenes.drawing.coco_files import VERSION, write_scenes
from lemur_scenes.drawing.enlarging import ENLARGED, enlarge
from lemur_scenes.drawing.glyphs import OPAQUE, split_glyphs
from lemur_scenes.drawing.random_integers import RandomIntegers
from lemur_scenes.drawing.scenes import Canvas, draw_scene
from lemur_scenes.loaders.digits_scenes import folder_name, load

SEGMENTATION, DETECTION = "img-segmentation", "obj-detection"
SMALL = {"size": "64", "count": "20"}
SMALL_FOLDER = folder_name(64, 20)
# Hashes of the pixels and annotations of the scenes, which may only change with VERSION.
GOLDEN = {
    (64, 20): "884d0acb59895b54b4180f4e8a4bc748331b3754fab01667d7bb5ddd39685adb",
    (128, 10): "09a1cbd8df4edecc8de6d47398b3095fd38751ee02a8abb5988477d003430812",
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Use a separate cache folder of the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    write_scenes(folder, 128, 50)
    return folder


def annotated(folder, split):
    """Yield each image, pycocotools' masks of its annotations, and the annotations."""
    document = json.loads((folder / f"instances_{split}.json").read_text())
    for image in document["images"]:
        pixels = np.array(Image.open(folder / split / image["file_name"]))
        items = [item for item in document["annotations"] if item["image_id"] == image["id"]]
        yield pixels, [decoded(item["segmentation"]) for item in items], items


def decoded(runs):
    with warnings.catch_warnings():
        # pycocotools was built for an older version of numpy.
        warnings.simplefilter("ignore", DeprecationWarning)
        return coco_masks.decode(runs)


def fingerprint(folder):
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for pixels, masks, items in annotated(folder, split):
            digest.update(pixels.tobytes())
            for mask, item in zip(masks, items, strict=True):
                digest.update(mask.tobytes())
                values = [item["category_id"], item["area"], item["bbox"], item["iscrowd"]]
                digest.update(json.dumps(values).encode())
    return digest.hexdigest()


@pytest.mark.parametrize(("size", "count"), list(GOLDEN))
def test_scenes_are_identical_everywhere(tmp_path, size, count):
    (tmp_path / "scenes").mkdir()
    write_scenes(tmp_path / "scenes", size, count)
    assert fingerprint(tmp_path / "scenes") == GOLDEN[size, count]


def test_integers_are_the_scaled_upper_bits_of_pcg64():
    bits = np.random.PCG64([3, 1, 4]).random_raw(7)
    expected = [(int(value) >> 32) * 10 >> 32 for value in bits]
    draws = RandomIntegers(3, 1, 4)
    assert draws.below(10, (2, 3)).tolist() == [expected[:3], expected[3:6]]
    assert draws.below(10) == expected[6]


def test_integers_are_uniform_and_include_both_ends():
    counts = np.bincount(RandomIntegers(0).between(2, 5, (4000,)))
    assert counts[:2].tolist() == [0, 0]
    # The expected count is 1000, and 110 is four standard deviations.
    assert (abs(counts[2:] - 1000) < 110).all()


def test_an_order_contains_each_integer_once():
    assert sorted(RandomIntegers(5).order(50).tolist()) == list(range(50))
    assert RandomIntegers(5).order(50).tolist() != RandomIntegers(6).order(50).tolist()


def test_enlarging_is_bilinear():
    values = np.random.default_rng(0).integers(-60, 60, (5, 7, 3))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values).permute(2, 0, 1)[None].double(),
        (31, 40),
        mode="bilinear",
        align_corners=True,
    )
    enlarged = torch.from_numpy(enlarge(values, 31, 40) / ENLARGED).permute(2, 0, 1)
    # Positions are rounded down to 1/256 of a cell, within which values change by 120 per axis.
    assert (enlarged - expected[0]).abs().max() <= 2 * 120 / 256


def test_no_digit_is_in_both_splits():
    parts = split_glyphs(VERSION)
    seen = [{image.tobytes() for image in parts[split].images} for split in ("train", "test")]
    assert not seen[0] & seen[1]
    assert sum(map(len, parts.values())) == 1797
    shares = [np.bincount(parts[split].classes) for split in ("train", "test")]
    assert (shares[0] + shares[1] == np.bincount(load_digits().target)).all()
    assert (shares[1] == (shares[0] + shares[1]) // 5).all()


def test_glyphs_are_digits_of_their_class():
    digits = load_digits()
    classes = {
        image.astype(int).tobytes(): target
        for image, target in zip(digits.images, digits.target, strict=True)
    }
    for glyphs in split_glyphs(VERSION).values():
        assert [classes[image.tobytes()] for image in glyphs.images] == glyphs.classes.tolist()


def test_the_category_of_a_digit_is_the_digit_plus_1(drawn):
    for number, split in enumerate(("train", "test")):
        glyphs = split_glyphs(VERSION)[split]
        for index, (pixels, _, items) in enumerate(annotated(drawn, split)):
            scene = draw_scene(RandomIntegers(VERSION, number, index), glyphs, 128)
            assert np.array_equal(scene.pixels, pixels)
            categories = [1 + digit for digit in scene.classes]
            assert [item["category_id"] for item in items] == categories


def test_a_stencil_covers_inked_pixels():
    glyphs = split_glyphs(VERSION)["train"]
    stencil = glyphs.stencil(0, 10)
    # At 10 pixels a side, each is an original pixel or a margin.
    ink = np.pad(glyphs.images[0], 1)
    assert np.array_equal(stencil, np.clip((ink - 3) * 32, 0, OPAQUE))


def window(top, bottom, left, right):
    return slice(top, bottom), slice(left, right)


def test_a_digit_hides_at_most_a_fifth_of_another():
    canvas = Canvas(np.zeros((20, 20, 3), np.int64))
    solid, inks = np.full((10, 10), OPAQUE), np.array([[200, 100, 50]])
    assert canvas.add(window(0, 10, 0, 10), solid, inks)
    assert not canvas.add(window(0, 10, 7, 17), solid, inks)
    assert canvas.owners.max() == 0
    assert canvas.add(window(0, 10, 8, 18), solid, inks)
    # No other digit may hide more of the first one.
    assert not canvas.add(window(9, 19, 0, 10), solid, inks)
    assert canvas.add(window(10, 20, 0, 10), solid, inks)
    owners = np.full((20, 20), -1)
    owners[:10, :8], owners[:10, 8:18], owners[10:, :10] = 0, 1, 2
    assert np.array_equal(canvas.owners, owners)
    assert (canvas.picture[owners >= 0] == inks[0]).all()
    assert (canvas.picture[owners < 0] == 0).all()


def test_a_half_covered_pixel_belongs_to_the_digit_and_has_half_its_colour():
    canvas = Canvas(np.full((4, 4, 3), 10, np.int64))
    stencil = np.array([[OPAQUE // 2, OPAQUE // 2 - 1]])
    canvas.add(window(1, 2, 1, 3), stencil, np.array([[210, 10, 110]]))
    assert canvas.owners[1].tolist() == [-1, 0, -1, -1]
    assert canvas.picture[1, 1].tolist() == [110, 10, 60]


def test_the_colour_is_the_one_with_the_greatest_contrast():
    canvas = Canvas(np.full((4, 4, 3), 200, np.int64))
    solid = np.full((2, 2), OPAQUE)
    dark, grey = np.array([0, 0, 0]), np.array([120, 120, 120])
    canvas.add(window(0, 2, 0, 2), solid, np.stack([grey, dark]))
    assert canvas.picture[0, 0].tolist() == [0, 0, 0]
    # The next colour must also differ from that of the first digit, by half as much.
    near, far = dark + 10, np.array([80, 80, 80])
    canvas.add(window(2, 4, 2, 4), solid, np.stack([near, grey, far]))
    assert canvas.picture[3, 3].tolist() == [80, 80, 80]


def test_annotations_describe_visible_pixels(drawn):
    for split in ("train", "test"):
        for pixels, masks, items in annotated(drawn, split):
            assert pixels.shape == (128, 128, 3)
            assert 1 <= len(masks) <= 8
            assert sum(masks).max() == 1
            for mask, item in zip(masks, items, strict=True):
                assert item["area"] == mask.sum() > 0
                rows, columns = mask.nonzero()
                right, bottom = columns.max() + 1, rows.max() + 1
                left, top, width, height = item["bbox"]
                assert (left, top, left + width, top + height) == (
                    columns.min(),
                    rows.min(),
                    right,
                    bottom,
                )
                assert item["iscrowd"] == 0


def test_pycocotools_reads_the_files(drawn, capsys):
    coco = COCO(drawn / "instances_train.json")
    assert len(coco.imgs) == 40
    categories = coco.loadCats(coco.getCatIds())
    assert [category["name"] for category in categories] == list("0123456789")
    assert all(decoded(coco.annToRLE(item)).sum() == item["area"] for item in coco.anns.values())


def test_digits_contrast_with_their_surroundings(drawn):
    brightness = np.array([2, 4, 1]) / 7
    for pixels, masks, _ in annotated(drawn, "train"):
        ground = sum(masks) == 0
        for mask in masks:
            grown = torch.nn.functional.max_pool2d(torch.tensor(mask)[None].float(), 9, 1, 4)[0]
            around = ground & (grown.numpy() > 0)
            inked = pixels[mask > 0].mean(0)
            # Digits that lie entirely on others have no background around them.
            if around.sum() > 20:
                assert abs(inked - pixels[around].mean(0)) @ brightness > 32


def test_all_digits_occur_in_different_sizes(drawn):
    items = [item for _, _, of_image in annotated(drawn, "train") for item in of_image]
    assert {item["category_id"] for item in items} == set(range(1, 11))
    heights = [item["bbox"][3] for item in items]
    assert min(heights) < 22
    assert max(heights) > 42


def test_a_smaller_set_is_a_subset_of_a_larger_one(tmp_path, drawn):
    (tmp_path / "few").mkdir()
    write_scenes(tmp_path / "few", 128, 10)
    for split, count in (("train", 8), ("test", 2)):
        few, more = list(annotated(tmp_path / "few", split)), list(annotated(drawn, split))
        assert len(few) == count
        for (pixels, _, items), (same_pixels, _, same_items) in zip(few, more, strict=False):
            assert np.array_equal(pixels, same_pixels)
            assert [item["bbox"] for item in items] == [item["bbox"] for item in same_items]


@pytest.mark.parametrize("size", [32, 33, 200])
def test_any_size_can_be_drawn(size):
    glyphs = split_glyphs(VERSION)["train"]
    for seed in range(20):
        scene = draw_scene(RandomIntegers(seed), glyphs, size)
        assert scene.pixels.shape == (size, size, 3)
        assert (np.bincount(scene.owners[scene.owners >= 0]) > 0).all()
        assert scene.owners.max() == len(scene.classes) - 1


def test_masks_are_read_as_they_were_written(tmp_path):
    bundle = load(tmp_path, SEGMENTATION, **SMALL)
    assert (len(bundle.train), len(bundle.test), bundle.out_shape) == (16, 4, (11,))
    folder = tmp_path / "digits-scenes" / SMALL_FOLDER
    for samples, split in ((bundle.train, "train"), (bundle.test, "test")):
        for index, (pixels, masks, items) in enumerate(annotated(folder, split)):
            image, target = samples[index]
            assert np.array_equal(image.permute(1, 2, 0), pixels)
            expected = sum(
                mask.astype(int) * item["category_id"]
                for mask, item in zip(masks, items, strict=True)
            )
            assert np.array_equal(target, expected)


def test_boxes_and_masks_of_objects_are_read_as_they_were_written(tmp_path):
    bundle = load(tmp_path, DETECTION, **SMALL)
    folder = tmp_path / "digits-scenes" / SMALL_FOLDER
    for index, (_, masks, items) in enumerate(annotated(folder, "test")):
        target = bundle.test[index][1]
        corners = [(x, y, x + width, y + height) for x, y, width, height in map(box_of, items)]
        assert target["boxes"].tolist() == [list(map(float, box)) for box in corners]
        assert target["labels"].tolist() == [item["category_id"] for item in items]
        assert np.array_equal(target["masks"], np.stack(masks))


def box_of(annotation):
    return annotation["bbox"]


def test_scenes_are_drawn_once(tmp_path, monkeypatch):
    first = load(tmp_path, SEGMENTATION, **SMALL)
    monkeypatch.setattr("lemur_scenes.loaders.digits_scenes.write_scenes", list)
    again = load(tmp_path, DETECTION, **SMALL)
    assert torch.equal(first.train[3][0], again.train[3][0])
    assert [folder.name for folder in (tmp_path / "digits-scenes").iterdir()] == [SMALL_FOLDER]


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("size", "31", "32 to 2048"),
        ("size", "2049", "32 to 2048"),
        ("size", "12.5", "32 to 2048"),
        ("size", "\u0663\u0663", "32 to 2048"),
        ("count", "9", "10 to 1000000"),
        ("count", "many", "10 to 1000000"),
        ("count", "", "10 to 1000000"),
    ],
)
def test_an_invalid_option_is_an_error_of_one_line(tmp_path, option, text, expected):
    with pytest.raises(PatternError) as caught:
        load(tmp_path, SEGMENTATION, **{option: text})
    assert str(caught.value) == (
        f"dataset 'digits-scenes': {option} is {text!r}; expected a whole number, {expected}"
    )
    assert not list(tmp_path.iterdir())


def test_the_cache_is_used_if_the_data_folder_is_not_writable(tmp_path, cache):
    (tmp_path / "data").write_text("no folder")
    bundle = load(tmp_path / "data", SEGMENTATION, **SMALL)
    assert len(bundle.train) == 16
    assert (cache / "lemur" / "digits-scenes" / SMALL_FOLDER / "train").is_dir()


def test_without_a_writable_folder_there_is_an_error_of_one_line(tmp_path, cache):
    places = [tmp_path / "data", cache, tmp_path / "temporary"]
    for place in places:
        place.write_text("no folder")
    with pytest.raises(MissingDataError) as caught:
        load(tmp_path / "data", SEGMENTATION, **SMALL)
    first, *others = places
    tried = [first / "digits-scenes", *(place / "lemur" / "digits-scenes" for place in others)]
    assert str(caught.value) == (
        "dataset 'digits-scenes': it cannot be written to any of "
        f"{'; '.join(f'{place}: Not a directory' for place in tried)}; "
        "name a writable folder with --data"
    )


KILLED = """
import os, signal, sys
from pathlib import Path
from lemur_scenes.drawing.cache import cached_folder

def make(folder):
    (folder / "first").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

cached_folder("toy", "whole", [Path(sys.argv[1])], make)
"""


def write_both(folder):
    (folder / "first").write_text("a")
    (folder / "second").write_text("b")


def test_an_incomplete_folder_of_a_killed_process_is_not_used(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".making-")
    made = cached_folder("toy", "whole", [tmp_path], write_both)
    assert sorted(file.name for file in made.iterdir()) == ["first", "second"]
    # Another process might still be filling it; after a day it is removed.
    assert left.is_dir()
    long_ago = time.time() - 25 * 60 * 60
    os.utime(left, (long_ago, long_ago))
    cached_folder("toy", "another", [tmp_path], write_both)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["another", "whole"]


def test_the_first_of_two_processes_wins_and_both_use_its_folder(tmp_path):
    def make_late(folder):
        write_both(folder)
        # Meanwhile another process finishes.
        cached_folder("toy", "whole", [tmp_path], write_both)

    made = cached_folder("toy", "whole", [tmp_path], make_late)
    assert sorted(file.name for file in made.iterdir()) == ["first", "second"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["whole"]


DRAWN_AT_ONCE = """
import sys
from pathlib import Path
from lemur_scenes.loaders.digits_scenes import load

bundle = load(Path(sys.argv[1]), "img-segmentation", size="64", count="20")
print(sum(int(bundle.train[index][1].sum()) for index in range(16)))
"""


def test_concurrent_processes_get_the_same_scenes(tmp_path):
    command = [sys.executable, "-c", DRAWN_AT_ONCE, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1] != ""
    assert [folder.name for folder in (tmp_path / "digits-scenes").iterdir()] == [SMALL_FOLDER]


def test_an_error_in_drawing_leaves_no_files(tmp_path):
    def fail(folder):
        (folder / "first").write_text("a")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cached_folder("toy", "whole", [tmp_path], fail)
    assert not list(tmp_path.iterdir())
