"""Zoos in the published layout are read with its traps, and written so that it reads the same."""

import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import lemur_core
from lemur_core.errors import SettingsError
from lemur_zoo import Zoo
from lemur_zoo.cli.group import zoo as commands
from lemur_zoo.layout.reading import import_published
from lemur_zoo.layout.writing import export_published
from lemur_zoo.storage.header import ZooError

from .conftest import run
from .published_zoo import PARAMS, PublishedNet, read, rewrite, row, save_optimizer, write_member


def test_members_are_read_with_their_names_in_order(published, tmp_path):
    zoo = read(published, tmp_path)
    assert [member.seed for member in zoo.population] == [5, 4, 6]
    assert [*zoo.members["split"]] == ["test", "train", "validation"]
    assert [*zoo.members["dropout"]] == [0.5, 0.0, 0.0]
    assert [*zoo.members["activation"]] == ["gelu", "tanh", "tanh"]
    assert (zoo.spec.net, zoo.header.width, zoo.header.in_shape) == ("CNN-S", 2_464, (1, 1, 28, 28))
    assert [*zoo.last_epochs] == [2, 2, 1]


def test_layers_whose_numbers_dropout_shifts_are_read_in_their_place(published, tmp_path):
    zoo = read(published, tmp_path)
    images = torch.randn(5, 1, 28, 28)
    for member, place, net in ((0, 1, PublishedNet(1, nn.GELU, 0.5)), (1, 0, None)):
        net = net or PublishedNet(1, nn.Tanh, 0)
        for epoch in range(3):
            net.load_state_dict(published[1][place][epoch])
            with torch.no_grad():
                expected, ours = net.eval()(images), zoo.net(member, epoch)(images)
            torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


def test_what_was_not_measured_is_missing(published, tmp_path):
    zoo = read(published, tmp_path)
    scores = zoo.metrics.set_index(["member", "epoch"])
    assert np.isnan(scores.loc[(0, 0), ["train_loss", "train_accuracy"]]).all()
    assert scores["validation_loss"].isna().all()
    assert [
        *scores.loc[(1, 2), ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]]
    ] == (pytest.approx([-0.1, 0.4, 0.0, 0.5]))
    assert not zoo.members["diverged"].any()


def test_further_columns_are_kept(published, tmp_path):
    zoo = read(published, tmp_path)
    assert [*zoo.extra.columns] == ["member", "epoch", "hessian_trace"]
    traces = zoo.extra.set_index(["member", "epoch"])["hessian_trace"]
    assert traces[(0, 1)] == 3.5
    assert np.isnan(traces[(1, 1)])


def test_lines_that_were_written_again_count_last(published, tmp_path):
    file = published[0] / "NN_b" / "result.json"
    file.write_text(file.read_text() + row(1, {}, test_acc=0.9) + "\n")
    assert read(published, tmp_path).scores[1, 1, 2, 1] == 0.9


def test_members_that_diverged_are_flagged(published, tmp_path):
    file = published[0] / "NN_b" / "result.json"
    file.write_text(file.read_text() + row(2, {}, test_loss=float("nan")) + "\n")
    assert [*read(published, tmp_path).members["diverged"]] == [False, True, False]


def test_an_epoch_without_a_loss_has_not_diverged(published, tmp_path):
    file = published[0] / "NN_b" / "result.json"
    lacking = [{"test_loss": -999, "test_acc": 0.5}, {"test_loss": None}]
    rows = [row(1, {}, **lacking[0]), row(2, {}, **lacking[1])]
    file.write_text(file.read_text() + "".join(f"{line}\n" for line in rows))
    zoo = read(published, tmp_path)
    assert np.isnan(zoo.scores[1, 1:, 2, 0]).all()
    assert not zoo.diverged.any()
    assert len(zoo.dataset("test_accuracy", epochs=[1])) == 3
    # A missing loss stays missing, and one that is NaN stays NaN.
    file.write_text(file.read_text() + row(2, {}, test_loss=float("nan"), test_acc=-999) + "\n")
    zoo = read(published, tmp_path, "lost")
    assert [*zoo.diverged] == [False, True, False]
    export_published(zoo, tmp_path / "out")
    text = (tmp_path / "out" / "NN_tune_trainable_00001" / "result.json").read_text()
    results = [json.loads(line) for line in text.splitlines()]
    assert [result["test_loss"] for result in results[:2]] == [2.0, -999]
    assert np.isnan(results[2]["test_loss"])
    assert results[2]["test_acc"] == -999


