"""``lemur predict`` and ``lemur_core.trained`` use a net from its weights' file alone."""

import csv
import io
import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import lemur_core
from lemur_core import Entry, registry
from lemur_core.campaign.run import campaign
from lemur_core.cli.flags import settings_of
from lemur_core.composition import compose
from lemur_core.errors import SettingsError, WeightsError
from lemur_core.kinds.loader import DataBundle
from lemur_core.kinds.task import ImageOutput, Style
from lemur_core.pattern import Pattern
from lemur_core.settings import Settings
from lemur_core.tasks.classification import Classification
from lemur_core.tasks.detection import Detection
from lemur_core.tasks.frame import probe_boxes
from lemur_core.tasks.segmentation import Segmentation
from lemur_core.train.net_description import KEY
from lemur_core.train.training import Training
from lemur_core.trial import Trial

LINEAR = "img-classification_blobs_hits_Linear"
NAMES = ("dark\x1b[31m", "светлый 亮 مضيء")
PRM = {"lr": 0.05, "momentum": 0.9, "batch": 8, "width": 4}


def blobs(names=NAMES):
    from lemur_toy.data import blobs

    return replace(blobs(None, None).held_out(), class_names=names)


@pytest.fixture
def make(toys, tmp_path):
    """Train Linear on blobs for an epoch without a database; return the weights' file and epoch."""

    def call(transform="plain", bundle=None, entry=None, **prm):
        extended = toys
        if entry:
            extended = toys.with_entries("extra", "transform", [entry])
            transform = entry.name
        [pipeline] = compose(extended, [Pattern.parse(LINEAR)], [transform])
        file = tmp_path / f"{transform}.safetensors"
        trial = Trial(
            pipeline, 1, PRM | {"transform": transform} | prm, 3, 1, uid="ab" * 16, weights=file
        )
        [epoch] = Training(trial, bundle or blobs()).epochs()
        return file, epoch

    return call


def write_images(folder, samples):
    """Write each sample to a file in a folder of its class."""
    for index in range(len(samples)):
        image, target = samples[index]
        (folder / str(int(target))).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0].numpy()).save(folder / str(int(target)) / f"{index:03}.png")


def grey(file, pixels):
    Image.fromarray(pixels).save(file)
    return file


def test_a_file_alone_gives_the_recorded_accuracy(make, lemur, tmp_path, monkeypatch):
    file, epoch = make()
    write_images(tmp_path / "test", blobs().test)
    # Neither the net's plugin nor a database is there.
    monkeypatch.setenv("LEMUR_DISABLE_PLUGINS", "toy")
    registry.installed.cache_clear()
    status, out, errors = lemur("predict", file, "test", "--format", "json")
    assert (status, errors) == (0, "")
    predictions = json.loads(out)
    assert len(predictions) == 16
    hits = [
        row["predictions"][0]["index"] == int(Path(row["image"]).parent.name) for row in predictions
    ]
    assert sum(hits) / len(hits) == epoch.accuracy
    assert epoch.accuracy > 0
    assert predictions[0]["predictions"][0]["class"] in NAMES
    assert math.isclose(sum(row["probability"] for row in predictions[0]["predictions"]), 1)
    assert not list(tmp_path.glob("*.db"))


def test_the_file_describes_the_net(make):
    file, epoch = make()
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    assert (int(metadata["epoch"]), float(metadata["accuracy"])) == (1, epoch.accuracy)
    values = json.loads(metadata[KEY])
    assert values["uid"] == "ab" * 16
    assert values["in_shape"] == [1, 1, 4, 4]
    assert values["out_shape"] == [2]
    assert values["class_names"] == list(NAMES)
    assert (values["mean"], values["std"]) == ([0.5], [0.5])
    assert values["prm"]["width"] == 4
    assert "class Net(Classifier)" in values["net"][1]
    assert "class Plain" in values["transform"][1]


def test_python_gives_net_transform_names_and_normalisation(make, tmp_path):
    file, epoch = make()
    net = lemur_core.trained(file)
    assert net.class_names == NAMES
    assert net.normalisation == ((0.5,), (0.5,))
    assert (net.epoch, net.validation, net.accuracy) == (1, epoch.validation, epoch.accuracy)
    test = blobs().test
    with torch.inference_mode():
        predicted = net.net(net.transform(test.inputs)).argmax(1)
    assert (predicted == test.targets).float().mean().item() == epoch.accuracy
    [answer] = net.predict(grey(tmp_path / "one.png", test.inputs[0, 0].numpy()), top=1)
    assert [row["index"] for row in answer.rows] == [int(predicted[0])]
    with pytest.raises(SettingsError, match="holds no data; name the trial by its id"):
        net.bundle  # noqa: B018


