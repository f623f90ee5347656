"""A zoo is read: members, scores, weights, tokens, datasets, and trials in a database."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader

import lemur_core
from lemur_core.errors import SettingsError
from lemur_zoo import Zoo
from lemur_zoo.cli.group import zoo as commands
from lemur_zoo.storage.header import ZooError
from lemur_zoo.zoo import SCORES

from .conftest import run


@pytest.fixture(scope="module")
def zoo(small):
    return Zoo(small)


def test_members_have_their_factors_splits_and_last_scores(zoo):
    members = zoo.members
    assert len(zoo) == len(members) == 16
    assert members["split"].value_counts().to_dict() == {"train": 11, "validation": 2, "test": 3}
    assert len(members[["init", "activation", "optimizer", "dropout"]].drop_duplicates()) == 16
    assert {*members["lr"]} == {3e-3}
    last = zoo.metrics[zoo.metrics["epoch"] == 2].set_index("member")
    for name in SCORES:
        np.testing.assert_array_equal(members[name], last[name])


def test_members_are_selected_by_values(zoo):
    chosen = zoo.select(init="uniform", activation=["tanh", "gelu"])
    assert {*chosen["init"]} == {"uniform"}
    assert {*chosen["activation"]} == {"tanh"}
    assert len(chosen) == 4
    with pytest.raises(SettingsError, match=r"members have no 'inti'. Did you mean 'init'\?"):
        zoo.select(inti="uniform")


@pytest.mark.parametrize(
    "values",
    [
        ("uniform", "normal"), {"uniform"}, np.array(["uniform"]), np.array("uniform"),
        pd.Series(["uniform"]), dict.fromkeys(["uniform"]).keys(), (name for name in ["uniform"]),
    ],
)  # fmt: skip
def test_members_are_selected_by_any_collection_of_values(zoo, values):
    assert [*zoo.select(init=values).index] == [*zoo.select(init="uniform").index]
    assert len(zoo.select(init="uniform")) == 8


def test_members_are_selected_by_numbers(zoo):
    assert len(zoo.select(seed=range(1, 100), diverged=np.False_, lr=np.array([3e-3]))) == 16
    assert len(zoo.select(dropout=torch.tensor([0, 1]))) == 8
    assert len(zoo.select(dropout=[])) == 0


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"lr": "0.003"}, "members: lr is '0.003'; expected a number"),
        ({"epochs": [2, True]}, "members: epochs is True; expected a number"),
        ({"diverged": 0}, "members: diverged is 0; expected True or False"),
        ({"test_loss": None}, "members: test_loss is None; expected a number"),
        ({"init": (3,)}, "members: init is 3; expected a text"),
        ({"init": [["uniform"]]}, "members: init is ['uniform']; expected a text"),
    ],
)
def test_a_value_that_a_column_cannot_have_is_an_error(zoo, where, message):
    with pytest.raises(SettingsError) as caught:
        zoo.select(**where)
    assert str(caught.value) == message


def test_a_dataset_is_pickled_without_the_weights(zoo):
    data = zoo.dataset("test_accuracy", epochs=[1])
    text = pickle.dumps(data)
    # The weights of the members alone have 16 x 3 x 2,464 x 4 bytes.
    assert len(text) < 10_000
    again = pickle.loads(text)
    torch.testing.assert_close(again[5], data[5], rtol=0, atol=0)


def test_a_zoo_that_was_opened_before_it_was_extended_keeps_its_epochs(spec, tmp_path):
    folder = tmp_path / "zoo"
    run("make", spec, "--out", folder, "--epochs", "1", "--db", tmp_path / "db")
    before, longer = Zoo(folder), Zoo(folder)
    weights = [*longer.at(-1)]
    first, _, steps = longer.moments(0)
    assert longer.epochs == 1
    run("extend", folder, "--epochs", "1", "--db", tmp_path / "db")
    assert (before.epochs, before.compared_epoch) == (1, 1)
    np.testing.assert_array_equal(before.at(-1), weights)
    assert before.metrics["epoch"].max() == 1
    assert len(before.seconds(0)) == 2
    for zoo in (before, longer):
        with pytest.raises(ZooError) as caught:
            zoo.moments(0)
        assert str(caught.value) == (
            "zoo 'small': member 0 has been trained to epoch 2 since the zoo was opened, and only "
            "its last state is stored; open the zoo again"
        )
    now, _, more = Zoo(folder).moments(0)
    assert more == 2 * steps
    assert (now != first).any()


def test_weights_are_read_by_member_and_epoch(zoo):
    history = zoo.history(3)
    assert (history.shape, history.dtype) == ((3, 2_464), np.float32)
    np.testing.assert_array_equal(zoo.weights(3), history[2])
    np.testing.assert_array_equal(zoo.weights(3, -3), history[0])
    np.testing.assert_array_equal(zoo.at(1, [3, 5]), np.stack([history[1], zoo.weights(5, 1)]))
    flat = torch.cat([value.flatten() for value in zoo.state_dict(3, 1).values()])
    np.testing.assert_array_equal(flat, history[1])
    with pytest.raises(ValueError, match="read-only"):
        history[0] = 1


@pytest.mark.parametrize(
    ("member", "epoch", "message"),
    [
        (16, 0, "zoo 'small' has members 0 to 15, not 16"),
        (-1, 0, "zoo 'small' has members 0 to 15, not -1"),
        (1, 3, "zoo 'small': member 1 has epochs 0 to 2, not 3"),
        (1, -4, "zoo 'small': member 1 has epochs 0 to 2, not -4"),
    ],
)
def test_a_member_or_epoch_that_is_not_there_is_one_line(zoo, member, epoch, message):
    for read in (zoo.weights, zoo.state_dict, zoo.net, zoo.tokens):
        with pytest.raises(ZooError) as caught:
            read(member, epoch)
        assert str(caught.value) == message


def test_tokens_are_the_channels_with_their_biases(zoo):
    tokens = zoo.tokens(4)
    state = zoo.state_dict(4)
    # 8, 6, 4, 20 and 10 channels; the longest has 8 x 25 weights and a bias.
    assert tokens.values.shape == (48, 201)
    assert tokens.values[0, :26].tolist() == [
        *state["layers.0.weight"][0].flatten().tolist(), state["layers.0.bias"][0].item(),
    ]  # fmt: skip
    assert not tokens.values[0, 26:].any()
    assert not tokens.mask[0, 26:].any()
    assert tokens.values[47, 20] == state["layers.15.bias"][9]
    assert tokens.positions[[0, 7, 8, 47]].tolist() == [[0, 0, 0], [7, 0, 7], [8, 1, 0], [47, 4, 9]]
    assert int(tokens.mask.sum()) == 2_464


@pytest.mark.parametrize("size", [0, 1, 7, 50, 500])
def test_weights_are_recovered_from_tokens_of_any_size(zoo, size):
    tokenizer = zoo.tokenizer(size)
    weights = zoo.at(2)
    tokens = tokenizer.tokens(weights)
    assert tokens.values.shape[2] == (size or 201)
    assert tokens.values.shape[1:] == tokens.mask.shape
    np.testing.assert_array_equal(tokenizer.weights(tokens.values), weights)


def test_a_dataset_gives_weights_and_targets_to_torch(zoo):
    data = zoo.dataset("test_accuracy", epochs=(0, 2), split="train")
    assert len(data) == 22
    ((weights, targets),) = DataLoader(data, batch_size=22)
    assert weights.shape == (22, 2_464)
    for row, (member, epoch), target in zip(weights, data.pairs, targets, strict=True):
        np.testing.assert_array_equal(row, zoo.weights(member, epoch))
        assert target == np.float32(zoo.scores[member, epoch, 2, 1])
    assert zoo.dataset("epoch", epochs=[0, 2]).targets.tolist() == [0, 2] * 16
    init = zoo.dataset("init").targets
    assert init.tolist() == [float(value == "kaiming_uniform") for value in zoo.members["init"]]
    assert zoo.dataset("dropout").targets.tolist() == pytest.approx([*zoo.members["dropout"]])
    largest = np.abs(zoo.at(2)).max(axis=1)
    middle = float(np.median(largest))
    kept = [member for member, _ in zoo.dataset(threshold=middle).pairs]
    assert kept == [*np.flatnonzero(largest <= middle)]
    with pytest.raises(SettingsError, match=r"members have no target 'accuracy'"):
        zoo.dataset("accuracy")


def test_a_zoo_is_a_collection_of_trials(small, zoo, tmp_path):
    db = str(tmp_path / "lemur.db")
    done = lemur_core.import_results(small, db=db)
    assert (done.added, done.present, list(done.faults)) == (32, 0, [])
    frame = lemur_core.data(collection="small", prm_as_columns=True, db=db)
    assert len(frame) == 32
    facts = lemur_core.data(collection="small", with_facts=True, with_stats=True, db=db)
    members = facts.set_index(["zoo.member", "epoch"])
    for row in zoo.metrics.query("epoch > 0").itertuples():
        ours = members.loc[(row.member, row.epoch)]
        assert ours["accuracy"] == row.test_accuracy
        assert ours["validation"] == row.validation_accuracy
        assert ours["loss"] == row.train_loss
        assert ours["validation_loss"] == row.validation_loss
        assert ours["zoo.split"] == zoo.members["split"][row.member]
        assert ours["prm"]["lr"] == 3e-3
    assert frame["nn_code"].str.startswith('"""CNN-S').all()
    again = lemur_core.import_results(small, form="zoo", db=db)
    assert (again.added, again.present) == (0, 32)