def test_a_dataset_is_named_as_it_is_recorded(published, tmp_path):
    import_published(published[0], tmp_path / "read", "vision-cls/digits[test=40, samples=60]")
    assert Zoo(tmp_path / "read").spec.dataset == "digits[samples=60,test=40]"


def test_members_whose_losses_were_not_stored_have_not_diverged(published, tmp_path):
    for file in published[0].glob("*/result.json"):
        rewrite(file, lambda row: {name: row[name] for name in row if name != "test_loss"})
    # One that was measured on another split than the others.
    rewrite(
        published[0] / "NN_c" / "result.json",
        lambda row: {**row, "train_loss": -999, "val_loss": 1.0, "val_acc": 0.5},
    )
    zoo = read(published, tmp_path)
    assert np.isnan(zoo.scores[..., 2, 0]).all()
    assert zoo.scores[1, 2, 2, 1] == pytest.approx(0.5)
    assert not zoo.diverged.any()
    assert len(zoo.dataset("test_accuracy", epochs=[1])) == 3


def test_members_that_never_had_a_finite_loss_have_diverged(published, tmp_path):
    lost = {"train_loss": float("nan"), "test_loss": float("nan")}
    rewrite(published[0] / "NN_b" / "result.json", lambda row: {**row, **lost})
    lost = {"test_loss": float("inf")}
    rewrite(published[0] / "NN_c" / "result.json", lambda row: {**row, **lost})
    assert [*read(published, tmp_path).diverged] == [False, True, True]


def test_a_zoo_without_the_state_before_training_begins_with_epoch_1(published, tmp_path):
    for place in [*published[0].glob("*/checkpoint_000000"), *published[0].glob("*/checkpoint_0")]:
        (place / "checkpoints").unlink()
    zoo = read(published, tmp_path)
    assert [*zoo.metrics.query("member == 0")["epoch"]] == [1, 2]
    with pytest.raises(ZooError, match=r"member 0 has epochs 1 to 2, not 0"):
        zoo.weights(0, 0)
    assert not zoo.members["diverged"].any()


def test_newer_zoos_have_shared_values_in_their_configuration(published, tmp_path):
    shared = {"optim::scheduler": "OneCycleLR", "seed": 1, "model::width": 8}
    (published[0] / "config.json").write_text(json.dumps(shared))
    zoo = read(published, tmp_path)
    assert {*zoo.members["schedule"]} == {"onecycle"}
    assert [*zoo.members["seed"]] == [5, 4, 6]


def test_buffers_of_normalisation_are_not_weights(tmp_path):
    root = tmp_path / "zoo"
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    states = write_member(root / "NN_a", net, {**PARAMS, "seed": 1}, (0, 1))
    output = run(
        "import", root, "--out", tmp_path / "read", "--dataset", "digits",
        "--db", tmp_path / "lemur.db",
    )  # fmt: skip
    assert "3 buffers of batch normalisation, such as 1.running_mean, are left out" in output
    zoo = Zoo(tmp_path / "read")
    assert [item.name for item in zoo.parameters] == [name for name, _ in net.named_parameters()]
    for name, value in zoo.state_dict(0, 1).items():
        assert torch.equal(value, states[1][name])


def test_layers_of_several_lists_keep_their_order(tmp_path):
    root = tmp_path / "zoo"
    layers = {"conv1": nn.Conv2d(1, 2, 3), "conv2": nn.Conv2d(2, 2, 3), "fc1": nn.Linear(8, 3)}
    net = nn.Sequential(OrderedDict(layers))
    write_member(root / "NN_a", net, {**PARAMS, "seed": 1}, (0,))
    zoo = read([root], tmp_path)
    assert [item.name for item in zoo.parameters] == [name for name, _ in net.named_parameters()]


def test_each_member_has_the_steps_of_its_own_optimizer(published, tmp_path):
    root = published[0]
    net = PublishedNet(1, nn.Tanh, 0)
    sgd = json.loads((root / "NN_a" / "params.json").read_text())
    (root / "NN_a" / "params.json").write_text(json.dumps({**sgd, "optim::optimizer": "sgd"}))
    place = "checkpoint_000002"
    save_optimizer(root / "NN_a" / "checkpoint_2", net, torch.optim.SGD, 2)
    state = save_optimizer(root / "NN_b" / place, net, torch.optim.Adam, 5)
    write_member(root / "NN_d", PublishedNet(1, nn.Tanh, 0), {**PARAMS, "seed": 8}, (0, 1, 2))
    save_optimizer(root / "NN_d" / place, net, torch.optim.Adam, 7)
    index = json.loads((root / "index_dict.json").read_text())
    (root / "index_dict.json").write_text(json.dumps({**index, "testset": ["NN_a", "NN_d"]}))
    zoo = read(published, tmp_path)
    assert [zoo.moments(member)[2] for member in range(4)] == [0, 5, 0, 7]
    expected = torch.cat([state[number]["exp_avg"].flatten() for number in sorted(state)])
    np.testing.assert_array_equal(zoo.moments(1)[0], expected)


