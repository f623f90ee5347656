"""The net of a recorded trial, with the weights of its best epoch."""

import pytest
import torch

import lemur_core
from lemur_core import data, registry
from lemur_core.campaign.run import campaign
from lemur_core.errors import UnknownNameError
from lemur_core.settings import Settings
from lemur_core.train import saved_weights
from lemur_core.trial import Epoch

LINEAR = "img-classification_blobs_hits_Linear"


@pytest.fixture
def trial(toys, monkeypatch, tmp_path):
    """Train a toy net, recorded in lemur.db, without saving its weights."""
    monkeypatch.chdir(tmp_path)
    settings = Settings.of({"patterns": [LINEAR], "trials": 1, "epochs": 3, "in_process": True})
    campaign(settings, toys, lambda _: None)
    with monkeypatch.context() as patched:
        patched.setattr(registry, "installed", lambda: toys)
        yield data()["trial"][0]


def score(restored):
    """Return the share of the test split's images that a net classifies correctly."""
    inputs, targets = restored.bundle.test.inputs, restored.bundle.test.targets
    with torch.inference_mode():
        predicted = restored.net(restored.transform(inputs)).argmax(1)
    return (predicted == targets).float().mean().item()


def test_the_net_has_the_weights_of_the_recorded_score(trial):
    rows = data().set_index("epoch")
    lines, epochs = [], []
    restored = lemur_core.trained(trial, watch=epochs.append, say=lines.append)
    best = rows["validation"].max()
    assert restored.validation == best == rows.loc[restored.epoch, "validation"]
    assert (
        restored.accuracy == rows.loc[restored.epoch, "accuracy"] == pytest.approx(score(restored))
    )
    assert len(epochs) == restored.epoch
    assert lines[-1] == f"saved its weights in lemur.db-weights/{trial}.safetensors"
    assert restored.description.pipeline == LINEAR
    assert repr(restored) == (
        f"Trained({LINEAR!r}, trial {trial}, epoch {restored.epoch}, "
        f"validation {best:.4f}, test {restored.accuracy:.4f}, on cpu)"
    )
    # The second call trains nothing.
    again = lemur_core.trained(LINEAR, watch=lambda epoch: pytest.fail("trained again"))
    for weights, before in zip(again.net.parameters(), restored.net.parameters(), strict=True):
        assert torch.equal(weights, before)
    assert not again.net.training


def test_weights_of_an_earlier_epoch_are_not_used_as_the_best(trial, tmp_path):
    rows, lines = data().set_index("epoch"), []
    restored = lemur_core.trained(trial)
    file = tmp_path / "lemur.db-weights" / f"{trial}.safetensors"
    earlier = Epoch(1, 0.5, float(rows["validation"].max()) - 0.01, 0.5, 10)
    saved_weights.save(file, restored.net, earlier)
    again = lemur_core.trained(trial, say=lines.append)
    assert f"{file.name} is of epoch 1: training it again" in lines[1]
    assert again.epoch == restored.epoch == saved_weights.epoch_of(file).epoch


def test_an_unknown_trial_is_named(trial):
    with pytest.raises(UnknownNameError, match="unknown trial 'zz'"):
        lemur_core.trained("zz")