def test_predicting_leaves_the_callers_random_numbers_alone(make, tmp_path):
    file, _ = make()
    image = grey(tmp_path / "one.png", np.zeros((4, 4), np.uint8))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    lemur_core.trained(file).predict(image)
    assert torch.equal(torch.rand(3), expected)


def test_images_of_any_mode_are_read_in_grey(make, tmp_path):
    file, _ = make()
    pixels = blobs().test.inputs[1, 0].numpy()
    plain = grey(tmp_path / "plain.png", pixels)
    image = Image.fromarray(pixels)
    image.convert("RGBA").save(tmp_path / "alpha.png")
    palette = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4), "P")
    palette.putpalette([value for value in pixels.flatten().tolist() for _ in range(3)])
    palette.save(tmp_path / "palette.png")
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.rotate(90).save(tmp_path / "turned.png", exif=exif)
    expected, *others = lemur_core.trained(file).predict(
        [plain, *(tmp_path / f"{name}.png" for name in ("alpha", "palette", "deep", "turned"))]
    )
    assert [other.rows for other in others] == [expected.rows] * 4


def test_images_of_any_size_are_resized_by_the_trials_transform(make, tmp_path):
    code = tmp_path / "sized_transform.py"
    code.write_text(
        "import torch\n"
        "class Sized(torch.nn.Module):\n"
        "    def __init__(self, normalisation):\n"
        "        super().__init__()\n"
        "    def forward(self, images):\n"
        "        return torch.nn.functional.interpolate(images / 255, (8, 8))\n"
    )
    import sys

    sys.path.insert(0, str(tmp_path))
    try:
        file, _ = make(
            entry=Entry("sized_8", "sized_transform:Sized", ("img-classification",), size=8)
        )
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("sized_transform")
    code.unlink()
    image = grey(tmp_path / "wide.png", np.full((30, 50), 200, np.uint8))
    net = lemur_core.trained(file)
    [answer] = net.predict(image, top=2)
    with torch.inference_mode():
        expected = net.net(torch.full((1, 1, 8, 8), 200 / 255)).softmax(1)[0]
    for row in answer.rows:
        assert row["probability"] == pytest.approx(expected[row["index"]].item(), abs=1e-6)


def test_names_of_all_scripts_are_shown_but_not_obeyed(make, lemur, tmp_path):
    file, _ = make()
    grey(tmp_path / "one.png", np.zeros((4, 4), np.uint8))
    status, out, _ = lemur("predict", file, "one.png")
    assert status == 0
    assert "\x1b" not in out
    assert "dark\\x1b[31m" in out
    assert NAMES[1] in out
    _, out, _ = lemur("predict", file, "one.png", "--format", "csv")
    assert {row["class"] for row in csv.DictReader(io.StringIO(out))} == set(NAMES)