def test_the_time_of_a_group_is_divided_among_its_members(small, zoo, tmp_path):
    db = str(tmp_path / "lemur.db")
    lemur_core.import_results(small, db=db)
    frame = lemur_core.data(collection="small", db=db)
    taken = frame[frame["epoch"] == 2]["duration"].sum() / 1e9
    states = [np.load(path)["seconds"] for path in (small / "states").iterdir()]
    assert len(states) < len(zoo)
    assert taken == pytest.approx(sum(seconds[2] for seconds in states))
    assert sorted(zoo.trained_with(3)) == sorted(
        next(group for group in zoo.header.groups if 3 in group)
    )


def test_a_zoo_that_grows_adds_to_its_collection(spec, tmp_path):
    db = str(tmp_path / "lemur.db")
    folder = tmp_path / "zoo"
    output = run("make", spec, "--out", folder, "--epochs", "1", "--db", db)
    assert f"recorded 16 epochs in {db}, 0 were there already" in output
    output = run("extend", folder, "--epochs", "1", "--members", "2", "--db", db)
    assert f"recorded 20 epochs in {db}, 16 were there already" in output
    assert len(lemur_core.collection("small", db=db).members) == 18
    other = tmp_path / "other"
    output = run("make", spec, "--out", other, "--epochs", "1", "--db", db)
    assert "collection 'small'" in output
    assert "'small-2'" in output


def test_show_says_what_a_zoo_holds(small):
    output = run("show", small)
    assert "net         CNN-S with 2,464 parameters" in output
    assert "members     16 (11 train, 2 validation, 3 test)" in output
    assert "epochs      0 to 2, of 2" in output
    assert "images      digits[samples=60,test=40], 1x28x28, 10 classes (54 train, 6 val" in output


def test_list_names_the_published_zoos():
    output = run("list")
    assert "\nmnist-seed " in output
    assert output.count("\n") == 27 + 6 + 1 + 2


def test_each_command_has_help():
    for name, command in commands.commands.items():
        assert command.help, name
