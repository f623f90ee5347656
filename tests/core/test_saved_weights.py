"""The weights of a trial's epochs are saved on request."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_model
from torch import nn

import lemur_core
from lemur_core import Entry, data
from lemur_core.campaign.run import campaign
from lemur_core.cli.run import run
from lemur_core.errors import SettingsError, WeightsError
from lemur_core.events import EpochEnded
from lemur_core.settings import Settings
from lemur_core.train import saved_weights, torch_adapter
from lemur_core.trial import Epoch

LINEAR = "img-classification_blobs_hits_Linear"
SCENES = "img-segmentation_scenes_pixels_Segments"
EPOCH = Epoch(3, 0.5, 0.75, 0.625, 10)
TASK = ("img-segmentation",)


@pytest.fixture
def train(toys, tmp_path):
    """Train a net that is right in its second epoch only; return the folder of weights."""
    registry = toys
    for kind, name, target in (
        ("net", "Segments", "lemur_toy.segments"),
        ("loader", "scenes", "lemur_toy.scenes:masks"),
        ("transform", "joint", "lemur_toy.scenes:Joint"),
        ("metric", "pixels", "lemur_toy.scenes:Pixels"),
    ):
        registry = registry.with_entries(f"toy-{kind}", kind, [Entry(name, target, TASK)])

    def call(watch=lambda event: None, **settings):
        db = str(tmp_path / "results.db")
        defaults = {"trials": 1, "epochs": 3, "in_process": True, "keep_weights": True}
        settings = Settings.of({"patterns": [SCENES], "db": db, **defaults, **settings})
        campaign(settings, registry, watch)
        return Path(f"{db}-weights")

    return call


def ages(folder):
    return [load_file(file)["age"].item() for file in sorted(folder.iterdir())]


def test_the_weights_of_each_trials_best_epoch_are_saved(train, tmp_path):
    folder = train(trials=2)
    rows = data(db=tmp_path / "results.db")
    assert sorted(file.stem for file in folder.iterdir()) == sorted(set(rows["trial"]))
    assert {file.suffix for file in folder.iterdir()} == {".safetensors"}
    assert ages(folder) == [2, 2]
    best = rows[rows["epoch"] == 2].iloc[0]
    net = nn.Module()
    net.age = nn.Parameter(torch.zeros(()))
    epoch = saved_weights.load(folder / f"{best['trial']}.safetensors", net, "cpu")
    assert (epoch.epoch, epoch.validation, epoch.accuracy) == (
        2, best["validation"], best["accuracy"],
    )  # fmt: skip
    assert net.age == 2


def test_the_last_epochs_weights_are_saved_beside_the_best(train, tmp_path):
    folder = train(keep_weights="last")
    [uid] = set(data(db=tmp_path / "results.db")["trial"])
    assert {file.name: load_file(file)["age"].item() for file in folder.iterdir()} == {
        f"{uid}-last.safetensors": 3
    }


def test_every_epochs_weights_are_saved_and_the_best_under_the_usual_name(train, tmp_path):
    folder = train(keep_weights="every")
    [uid] = set(data(db=tmp_path / "results.db")["trial"])
    assert {file.name: load_file(file)["age"].item() for file in folder.iterdir()} == {
        f"{uid}-epoch-1.safetensors": 1,
        f"{uid}-epoch-2.safetensors": 2,
        f"{uid}-epoch-3.safetensors": 3,
        f"{uid}.safetensors": 2,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, "best"), (False, "no"), ("no", "no"), ("last", "last"), ("every", "every")],
)
def test_keep_weights_is_a_word_or_a_boolean(value, expected):
    assert Settings.of({"keep_weights": value}).keep_weights == expected


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_other_words_are_reported_in_one_line(value):
    with pytest.raises(SettingsError) as caught:
        Settings.of({"keep_weights": value})
    assert str(caught.value) == f"keep_weights is {value!r}; expected no, best, last, every"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--keep-weights", "img"], ("best", ("img",))),
        (["img", "--keep-weights"], ("best", ("img",))),
        (["--keep-weights", "every", "img"], ("every", ("img",))),
        (["--keep-weights=last", "img"], ("last", ("img",))),
        (["--keep-weights", "-q", "img"], ("best", ("img",))),
        (["img"], (None, ("img",))),
    ],
)
def test_the_flag_alone_keeps_the_best(arguments, expected):
    parameters = run.make_context("run", list(arguments)).params
    assert (parameters["keep_weights"], parameters["patterns"]) == expected


def test_no_weights_are_saved_by_default(train):
    assert not train(keep_weights=False).exists()


def test_a_separate_process_saves_them_too(tmp_path):
    db = str(tmp_path / "results.db")
    lemur_core.run(LINEAR, trials=1, epochs=1, db=db, keep_weights=True)
    [uid] = set(data(db=db)["trial"])
    [file] = Path(f"{db}-weights").iterdir()
    assert file.stem == uid
    assert "layers.1.weight" in load_file(file)


def test_a_failure_to_write_weights_does_not_stop_training(train, tmp_path):
    (tmp_path / "results.db-weights").write_text("a file stands in the way")
    with pytest.warns(UserWarning, match="the trial's weights cannot be saved: FileExistsError"):
        train(epochs=1)
    assert list(data(db=tmp_path / "results.db")["state"]) == ["finished"]


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_resumed_trial_keeps_the_best_of_all_epochs(train, epoch):
    def interrupt(event):
        if isinstance(event, EpochEnded) and event.epoch.number == epoch:
            raise KeyboardInterrupt

    assert ages(train(interrupt)) == [epoch]
    assert ages(train()) == [2]


def test_of_equally_good_epochs_the_latest_is_kept(tmp_path):
    db = str(tmp_path / "results.db")
    train = partial(lemur_core.run, LINEAR, trials=1, in_process=True, keep_weights=True, db=db)
    train(epochs=2, lr=1e-12, prm={"momentum": 0})
    with closing(sqlite3.connect(db)) as connection:
        assert len({*connection.execute("select validation from stat")}) == 1
    [file] = Path(f"{db}-weights").iterdir()
    with safe_open(file, "pt") as opened:
        assert opened.metadata()["epoch"] == "2"


def test_weights_have_the_users_default_permissions(tmp_path):
    (tmp_path / "any").touch()
    saved_weights.save(tmp_path / "kept.safetensors", nn.Linear(2, 2), EPOCH)
    assert (tmp_path / "kept.safetensors").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_failed_write_leaves_the_previous_weights(tmp_path, monkeypatch):
    file = tmp_path / "kept.safetensors"
    before, after = nn.Linear(2, 2), nn.Linear(2, 2)
    saved_weights.save(file, before, EPOCH)

    def half(net, place, metadata):
        Path(place).write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch_adapter, "save_model", half)
    with pytest.raises(OSError, match="no space left"):
        saved_weights.save(file, after, EPOCH)
    assert list(tmp_path.iterdir()) == [file]
    assert saved_weights.load(file, after, "cpu") == (3, 0.75, 0.625)
    assert torch.equal(after.weight, before.weight)


@pytest.mark.parametrize("damage", ["cut", "other", "unnamed", "gone"])
def test_weights_that_are_not_the_nets_are_reported_in_one_line(tmp_path, damage):
    file = tmp_path / "kept.safetensors"
    saved_weights.save(file, nn.Linear(2, 3 if damage == "other" else 2), EPOCH)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-4])
    if damage == "unnamed":
        save_model(nn.Linear(2, 2), str(file))
    if damage == "gone":
        file.unlink()
    with pytest.raises(WeightsError) as raised:
        saved_weights.load(file, nn.Linear(2, 2), "cpu")
    text = str(raised.value)
    assert text.startswith(f"{file}: does not hold the weights of the trial's net (")
    assert text.endswith("); remove it to train the trial again")
    assert "\n" not in text
