"""Scenes of digits: drawn once, the same everywhere, told truly."""

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
# Of the pixels and annotations of the scenes: what is drawn may change with VERSION only.
GOLDEN = {
    (64, 20): "884d0acb59895b54b4180f4e8a4bc748331b3754fab01667d7bb5ddd39685adb",
    (128, 10): "09a1cbd8df4edecc8de6d47398b3095fd38751ee02a8abb5988477d003430812",
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep what is drawn out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    write_scenes(folder, 128, 50)
    return folder


def annotated(folder, split):
    """Return each image with pycocotools' masks of its annotations, and these."""
    document = json.loads((folder / f"instances_{split}.json").read_text())
    for image in document["images"]:
        pixels = np.array(Image.open(folder / split / image["file_name"]))
        said = [one for one in document["annotations"] if one["image_id"] == image["id"]]
        yield pixels, [decoded(one["segmentation"]) for one in said], said


def decoded(runs):
    with warnings.catch_warnings():
        # It was built for an older numpy.
        warnings.simplefilter("ignore", DeprecationWarning)
        return coco_masks.decode(runs)


def fingerprint(folder):
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for pixels, masks, said in annotated(folder, split):
            digest.update(pixels.tobytes())
            for mask, one in zip(masks, said, strict=True):
                digest.update(mask.tobytes())
                facts = [one["category_id"], one["area"], one["bbox"], one["iscrowd"]]
                digest.update(json.dumps(facts).encode())
    return digest.hexdigest()


@pytest.mark.parametrize(("size", "count"), list(GOLDEN))
def test_scenes_are_the_same_everywhere(tmp_path, size, count):
    (tmp_path / "scenes").mkdir()
    write_scenes(tmp_path / "scenes", size, count)
    assert fingerprint(tmp_path / "scenes") == GOLDEN[size, count]


def test_numbers_are_the_upper_bits_of_pcg64_scaled():
    bits = np.random.PCG64([3, 1, 4]).random_raw(7)
    expected = [(int(one) >> 32) * 10 >> 32 for one in bits]
    draws = RandomIntegers(3, 1, 4)
    assert draws.below(10, (2, 3)).tolist() == [expected[:3], expected[3:6]]
    assert draws.below(10) == expected[6]


def test_numbers_reach_both_ends_about_equally_often():
    counts = np.bincount(RandomIntegers(0).between(2, 5, (4000,)))
    assert counts[:2].tolist() == [0, 0]
    # Four standard deviations of 1000.
    assert (abs(counts[2:] - 1000) < 110).all()


def test_an_order_has_each_number_once():
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
    found = torch.from_numpy(enlarge(values, 31, 40) / ENLARGED).permute(2, 0, 1)
    # Places are rounded down to 1/256 of a cell, over which values change by 120 on each side.
    assert (found - expected[0]).abs().max() <= 2 * 120 / 256


def test_no_digit_is_both_in_training_and_in_test():
    parts = split_glyphs(VERSION)
    seen = [{image.tobytes() for image in parts[split].images} for split in ("train", "test")]
    assert not seen[0] & seen[1]
    assert sum(map(len, parts.values())) == 1797
    shares = [np.bincount(parts[split].classes) for split in ("train", "test")]
    assert (shares[0] + shares[1] == np.bincount(load_digits().target)).all()
    assert (shares[1] == (shares[0] + shares[1]) // 5).all()


def test_glyphs_stay_digits_of_their_class():
    digits = load_digits()
    known = {
        image.astype(int).tobytes(): target
        for image, target in zip(digits.images, digits.target, strict=True)
    }
    for glyphs in split_glyphs(VERSION).values():
        assert [known[image.tobytes()] for image in glyphs.images] == glyphs.classes.tolist()


def test_a_digit_is_told_by_the_class_after_it(drawn):
    for number, split in enumerate(("train", "test")):
        glyphs = split_glyphs(VERSION)[split]
        for index, (pixels, _, said) in enumerate(annotated(drawn, split)):
            scene = draw_scene(RandomIntegers(VERSION, number, index), glyphs, 128)
            assert np.array_equal(scene.pixels, pixels)
            assert [one["category_id"] for one in said] == [1 + one for one in scene.classes]


def test_a_stencil_covers_what_is_inked():
    glyphs = split_glyphs(VERSION)["train"]
    stencil = glyphs.stencil(0, 10)
    # Of ten pixels a side each is one of the original's, with a margin.
    ink = np.pad(glyphs.images[0], 1)
    assert np.array_equal(stencil, np.clip((ink - 3) * 32, 0, OPAQUE))


def window(top, bottom, left, right):
    return slice(top, bottom), slice(left, right)


def test_a_digit_in_front_hides_a_fifth_at_most():
    canvas = Canvas(np.zeros((20, 20, 3), np.int64))
    solid, inks = np.full((10, 10), OPAQUE), np.array([[200, 100, 50]])
    assert canvas.add(window(0, 10, 0, 10), solid, inks)
    assert not canvas.add(window(0, 10, 7, 17), solid, inks)
    assert canvas.owners.max() == 0
    assert canvas.add(window(0, 10, 8, 18), solid, inks)
    # What is left of the first may lose no more, whoever takes it.
    assert not canvas.add(window(9, 19, 0, 10), solid, inks)
    assert canvas.add(window(10, 20, 0, 10), solid, inks)
    owners = np.full((20, 20), -1)
    owners[:10, :8], owners[:10, 8:18], owners[10:, :10] = 0, 1, 2
    assert np.array_equal(canvas.owners, owners)
    assert (canvas.picture[owners >= 0] == inks[0]).all()
    assert (canvas.picture[owners < 0] == 0).all()


def test_a_half_covered_pixel_belongs_to_the_digit_and_is_half_its_colour():
    canvas = Canvas(np.full((4, 4, 3), 10, np.int64))
    stencil = np.array([[OPAQUE // 2, OPAQUE // 2 - 1]])
    canvas.add(window(1, 2, 1, 3), stencil, np.array([[210, 10, 110]]))
    assert canvas.owners[1].tolist() == [-1, 0, -1, -1]
    assert canvas.picture[1, 1].tolist() == [110, 10, 60]


def test_the_ink_is_the_one_that_differs_most():
    canvas = Canvas(np.full((4, 4, 3), 200, np.int64))
    solid = np.full((2, 2), OPAQUE)
    dark, grey = np.array([0, 0, 0]), np.array([120, 120, 120])
    canvas.add(window(0, 2, 0, 2), solid, np.stack([grey, dark]))
    assert canvas.picture[0, 0].tolist() == [0, 0, 0]
    # The next shall differ from the first digit too, though it lies on ground: half as much.
    near, far = dark + 10, np.array([80, 80, 80])
    canvas.add(window(2, 4, 2, 4), solid, np.stack([near, grey, far]))
    assert canvas.picture[3, 3].tolist() == [80, 80, 80]


def test_annotations_tell_what_is_seen(drawn):
    for split in ("train", "test"):
        for pixels, masks, said in annotated(drawn, split):
            assert pixels.shape == (128, 128, 3)
            assert 1 <= len(masks) <= 8
            assert sum(masks).max() == 1
            for mask, one in zip(masks, said, strict=True):
                assert one["area"] == mask.sum() > 0
                rows, columns = mask.nonzero()
                right, bottom = columns.max() + 1, rows.max() + 1
                left, top, width, height = one["bbox"]
                assert (left, top, left + width, top + height) == (
                    columns.min(),
                    rows.min(),
                    right,
                    bottom,
                )
                assert one["iscrowd"] == 0


def test_pycocotools_reads_the_files(drawn, capsys):
    coco = COCO(drawn / "instances_train.json")
    assert len(coco.imgs) == 40
    assert [one["name"] for one in coco.loadCats(coco.getCatIds())] == list("0123456789")
    assert all(decoded(coco.annToRLE(one)).sum() == one["area"] for one in coco.anns.values())


def test_digits_stand_out_from_what_is_around_them(drawn):
    brightness = np.array([2, 4, 1]) / 7
    for pixels, masks, _ in annotated(drawn, "train"):
        ground = sum(masks) == 0
        for mask in masks:
            grown = torch.nn.functional.max_pool2d(torch.tensor(mask)[None].float(), 9, 1, 4)[0]
            around = ground & (grown.numpy() > 0)
            inked = pixels[mask > 0].mean(0)
            # Of 255; of digits that lie on others wholly there is no ground around.
            if around.sum() > 20:
                assert abs(inked - pixels[around].mean(0)) @ brightness > 32


def test_all_digits_come_at_several_scales(drawn):
    said = [one for _, _, every in annotated(drawn, "train") for one in every]
    assert {one["category_id"] for one in said} == set(range(1, 11))
    heights = [one["bbox"][3] for one in said]
    assert min(heights) < 22
    assert max(heights) > 42


def test_a_smaller_set_is_a_part_of_a_greater(tmp_path, drawn):
    (tmp_path / "few").mkdir()
    write_scenes(tmp_path / "few", 128, 10)
    for split, count in (("train", 8), ("test", 2)):
        few, more = list(annotated(tmp_path / "few", split)), list(annotated(drawn, split))
        assert len(few) == count
        for one, other in zip(few, more, strict=False):
            assert np.array_equal(one[0], other[0])
            assert [each["bbox"] for each in one[2]] == [each["bbox"] for each in other[2]]


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
        for index, (pixels, masks, said) in enumerate(annotated(folder, split)):
            image, target = samples[index]
            assert np.array_equal(image.permute(1, 2, 0), pixels)
            expected = sum(
                mask.astype(int) * one["category_id"] for mask, one in zip(masks, said, strict=True)
            )
            assert np.array_equal(target, expected)


def test_boxes_and_masks_of_objects_are_read_as_they_were_written(tmp_path):
    bundle = load(tmp_path, DETECTION, **SMALL)
    folder = tmp_path / "digits-scenes" / SMALL_FOLDER
    for index, (_, masks, said) in enumerate(annotated(folder, "test")):
        target = bundle.test[index][1]
        corners = [(x, y, x + width, y + height) for x, y, width, height in map(box_of, said)]
        assert target["boxes"].tolist() == [list(map(float, one)) for one in corners]
        assert target["labels"].tolist() == [one["category_id"] for one in said]
        assert np.array_equal(target["masks"], np.stack(masks))


def box_of(annotation):
    return annotation["bbox"]


def test_scenes_are_drawn_once(tmp_path, monkeypatch):
    first = load(tmp_path, SEGMENTATION, **SMALL)
    monkeypatch.setattr("lemur_scenes.loaders.digits_scenes.write_scenes", list)
    again = load(tmp_path, DETECTION, **SMALL)
    assert torch.equal(first.train[3][0], again.train[3][0])
    assert [one.name for one in (tmp_path / "digits-scenes").iterdir()] == [SMALL_FOLDER]


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
def test_an_option_that_means_nothing_is_one_line(tmp_path, option, text, expected):
    with pytest.raises(PatternError) as caught:
        load(tmp_path, SEGMENTATION, **{option: text})
    assert str(caught.value) == (
        f"dataset 'digits-scenes': {option} is {text!r}; expected a whole number, {expected}"
    )
    assert not list(tmp_path.iterdir())


def test_the_cache_serves_where_the_data_folder_cannot_be_written(tmp_path, cache):
    (tmp_path / "data").write_text("no folder")
    bundle = load(tmp_path / "data", SEGMENTATION, **SMALL)
    assert len(bundle.train) == 16
    assert (cache / "lemur" / "digits-scenes" / SMALL_FOLDER / "train").is_dir()


def test_nowhere_to_draw_to_is_one_line(tmp_path, cache):
    places = [tmp_path / "data", cache, tmp_path / "temporary"]
    for place in places:
        place.write_text("no folder")
    with pytest.raises(MissingDataError) as caught:
        load(tmp_path / "data", SEGMENTATION, **SMALL)
    first, *others = places
    tried = [first / "digits-scenes", *(one / "lemur" / "digits-scenes" for one in others)]
    assert str(caught.value) == (
        "dataset 'digits-scenes': it cannot be written to any of "
        f"{'; '.join(f'{one}: Not a directory' for one in tried)}; "
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


def test_what_a_killed_process_left_is_not_taken_for_whole(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".making-")
    made = cached_folder("toy", "whole", [tmp_path], write_both)
    assert sorted(one.name for one in made.iterdir()) == ["first", "second"]
    # It may be another process's that is still at work; a day later it is none.
    assert left.is_dir()
    long_ago = time.time() - 25 * 60 * 60
    os.utime(left, (long_ago, long_ago))
    cached_folder("toy", "another", [tmp_path], write_both)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["another", "whole"]


def test_the_first_of_two_processes_wins_and_both_have_it(tmp_path):
    def make_late(folder):
        write_both(folder)
        # Meanwhile another one is done.
        cached_folder("toy", "whole", [tmp_path], write_both)

    made = cached_folder("toy", "whole", [tmp_path], make_late)
    assert sorted(one.name for one in made.iterdir()) == ["first", "second"]
    assert [one.name for one in tmp_path.iterdir()] == ["whole"]


DRAWN_AT_ONCE = """
import sys
from pathlib import Path
from lemur_scenes.loaders.digits_scenes import load

bundle = load(Path(sys.argv[1]), "img-segmentation", size="64", count="20")
print(sum(int(bundle.train[index][1].sum()) for index in range(16)))
"""


def test_processes_that_draw_at_once_get_the_same(tmp_path):
    command = [sys.executable, "-c", DRAWN_AT_ONCE, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate()[0] for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert told[0] == told[1] != ""
    assert [one.name for one in (tmp_path / "digits-scenes").iterdir()] == [SMALL_FOLDER]


def test_an_error_in_drawing_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / "first").write_text("a")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cached_folder("toy", "whole", [tmp_path], fail)
    assert not list(tmp_path.iterdir())
