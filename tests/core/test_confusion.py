"""Confusion matrices of recorded trials."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix

import lemur_core
from lemur_core import Entry, data, registry
from lemur_core.campaign.run import campaign
from lemur_core.errors import SettingsError, ShapeError
from lemur_core.reproduction.confusion import _Counter
from lemur_core.settings import Settings

LINEAR = "img-classification_blobs_hits_Linear"
SEGMENTS = "img-segmentation_scenes_pixels_Segments"


@pytest.fixture
def train(toys, monkeypatch, tmp_path):
    """Train a toy net, recorded in lemur.db with its weights; return the trial's id."""
    extended = toys
    for kind, name, target in (
        ("net", "Segments", "lemur_toy.segments"),
        ("loader", "scenes", "lemur_toy.scenes:masks"),
        ("transform", "joint", "lemur_toy.scenes:Joint"),
        ("metric", "pixels", "lemur_toy.scenes:Pixels"),
    ):
        entry = Entry(name, target, ("img-segmentation",))
        extended = extended.with_entries(f"toy-{name}", kind, [entry])
    monkeypatch.chdir(tmp_path)

    def call(pattern, **settings):
        defaults = {"trials": 1, "epochs": 2, "in_process": True, "keep_weights": True}
        settings = Settings.of({"patterns": [pattern], **defaults, **settings})
        campaign(settings, extended, lambda _: None)
        [uid] = set(data()["trial"])
        return uid

    with monkeypatch.context() as patched:
        patched.setattr(registry, "installed", lambda: extended)
        yield call


def predicted(uid, split):
    """Return true and predicted classes, computed from the public net and data."""
    trained = lemur_core.trained(uid)
    samples = getattr(trained.bundle, split)
    targets = [int(samples[index][1]) for index in range(len(samples))]
    images = torch.stack([samples[index][0] for index in range(len(samples))])
    with torch.inference_mode():
        return targets, trained.net(trained.transform(images)).argmax(1).tolist()


@pytest.mark.parametrize(("split", "column"), [("test", "accuracy"), ("validation", "validation")])
def test_matrix_is_that_of_scikit_learn_and_has_the_recorded_score(train, split, column):
    uid = train(LINEAR)
    matrix = lemur_core.confusion(uid, split=split)
    targets, classes = predicted(uid, split)
    assert matrix.counts.dtype == np.int64
    assert (matrix.counts == confusion_matrix(targets, classes, labels=[0, 1])).all()
    assert matrix.accuracy == accuracy_score(targets, classes)
    best = data(per="trial").iloc[0]
    assert (matrix.epoch, matrix.recorded) == (best["epoch"], best[column])
    assert matrix.score == matrix.recorded
    assert matrix.is_as_recorded
    assert (matrix.trial, matrix.split, matrix.metric) == (uid, split, "hits")


def test_rows_are_true_classes():
    counter = _Counter("p", (3,))
    # Class 2 is taken for class 0 twice, in different batches.
    for targets, classes in (([2, 1], [0, 1]), ([2, 0], [0, 0])):
        counter.update(torch.eye(3)[classes], torch.tensor(targets))
    assert counter.counts.tolist() == [[1, 0, 0], [0, 1, 0], [2, 0, 0]]
    assert counter.compute() == 0.5


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.int64]
)
def test_targets_may_have_any_integer_type(dtype):
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(20, (500,), generator=generator)
    outputs = torch.rand(500, 20, generator=generator)
    counter = _Counter("p", (20,))
    counter.update(outputs, targets.to(dtype))
    expected = confusion_matrix(targets, outputs.argmax(1), labels=range(20))
    assert (counter.counts.numpy() == expected).all()


@pytest.mark.parametrize("target", [3, -1, 255])
def test_targets_that_are_no_classes_are_refused(target):
    counter = _Counter("p", (3,))
    with pytest.raises(ShapeError) as raised:
        counter.update(torch.zeros(2, 3), torch.tensor([0, target]))
    assert str(raised.value) == f"p: a target is {target}; expected a class, 0 to 2"
    assert counter.counts.sum() == 0


def test_a_score_that_is_not_the_recorded_one_is_noticed(train, tmp_path):
    train(LINEAR)
    with closing(sqlite3.connect(tmp_path / "lemur.db")) as connection, connection:
        connection.execute("UPDATE stat SET accuracy = 0.123")
    matrix = lemur_core.confusion("last")
    assert matrix.recorded == 0.123
    assert not matrix.is_as_recorded
    assert lemur_core.confusion("last", split="validation").is_as_recorded


def test_without_weights_the_trial_is_trained_again(train):
    uid = train(LINEAR, keep_weights=False)
    lines, epochs = [], []
    matrix = lemur_core.confusion(uid, say=lines.append, watch=epochs.append)
    assert matrix.is_as_recorded
    assert [epoch.number for epoch in epochs] == list(range(1, matrix.epoch + 1))
    assert "training it again" in lines[1]


def test_other_tasks_are_refused_before_anything_is_trained(train, tmp_path):
    train(SEGMENTS, keep_weights=False)
    with pytest.raises(SettingsError) as raised:
        lemur_core.confusion("last")
    assert str(raised.value) == (
        f"{SEGMENTS}: samples of task 'img-segmentation' do not have one class each; a confusion "
        "matrix is for classification"
    )
    assert not (tmp_path / "lemur.db-weights").exists()


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="needs one class per sample"):
        _Counter("p", (3,)).update(torch.zeros(2, 3, 4), torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(ShapeError, match="needs one class per sample"):
        _Counter("p", ()).update(torch.zeros(2, 1), torch.zeros(2))


def test_an_unknown_split_is_refused():
    with pytest.raises(SettingsError, match="split 'train': expected validation or test"):
        lemur_core.confusion("last", split="train")
