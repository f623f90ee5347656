"""Layers of initial weights that training does not change."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import lemur_core
from lemur_core import data
from lemur_core.errors import ContractError, MisfitError, SettingsError
from lemur_core.events import EpochEnded
from lemur_core.notices import Notice
from lemur_core.settings import Settings
from lemur_core.train.freezing import FrozenLayers, last_layer
from lemur_core.trial import State

# The layers are not defined in the order in which they are called.
NET = """
import torch
from torch import nn
from lemur_core.kinds.net import Classifier

def supported_hyperparameters():
    return {"lr": "0.1..0.2"}

class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.head = nn.Linear(6, *out_shape)
        self.stem = nn.Sequential(nn.Linear(16, 6), nn.BatchNorm1d(6))
        self.block = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6, affine=False))

    def forward(self, images):
        return self.head(self.block(self.stem(images.flatten(1))).relu())
"""
POINT = {"lr": 0.2, "batch": 16, "transform": "plain"}


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)
        self.stem = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
        self.plain = nn.BatchNorm1d(6, affine=False)
        self.token = nn.Parameter(torch.zeros(6))

    def forward(self, inputs):
        return self.head(self.plain(self.stem(inputs)) + self.token)


INPUTS = torch.randn(5, 4)


def step(net):
    """Train with momentum and weight decay, which change what has a gradient of zero."""
    optimizer = torch.optim.SGD(net.parameters(), 0.5, momentum=0.9, weight_decay=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        net.train()(INPUTS).square().sum().backward()
        optimizer.step()


def changed(net, before):
    return {
        name for name, value in net.state_dict().items() if not torch.equal(value, before[name])
    }


def copy_of(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "Norm.py"
    file.write_text(NET)
    return file


@pytest.fixture
def run(toys, file, tmp_path):
    """Train the net for two epochs, and return the summary."""
    db = str(tmp_path / "results.db")

    def run(**settings):
        given = {"epochs": 2, "threads": 1, "in_process": True, "keep_weights": "last", "db": db}
        given |= {"points": [POINT], "metric": "hits"}
        given |= {"net": str(file), "dataset": "blobs"}
        return lemur_core.run(**(given | settings))

    run.db = db
    return run


@pytest.fixture
def weights(run, tmp_path):
    """A file of weights that were trained."""
    run()
    [trained] = (tmp_path / "results.db-weights").glob("*.safetensors")
    return shutil.copy(trained, tmp_path / "weights.safetensors")


def freezing(run):
    frame = data(db=run.db)
    return frame[[("freeze" in prm) for prm in frame["prm"]]]


def trained_weights(run):
    [uid] = set(freezing(run)["trial"])
    return load_file(f"{run.db}-weights/{uid}-last.safetensors")


NORM = {"stem.1.running_mean", "stem.1.running_var", "stem.1.num_batches_tracked"}
PLAIN = {name.replace("stem.1", "plain") for name in NORM}
HEAD, STEM = {"head.weight", "head.bias"}, {"stem.0.weight", "stem.0.bias"}
SCALE = {"stem.1.weight", "stem.1.bias"}


@pytest.mark.parametrize(
    ("patterns", "trained"),
    [
        (["backbone"], HEAD),
        (["stem"], {*HEAD, *PLAIN, "token"}),
        (["stem.*", "token"], {*HEAD, *PLAIN}),
        (["stem.0"], {*HEAD, *SCALE, *NORM, *PLAIN, "token"}),
        # The statistics change, because only a part of the layer is frozen.
        (["*.bias"], {"head.weight", "stem.0.weight", "stem.1.weight", *NORM, *PLAIN, "token"}),
        (["stem", "[pt]*"], HEAD),
    ],
)
def test_what_matches_is_not_trained(patterns, trained):
    net = Small()
    before = copy_of(net)
    frozen = FrozenLayers(net, patterns, INPUTS)
    step(net)
    frozen.check()
    assert changed(net, before) == trained


def test_the_last_layer_is_the_one_that_is_called_last():
    assert last_layer(Small(), INPUTS) == {"head.weight", "head.bias"}


class Uncalled(nn.Module):
    """Uses the parameters of a layer without calling it."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 2)])

    def forward(self, inputs):
        return inputs @ self.layers[0].weight.T


def test_a_net_without_a_last_layer_has_no_backbone():
    with pytest.raises(
        MisfitError, match="^freeze 'backbone': the last layer of net '' is unknown"
    ):
        FrozenLayers(Uncalled(), ["backbone"], INPUTS)


def test_a_part_that_is_called_backbone_is_what_is_frozen():
    net = nn.Module()
    net.backbone, net.neck, net.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
    FrozenLayers(net, ["backbone"], None)
    assert [name for name, parameter in net.named_parameters() if not parameter.requires_grad] == [
        "backbone.weight", "backbone.bias",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("stm", "freeze 'stm': net 'Small' has no such layer. Did you mean 'stem' or 'stem.1' or "
         "'stem.0'?"),
        ("zzz", "freeze 'zzz': net 'Small' has no such layer; there are head, stem, token, stem.0, "
         "stem.1"),
        ("*", "freeze '*' leaves nothing of net 'Small' to train"),
        ("head", "freeze 'head' includes head.bias of net 'Small', which is not loaded from the "
         "weights' file and must be trained"),
    ],
)  # fmt: skip
def test_an_impossible_pattern_is_reported_in_one_line(pattern, message):
    drawn = HEAD if pattern == "head" else ()
    with pytest.raises(MisfitError) as caught:
        FrozenLayers(Small(), [pattern], INPUTS, drawn, "Small")
    assert str(caught.value) == message


