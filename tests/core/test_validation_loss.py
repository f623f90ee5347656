"""The loss on the validation split, which is recorded beside the training loss."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import lemur_core
from lemur_core import data
from lemur_core.composition import compose
from lemur_core.errors import RecordingError
from lemur_core.kinds.net import Classifier, optional_method
from lemur_core.pattern import Pattern
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.train.data import Bundles
from lemur_core.train.training import Training, run_trial
from lemur_core.train.validation_loss import ValidationLoss
from lemur_core.trial import Trial

LINEAR = "img-classification_blobs_hits_Linear"
PRM = {"lr": 0.05, "batch": 8, "transform": "plain", "momentum": 0.9, "width": 2}
CPU = torch.device("cpu")


@pytest.fixture
def trial(toys):
    [pipeline] = compose(toys, [Pattern.parse(LINEAR)])
    return Trial(pipeline, 1, PRM | {"optimizer": "sgd", "scheduler": "constant"}, 3, 3)


class Net(Classifier):
    def __init__(self):
        super().__init__((), (3,), {}, CPU)

    def forward(self, images):
        return images


class OtherLoss(Net):
    def loss(self, outputs, targets):
        return outputs.sum()


class OtherBatchLoss(Net):
    def batch_loss(self, inputs, targets):
        return inputs.sum()


class OwnValidationLoss(OtherLoss):
    def validation_loss(self, outputs, targets):
        return outputs.mean()


def loss_of(net, *batches):
    loss = ValidationLoss(net)
    for outputs, targets in batches:
        loss.record(outputs, targets)
    return loss.mean()


def test_the_validation_loss_is_the_cross_entropy_of_the_split(trial, tmp_path):
    bundle = Bundles(tmp_path).get(trial.pipeline)
    training = Training(trial, bundle)
    split = bundle.validation
    for epoch in training.epochs():
        with torch.no_grad():
            outputs = training.net.eval()(training.transform(split.inputs))
        expected = cross_entropy(outputs.double(), split.targets).item()
        assert epoch.validation_loss == pytest.approx(expected, rel=1e-6)
        assert epoch.validation_loss != epoch.loss


def test_the_validation_loss_does_not_affect_training(trial, tmp_path, monkeypatch):
    def outcome():
        training = Training(trial, Bundles(tmp_path).get(trial.pipeline))
        epochs = [replace(epoch, duration_ns=0) for epoch in training.epochs()]
        return epochs, training.net.state_dict(), torch.get_rng_state()

    epochs, weights, generator = outcome()
    assert all(epoch.validation_loss is not None for epoch in epochs)
    monkeypatch.setattr(Classifier, "validation_loss", None)
    without, same_weights, same_generator = outcome()
    assert without == [replace(epoch, validation_loss=None) for epoch in epochs]
    assert all(torch.equal(value, same_weights[name]) for name, value in weights.items())
    assert torch.equal(generator, same_generator)


def test_pixels_that_are_ignored_do_not_count():
    torch.manual_seed(0)
    outputs, targets = torch.randn(6, 3, 4, 4), torch.randint(3, (6, 4, 4))
    targets[1] = -100
    targets[3, 0] = -100
    # The second batch has no pixel that counts.
    parts = [(outputs[part], targets[part]) for part in (slice(1), slice(1, 2), slice(2, 6))]
    expected = cross_entropy(outputs.double(), targets).item()
    assert loss_of(Net(), *parts) == pytest.approx(expected, rel=1e-6)


def test_a_mean_is_weighted_by_the_samples_of_the_batches():
    net = OwnValidationLoss()
    batches = [(torch.full((3, 3), 1.0), torch.zeros(3)), (torch.zeros(1, 3), torch.zeros(1))]
    assert loss_of(net, *batches) == 0.75


def test_a_net_that_trains_with_another_loss_has_no_validation_loss():
    batch = torch.randn(2, 3), torch.tensor([0, 1])
    assert loss_of(Net(), batch) is not None
    for net in (OtherLoss(), OtherBatchLoss(), nn.Linear(1, 1)):
        assert loss_of(net, batch) is None
    assert optional_method(OwnValidationLoss(), "validation_loss") is not None


@pytest.mark.parametrize("logit", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_is_unknown(logit):
    assert loss_of(Net(), (torch.tensor([[logit, 0.0, 0.0]]), torch.tensor([1]))) is None


def test_no_target_that_counts_is_no_loss():
    assert loss_of(Net(), (torch.zeros(1, 3, 2, 2), torch.full((1, 2, 2), -100))) is None


def test_the_validation_loss_is_recorded(trial, tmp_path):
    db = str(tmp_path / "results.db")
    settings = {
        "points": [PRM],
        "batch": "8",
        "epochs": 2,
        "threads": 1,
        "in_process": True,
        "db": db,
    }
    lemur_core.run(LINEAR, **settings)
    frame = data(db=db)
    assert frame["validation_loss"].notna().all()
    seed = int(data(db=db, with_stats=True)["seed"].iloc[0])
    again = replace(trial, seed=seed, epochs=2)
    epochs = run_trial(again, Bundles(tmp_path).get(trial.pipeline))
    assert frame["validation_loss"].tolist() == [epoch.validation_loss for epoch in epochs]


def test_a_validation_loss_is_exported_imported_and_merged(tmp_path):
    db, copy, merged = (str(tmp_path / f"{name}.db") for name in ("results", "copy", "merged"))
    with lemur_core.recording("img-classification_blobs_hits_Mine", {"lr": 1}, db=db) as recorded:
        recorded.epoch(validation=0.5, accuracy=0.25, loss=1.5, validation_loss=2.5)
        recorded.epoch(validation=0.5, accuracy=0.25)
    with open_engine(copy, create=True) as engine, open_engine(db) as recorded_engine:
        export(recorded_engine, tmp_path / "files")
        import_results(engine, tmp_path / "files")
    with open_engine(merged, create=True) as engine, open_engine(db) as recorded_engine:
        merge(engine, recorded_engine)
    for name in (db, copy, merged):
        losses = data(db=name)["validation_loss"].tolist()
        assert losses[0] == 2.5
        assert math.isnan(losses[1])


def test_a_recorded_validation_loss_is_finite(tmp_path):
    mine = lemur_core.recording("img-classification_blobs_hits_Mine", {}, db=tmp_path / "one.db")
    with mine as recorded, pytest.raises(RecordingError) as caught:
        recorded.epoch(validation=0.5, accuracy=0.5, validation_loss=math.inf)
    assert str(caught.value).startswith("epoch 1: validation_loss ")