def test_a_zoo_that_was_written_reads_as_it_was(small, tmp_path):
    zoo = Zoo(small)
    db = tmp_path / "lemur.db"
    output = run("export", small, tmp_path / "out")
    assert "wrote 48 states of 16 members to" in output
    run("import", tmp_path / "out", "--out", tmp_path / "read", "--dataset", "digits", "--db", db)
    again = Zoo(tmp_path / "read")
    assert [member.values for member in again.population] == [
        {**member.values} for member in zoo.population
    ]
    assert [*again.members["split"]] == [*zoo.members["split"]]
    assert again.parameters == zoo.parameters
    for member in range(len(zoo)):
        np.testing.assert_array_equal(again.history(member), zoo.history(member))
        ours, theirs = again.moments(member), zoo.moments(member)
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_array_equal(again.scores[:, 1:], zoo.scores[:, 1:])
    # The published layout has no training scores of the state before training.
    np.testing.assert_array_equal(again.scores[:, 0, 1:], zoo.scores[:, 0, 1:])
    assert len(lemur_core.data(collection="out", db=db)) == 32


def test_what_is_written_is_what_the_published_net_loads(small, tmp_path):
    zoo = Zoo(small)
    export_published(zoo, tmp_path / "out")
    activations = {"tanh": nn.Tanh, "relu": nn.ReLU}
    images = torch.randn(3, 1, 28, 28)
    for member in zoo.population:
        folder = tmp_path / "out" / f"NN_tune_trainable_{member.number:05}"
        params = json.loads((folder / "params.json").read_text())
        net = PublishedNet(1, activations[params["model::nlin"]], params["model::dropout"])
        state = torch.load(folder / "checkpoint_000002" / "checkpoints", weights_only=True)
        net.load_state_dict(state)
        with torch.no_grad():
            torch.testing.assert_close(
                net.eval()(images), zoo.net(member.number)(images), rtol=1e-4, atol=1e-4
            )
        kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
        optimizer = kinds[params["optim::optimizer"]](net.parameters(), lr=1.0)
        optimizer.load_state_dict(
            torch.load(folder / "checkpoint_000002" / "optimizer", weights_only=True)
        )
        assert optimizer.param_groups[0]["lr"] == params["optim::lr"]
    index = json.loads((tmp_path / "out" / "index_dict.json").read_text())
    assert index["layer"] == [
        [0, "conv2d"], [3, "conv2d"], [6, "conv2d"], [9, "fc"], [11, "fc"],
    ]  # fmt: skip
    assert index["idx_start"][-1] + index["idx_length"][-1] == 2_464


@pytest.mark.parametrize(("dropout", "numbers"), [(0.2, [0, 4, 8, 11, 14]), (0, [0, 3, 6, 9, 11])])
def test_the_index_has_the_numbers_that_all_states_have(tmp_path, dropout, numbers):
    root = tmp_path / "zoo"
    net = PublishedNet(1, nn.Tanh, dropout)
    for seed in (1, 2):
        config = {**PARAMS, "seed": seed, "model::dropout": dropout}
        write_member(root / f"NN_{seed}", net, config, (0,))
    export_published(read([root], tmp_path), tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index_dict.json").read_text())
    assert [number for number, _ in index["layer"]] == numbers
    checkpoint = tmp_path / "out" / "NN_tune_trainable_00001" / "checkpoint_000000"
    state = torch.load(checkpoint / "checkpoints", weights_only=True)
    assert [*state] == [*net.state_dict()]


def test_an_imported_zoo_is_not_trained_on(published, tmp_path):
    read(published, tmp_path)
    from click.testing import CliRunner

    result = CliRunner().invoke(commands, ["extend", str(tmp_path / "read"), "--epochs", "1"])
    assert "is imported, and its members cannot be trained on" in str(result.exception)
    with pytest.raises(SettingsError, match="is not empty"):
        import_published(published[0], tmp_path / "read", "digits")