def test_a_layer_without_parameters_can_be_frozen():
    net = Small()
    before = copy_of(net)
    FrozenLayers(net, ["plain"], INPUTS)
    step(net)
    assert changed(net, before) == before.keys() - PLAIN


def test_a_net_that_changes_frozen_layers_is_reported():
    net = Small()
    frozen = FrozenLayers(net, ["stem"], INPUTS, name="Small")
    with torch.no_grad():
        net.stem[0].bias += 1
    with pytest.raises(ContractError, match=r"^net 'Small': its training changes frozen stem.0.b"):
        frozen.check()


def test_a_trial_keeps_frozen_layers_to_the_last_bit(run, weights):
    summary = run(weights=weights, freeze="backbone")
    assert summary.states == {State.FINISHED: 1}
    assert {prm["freeze"] for prm in freezing(run)["prm"]} == {"backbone"}
    before, after = load_file(weights), trained_weights(run)
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        "head.weight", "head.bias",
    }  # fmt: skip


def test_a_trial_that_changes_frozen_layers_fails(run, weights, file):
    learn = """
    def learn(self, train_data):
        loss = super().learn(train_data)
        with torch.no_grad():
            self.stem[0].bias += 1
        return loss
"""
    file.write_text(NET + learn)
    summary = run(weights=weights, freeze="stem")
    assert summary.states == {State.FAILED: 1}
    [reason] = summary.reasons
    assert reason.endswith("net 'Norm': its training changes frozen stem.0.bias")


def test_a_campaign_that_freezes_other_layers_trains_other_trials(run, weights):
    assert run(weights=weights, freeze="stem,block").states == {State.FINISHED: 1}
    assert not run(weights=weights, freeze=["block", "stem"]).states
    assert run(weights=weights, freeze="stem").states == {State.FINISHED: 1}
    assert run(weights=weights).states == {State.FINISHED: 1}


def test_an_interrupted_trial_resumes_with_frozen_layers(run, weights):
    def interrupt(event):
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    run(weights=weights, freeze="backbone", watch=interrupt)
    assert run(weights=weights, freeze="backbone").states == {State.FINISHED: 1}
    resumed = freezing(run)["validation_loss"].tolist()
    run(weights=weights, freeze="backbone", db=run.db + "2")
    assert data(db=run.db + "2")["validation_loss"].tolist() == resumed


def test_the_head_for_other_classes_starts_with_random_weights(run, weights, tmp_path):
    tensors = load_file(weights)
    for name in ("head.weight", "head.bias"):
        tensors[name] = torch.ones(7, *tensors[name].shape[1:])
    other = tmp_path / "seven.safetensors"
    save_file(tensors, other)
    with pytest.warns(Notice) as caught:
        summary = run(weights=other, freeze="backbone")
    assert summary.states == {State.FINISHED: 1}
    assert str(caught[0].message) == (
        f"{other} is of a net with 7 classes, and the dataset has 2: head of net 'Norm' starts "
        "with random weights"
    )
    after = trained_weights(run)
    assert after["head.weight"].shape == (2, 6)
    assert all(torch.equal(after[name], tensors[name]) for name in after if "head" not in name)


def test_freeze_needs_initial_weights():
    with pytest.raises(SettingsError) as caught:
        Settings.of({"freeze": "stem"})
    assert str(caught.value) == (
        "freeze keeps layers of initial weights as they are; name their file with weights"
    )
    with pytest.raises(SettingsError) as caught:
        Settings.of({"freeze": "", "weights": "one.safetensors"})
    assert str(caught.value) == "freeze has an empty name; expected names of layers"


def test_a_point_without_weights_has_nothing_to_freeze(run, weights):
    points = [POINT, POINT | {"weights": str(weights)}]
    summary = run(points=points, freeze="stem")
    assert summary.states == {State.FINISHED: 1, State.FAILED: 1}
    [reason] = summary.reasons
    assert reason == (
        "freeze 'stem' keeps layers of initial weights as they are; the trial has no file of "
        "weights"
    )


def test_the_kept_weights_of_a_trial_with_frozen_layers_are_enough(run, weights):
    run(weights=str(weights), freeze="stem", keep_weights="best")
    [uid] = set(freezing(run)["trial"])
    weights.unlink()
    matrix = lemur_core.confusion(uid, db=run.db)
    assert matrix.accuracy == data(db=run.db, where={"trial": uid})["accuracy"].max()


def test_a_trial_with_frozen_layers_cannot_continue(run, weights):
    run(weights=str(weights), freeze="stem", keep_checkpoints="every")
    [uid] = set(freezing(run)["trial"])
    with pytest.raises(SettingsError) as caught:
        lemur_core.run(continues=uid, epochs=4, db=run.db)
    assert str(caught.value) == (
        f"trial {uid[:8]} has frozen layers, freeze=stem; it cannot continue, because its "
        "checkpoint does not record which ones"
    )
    assert set(data(db=run.db, with_stats=True)["number"]) == {1, 2}
