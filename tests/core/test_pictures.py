"""``lemur show pictures`` draws a recorded trial from its weights, or trains it again."""

import sqlite3
import sys
from contextlib import closing

import pytest
from PIL import Image

from lemur_core import Entry, data, registry
from lemur_core.campaign.run import campaign
from lemur_core.pictures.colours import class_picture, colour
from lemur_core.pictures.grid import tile_position
from lemur_core.settings import Settings

from .test_drawing import SCALE, outline, pixels

SEGMENTS = "img-segmentation_scenes_pixels_Segments"
DETECTS = "obj-detection_boxed_sure_Detects"
LINEAR = "img-classification_blobs_hits_Linear"
ENTRIES = [
    ("net", "Segments", "lemur_toy.segments", "img-segmentation"),
    ("net", "Detects", "lemur_toy.detects", "obj-detection"),
    ("loader", "scenes", "lemur_toy.scenes:masks", "img-segmentation"),
    ("loader", "boxed", "lemur_toy.scenes:boxes", "obj-detection"),
    ("loader", "damaged", "lemur_toy.files:damaged", "img-classification"),
    ("transform", "joint", "lemur_toy.scenes:Joint", "img-segmentation"),
    ("transform", "joint-too", "lemur_toy.scenes:Joint", "obj-detection"),
    ("metric", "pixels", "lemur_toy.scenes:Pixels", "img-segmentation"),
    ("metric", "sure", "lemur_toy.scenes:Sure", "obj-detection"),
]


@pytest.fixture
def train(toys, monkeypatch, tmp_path):
    """Train a toy net, recorded in lemur.db."""
    extended = toys
    for kind, name, target, task in ENTRIES:
        extended = extended.with_entries(f"toy-{name}", kind, [Entry(name, target, (task,))])

    def call(pattern, **settings):
        defaults = {"trials": 1, "epochs": 3, "in_process": True, "db": str(tmp_path / "lemur.db")}
        campaign(
            Settings.of({"patterns": [pattern], **defaults, **settings}), extended, lambda _: None
        )
        [uid] = set(data(db=tmp_path / "lemur.db")["trial"])
        return uid

    with monkeypatch.context() as patched:
        patched.setattr(registry, "installed", lambda: extended)
        yield call


def cells(file, rows=4):
    """Return the pictures of a file by row."""
    sheet = pixels(Image.open(file))
    corners = [
        [tile_position((192, 192), row, column) for column in range(3)] for row in range(rows)
    ]
    return [[sheet[top : top + 192, left : left + 192] for left, top in row] for row in corners]


def assert_scenes(file):
    """Check that the images and masks are those of the toy's test split."""
    from lemur_toy.scenes import image_of, mask

    for number, (image, target, prediction) in enumerate(cells(file)):
        classes = mask(number).repeat_interleave(SCALE, 0).repeat_interleave(SCALE, 1)
        assert (image == image_of(classes)[0, :, :, None].numpy()).all()
        assert (target == class_picture(classes).numpy()).all()
        # The prediction is correct except at ignored pixels.
        assert (prediction == class_picture(classes.clamp(min=0)).numpy()).all()


def test_masks_are_predicted_with_the_kept_weights(train, lemur, tmp_path):
    uid = train(SEGMENTS, keep_weights=True)
    status, out, errors = lemur("show", "pictures", SEGMENTS)
    assert (status, errors) == (0, "")
    first, second = out.splitlines()
    assert first == f"trial {uid} of {SEGMENTS}"
    assert second.startswith(f"wrote {SEGMENTS}.png: 4 samples, epoch 2, validation 0.98")
    assert_scenes(f"{SEGMENTS}.png")


def test_without_kept_weights_the_trial_is_trained_again(train, lemur, tmp_path):
    uid = train(SEGMENTS)
    status, out, errors = lemur("show", "pictures", uid[:8], "-o", "one.png")
    assert (status, errors) == (0, "")
    weights_file = f"lemur.db-weights/{uid}.safetensors"
    assert [line.partition(": ")[0] for line in out.splitlines()] == [
        f"trial {uid} of {SEGMENTS}",
        f"there is no {weights_file}",
        "epoch 1",
        "epoch 2",
        f"saved its weights in {weights_file}",
        "wrote one.png",
    ]
    assert_scenes("one.png")
    _, again, _ = lemur("show", "pictures", uid, "-o", "two.png")
    assert len(again.splitlines()) == 2
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert len(data()) == 3


def test_the_picture_is_drawn_even_if_weights_cannot_be_kept(train, lemur, tmp_path):
    uid = train(SEGMENTS)
    (tmp_path / "lemur.db-weights").write_text("a file stands in the way")
    status, out, errors = lemur("show", "pictures", uid, "-o", "one.png")
    assert (status, errors) == (0, "")
    assert "saved its weights" not in out
    assert_scenes("one.png")


def test_boxes_are_predicted_above_a_score(train, lemur):
    train(DETECTS, keep_weights=True)
    assert lemur("show", "pictures", DETECTS, "-o", "sure.png")[0] == 0
    lemur("show", "pictures", DETECTS, "-o", "all.png", "--score", 0.2)
    edges = outline(1 * SCALE, 2 * SCALE, 5 * SCALE, 7 * SCALE)
    for _, target, prediction in cells("sure.png"):
        for picture in (target, prediction):
            assert ((picture == colour(1)).all(-1) | ~edges).all()
        assert not (prediction == colour(2)).all(-1).any()
    for _, _, prediction in cells("all.png"):
        assert (prediction == colour(2)).all(-1)[-1].all()