def test_an_unreadable_image_in_a_folder_is_left_out_and_named(make, lemur, tmp_path):
    file, _ = make()
    (tmp_path / "photos").mkdir()
    grey(tmp_path / "photos" / "b.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "photos" / "a.png").write_bytes(b"no image")
    (tmp_path / "photos" / "notes.txt").write_text("not looked at")
    (tmp_path / "photos" / ".hidden.png").write_bytes(b"")
    status, out, errors = lemur("predict", file, "photos", "--format", "csv", "--top", 1)
    assert status == 1
    assert [line.partition(",")[0] for line in out.splitlines()] == ["image", "photos/b.png"]
    assert errors == (
        "lemur: warning: photos/a.png: it is not an image of a known format; left out\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["plain.safetensors", "gone.png"], "gone.png: there is no such file or folder"),
        (["plain.safetensors", "empty"],
         "empty: has no image in it or in its subfolders; expected files such as .png or .jpg"),
        (["plain.safetensors", "notes.png"], "notes.png: it is not an image of a known format"),
        (["plain.safetensors", "float.tif"],
         "float.tif: its values are floating-point, of no known range; "
         "expected 8 or 16 bits, unsigned"),
        (["plain.safetensors", "large.png"],
         "large.png: is 50x30 pixels, and transform 'plain' does not resize images; "
         "expected 4x4, as in training"),
        (["gone.safetensors", "large.png"], "gone.safetensors cannot be read: "),
        (["notes.safetensors", "large.png"], "notes.safetensors is not a safetensors file, or "),
        (["foreign.safetensors", "large.png"], "foreign.safetensors: does not describe its net; "),
        (["broken.safetensors", "large.png"],
         "broken.safetensors: the description of its net is damaged ("),
        (["other.safetensors", "large.png"],
         "other.safetensors: the weights are not those of net 'Linear': "),
        (["raises.safetensors", "large.png"],
         "raises.safetensors: net 'Linear' cannot be built from its code: "
         "ModuleNotFoundError: No module named 'nowhere'"),
        (["plain.safetensors", "large.png", "--device", "cuda:99"], "device 'cuda:99' cannot be"),
        (["plain.safetensors"], "Missing argument 'IMAGE|FOLDER...'. See lemur predict --help."),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_in_one_line(make, lemur, tmp_path, arguments, line):
    file, _ = make()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.png").write_text("no image")
    (tmp_path / "notes.safetensors").write_text("no weights")
    grey(tmp_path / "large.png", np.zeros((30, 50), np.uint8))
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "float.tif")
    tensors = load_file(file)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    description = json.loads(metadata[KEY])
    for name, changed, weights in (
        ("foreign", None, tensors),
        ("broken", description | {"in_shape": None}, tensors),
        ("other", description, {"layers.1.weight": torch.zeros(2, 2)}),
        ("raises", description | {"net": ["Linear", "import nowhere", "", None]}, tensors),
    ):
        about = {} if changed is None else metadata | {KEY: json.dumps(changed)}
        save_file(weights, tmp_path / f"{name}.safetensors", about)
    status, out, errors = lemur("predict", *arguments)
    assert (status, out) == (2, "")
    assert errors.startswith(f"lemur: error: {line}")
    assert errors.count("\n") == 1


def test_a_net_of_other_inputs_cannot_predict_images(make, lemur, tmp_path):
    bundle = blobs()
    splits = {
        split: replace(samples, inputs=samples.inputs.float())
        for split in ("train", "validation", "test")
        if (samples := getattr(bundle, split))
    }
    file, _ = make(bundle=replace(bundle, **splits))
    grey(tmp_path / "one.png", np.zeros((4, 4), np.uint8))
    assert lemur("predict", file, "one.png")[2] == (
        f"lemur: error: Linear of {LINEAR}: was not trained on images; "
        "it cannot predict image files\n"
    )


@pytest.fixture
def recorded(toys, monkeypatch, tmp_path):
    """Train Linear, recorded in lemur.db, with or without its weights."""
    monkeypatch.chdir(tmp_path)

    def call(**settings):
        defaults = {"patterns": [LINEAR], "trials": 1, "epochs": 1, "in_process": True}
        campaign(Settings.of(defaults | settings), toys, lambda _: None)
        return lemur_core.data()["trial"][0]

    # Undone before the cache of the real function is cleared.
    with monkeypatch.context() as patched:
        patched.setattr(registry, "installed", lambda: toys)
        yield call


def test_kept_weights_need_no_data(recorded, toys, lemur, tmp_path):
    uid = recorded(keep_weights=True)
    grey(tmp_path / "one.png", np.zeros((4, 4), np.uint8))
    gone = toys.with_entries("gone", "loader", [Entry("blobs", "lemur_toy.data:absent")])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(registry, "installed", lambda: gone)
        status, out, errors = lemur("predict", uid[:8], "one.png")
    assert (status, errors) == (0, f"trial {uid} of {LINEAR}\n")
    assert out.splitlines()[1].startswith("one.png  ")


def test_without_kept_weights_and_data_the_missing_data_is_named(recorded, lemur, tmp_path):
    uid = recorded()
    grey(tmp_path / "one.png", np.zeros((4, 4), np.uint8))
    assert lemur("predict", uid, "one.png")[0] == 0
    (tmp_path / "lemur.db-weights" / f"{uid}.safetensors").unlink()
    with closing(sqlite3.connect("lemur.db")) as connection, connection:
        connection.execute("update trial set dataset = 'absent', dataset_id = null")
    status, out, errors = lemur("predict", uid, "one.png")
    assert (status, out) == (2, "")
    assert errors.splitlines()[-1] == (
        "lemur: error: dataset 'absent': data has no absent.bin; get it from nowhere"
    )


def test_a_file_of_an_older_version_is_used_with_the_data(recorded, tmp_path):
    uid = recorded(keep_weights=True)
    file = tmp_path / "lemur.db-weights" / f"{uid}.safetensors"
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    del metadata[KEY]
    save_file(load_file(file), file, metadata)
    net = lemur_core.trained(uid, watch=lambda epoch: pytest.fail("trained again"))
    assert net.normalisation == ((0.5,), (0.5,))
    assert isinstance(net.bundle, DataBundle)
    with pytest.raises(WeightsError, match="name the trial of an older file by its id"):
        lemur_core.trained(file)


def test_the_weights_of_another_trial_are_refused(recorded, make, tmp_path):
    uid = recorded()
    file, _ = make()
    kept = tmp_path / "lemur.db-weights" / f"{uid}.safetensors"
    kept.parent.mkdir()
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    save_file(load_file(file), kept, metadata | {"validation": "1.0"})
    with pytest.raises(WeightsError) as caught:
        lemur_core.trained(uid)
    assert str(caught.value) == (
        f"lemur.db-weights/{uid}.safetensors: holds the weights of trial {'ab' * 16}, not of "
        f"{uid}; remove it to train the trial again"
    )


def test_classes_are_ranked_by_their_outputs():
    # Both probabilities are 1 in single precision.
    output = torch.tensor([40.0, -60.0, 41.0])
    predicted = ImageOutput(output, None, (4, 4), (4, 4))
    rows = Classification().rows(predicted, Style(("a", "b", "c"), top=2))
    assert [row["class"] for row in rows] == ["c", "a"]
    assert rows[0]["probability"] == pytest.approx(1 / (1 + math.exp(-1)))
    assert len(Classification().rows(predicted, Style(top=9))) == 3


def test_pixels_are_counted_without_the_transforms_padding():
    output = torch.zeros(3, 2, 2)
    output[2, 0] = 1
    output[1, 1] = 1
    target = torch.tensor([[0, 0], [0, -1]])
    target[target == -1] = Segmentation().batch(1, 1, 2, torch.float32)[1][0, 0, 0]
    rows = Segmentation().rows(ImageOutput(output, target, (2, 2), (2, 2)), Style())
    assert rows == [
        {"class": "2", "index": 2, "share": 2 / 3},
        {"class": "1", "index": 1, "share": 1 / 3},
    ]


def test_boxes_are_moved_back_into_the_image():
    # An image of 40 x 20 pixels, scaled by 2 and 4, and shifted by 10 to the right.
    scale, shift = torch.tensor([2.0, 4, 2, 4]), torch.tensor([10.0, 0, 10, 0])
    boxes = torch.tensor([[10.0, 0, 20, 40], [0, 0, 500, 500], [0, 0, 5, 5]])
    output = {
        "boxes": boxes,
        "labels": torch.tensor([1, 2, 1]),
        "scores": torch.tensor([0.6, 0.9, 0.1]),
    }
    target = {"boxes": probe_boxes(20, 40) * scale + shift}
    predicted = ImageOutput(output, target, (20, 40), (80, 100))
    rows = Detection().rows(predicted, Style(("-", "a", "b")))
    assert [row["class"] for row in rows] == ["b", "a"]
    assert [rows[1][side] for side in ("left", "top", "right", "bottom")] == [0, 0, 5, 10]
    assert [rows[0][side] for side in ("left", "top", "right", "bottom")] == [0, 0, 40, 20]


def test_boxes_of_a_transform_that_mirrors_are_refused():
    moved = probe_boxes(20, 40)
    moved[1] += 5
    output = {"boxes": moved, "labels": torch.tensor([1, 1]), "scores": torch.tensor([0.6, 0.9])}
    with pytest.raises(lemur_core.errors.MisfitError, match="cannot be placed in the image"):
        Detection().rows(ImageOutput(output, {"boxes": moved}, (20, 40), (20, 40)), Style())


@pytest.mark.parametrize(
    ("flags", "keep"),
    [
        ({"patterns": (LINEAR,)}, "best"),
        ({"patterns": ("img-classification_blobs_*_{Linear,Tall}",)}, "best"),
        ({"net": ("Linear",), "dataset": ("blobs[samples=8]",)}, "best"),
        ({"net": ("my/Net.py",), "patterns": ("img-classification_blobs",)}, "best"),
        ({"patterns": ("my/Net.py",), "dataset": ("blobs",)}, "best"),
        ({"patterns": (LINEAR,), "keep_weights": "no"}, "no"),
        ({"patterns": ("img-classification_blobs",)}, "no"),
        ({"patterns": ("img-classification_blobs_hits_L*",)}, "no"),
        ({"patterns": ("img-classification_*_hits_Linear",)}, "no"),
        ({"net": ("Linear",)}, "no"),
        ({}, "no"),
    ],
)
def test_the_command_keeps_weights_of_nets_and_datasets_that_are_named(
    flags, keep, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "Net.py").touch()
    assert settings_of(flags, set(flags)).keep_weights == keep


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"score": math.nan}, "score is nan; give a number from 0 to 1"),
        ({"score": 1.5}, "score is 1.5; give a number from 0 to 1"),
        ({"top": 0}, "top is 0; give a whole number of at least 1"),
    ],
)
def test_a_number_outside_its_range_is_refused(settings, error):
    with pytest.raises(SettingsError) as raised:
        Style(**settings)
    assert str(raised.value) == error


@pytest.mark.parametrize("command", [("predict", "x", "y"), ("show", "pictures", "x")])
def test_nan_is_no_score(lemur, command):
    status, _, errors = lemur(*command, "--score", "nan")
    assert status == 2
    assert "Invalid value for '--score': nan is not a number from 0 to 1." in errors