def test_classes_are_predicted_with_their_probability(train, lemur):
    train(LINEAR, keep_weights=True, epochs=8, lr=0.05, momentum=0.9, prm={"width": 4, "batch": 8})
    status, out, _ = lemur("show", "pictures", LINEAR, "--count", 3, "--seed", 5)
    assert status == 0
    assert "3 samples, epoch " in out
    for image, target, prediction in cells(f"{LINEAR}.png", 3):
        bright = int(image.mean() > 100)
        for picture in (target, prediction):
            assert (picture[0] == colour(bright)).all()


def test_a_sample_that_was_left_out_is_not_drawn(train, lemur, tmp_path):
    (tmp_path / "corrupt.txt").write_text(" ".join(f"test/{index}" for index in range(14)))
    uid = train(LINEAR.replace("blobs", "damaged"), skip_corrupt=True, data=tmp_path)
    status, out, errors = lemur("show", "pictures", uid, "-o", "two.png", "--data", tmp_path)
    assert (status, errors) == (0, "")
    assert "wrote two.png: 2 samples" in out


def test_another_seed_draws_other_samples(train, lemur, tmp_path):
    train(LINEAR, keep_weights=True)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        lemur("show", "pictures", LINEAR, "--seed", seed, "-o", f"{name}.png")
    written = {name: (tmp_path / f"{name}.png").read_bytes() for name in "abc"}
    assert written["a"] == written["b"] != written["c"]


def test_a_pipeline_is_drawn_by_its_best_trial_on_validation(train, lemur, tmp_path):
    uid = train(LINEAR, keep_weights=True, epochs=1)
    campaign_of_two = ("run", LINEAR, "-t", 3, "-e", 1, "--in-process", "-q", "--keep-weights")
    lemur(*campaign_of_two)
    with closing(sqlite3.connect("lemur.db")) as connection, connection:
        uids = [uid for (uid,) in connection.execute("select uid from trial order by id")]
        for trial, (validation, accuracy) in enumerate([(0.5, 0.9), (0.7, 0.1), (0.6, 0.8)], 1):
            connection.execute(
                "update stat set validation = ?, accuracy = ? where trial_id = ?",
                (validation, accuracy, trial),
            )
    assert uids[0] == uid
    _, out, _ = lemur("show", "pictures", LINEAR)
    assert out.startswith(f"trial {uids[1]} of {LINEAR}\n")


def test_a_net_that_fails_when_trained_again_is_an_error(train, lemur):
    uid = train(SEGMENTS)
    code = "update code set text = replace(text, 'clamp(max=2)', 'unknown()')"
    with closing(sqlite3.connect("lemur.db")) as connection, connection:
        connection.execute(code)
    status, out, errors = lemur("show", "pictures", uid)
    assert (status, errors) == (1, "")
    last = out.splitlines()[-1]
    assert last.startswith("failed: net 'Segments' cannot process dataset 'scenes'")
    assert "has no attribute 'unknown'" in last


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([f"{LINEAR}s"], f"unknown pipeline '{LINEAR}s'. Did you mean '{LINEAR}'?"),
        (["img-classification_blobs"],
         f"unknown pipeline 'img-classification_blobs'. Did you mean '{LINEAR}'?"),
        ([LINEAR, "-o", "one.jpg"], "one.jpg: expected a name that ends in .png"),
        ([LINEAR, "-o", "no/one.png"], "no/one.png: there is no directory no"),
        ([LINEAR, "--device", "cuda:99"], "device 'cuda:99' cannot be used: "),
        ([LINEAR, "--score", "2"], "Invalid value for '--score': 2.0 is not in the range 0<=x<=1."),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_before_anything_is_trained(train, lemur, arguments, line):
    train(LINEAR, epochs=1)
    status, out, errors = lemur("show", "pictures", *arguments)
    assert status == 2
    assert errors.startswith(f"lemur: error: {line}")
    assert errors.count("\n") == 1
    assert "epoch" not in out


def changed(column, value):
    with closing(sqlite3.connect("lemur.db")) as connection, connection:
        connection.execute(f"update trial set {column} = ?", (value,))


def test_a_task_without_pictures_is_an_error_of_one_line(train, lemur):
    uid = train(LINEAR, epochs=1)
    changed("task", "txt-generation")
    assert lemur("show", "pictures", uid)[2] == (
        "lemur: error: txt-generation: predictions of this task cannot be drawn; "
        "those of img-classification, img-segmentation, obj-detection can\n"
    )


def test_missing_information_on_a_trial_is_an_error_of_one_line(train, lemur):
    uid = train(LINEAR, epochs=1)
    changed("seed", None)
    assert lemur("show", "pictures", uid)[2] == (
        f"lemur: error: trial {uid}: cannot be run again, because its seed was not recorded\n"
    )


def test_without_pillow_the_error_says_what_to_install(train, lemur, monkeypatch):
    uid = train(LINEAR, epochs=1)
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert lemur("show", "pictures", uid)[2] == (
        "lemur: error: pictures are drawn with Pillow, which is not installed; "
        "pip install 'lemur-core[pictures]'\n"
    )
