"""Zoos in the published layout are read with its traps, and written so that it reads the same."""

import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import lemur_core
from lemur_core.errors import LemurError, SettingsError
from lemur_zoo import Zoo
from lemur_zoo.cli.group import zoo as commands
from lemur_zoo.layout.reading import import_published
from lemur_zoo.layout.writing import export_published
from lemur_zoo.storage.header import ZooError

from .conftest import run


class PublishedNet(nn.Module):
    """The small net as it was published, whose dropout modules shift the numbers of the layers."""

    def __init__(self, channels, activation, dropout):
        super().__init__()
        maybe = [nn.Dropout(dropout)] if dropout > 0 else []
        self.module_list = nn.ModuleList([
            nn.Conv2d(channels, 8, 5), nn.MaxPool2d(2, 2), activation(), *maybe,
            nn.Conv2d(8, 6, 5), nn.MaxPool2d(2, 2), activation(), *maybe,
            nn.Conv2d(6, 4, 2), activation(), nn.Flatten(),
            nn.Linear(36, 20), activation(), *maybe, nn.Linear(20, 10),
        ])  # fmt: skip

    def forward(self, x):
        for layer in self.module_list:
            x = layer(x)
        return x


PARAMS = {
    "model::type": "CNN", "model::channels_in": 1, "model::o_dim": 10, "model::nlin": "tanh",
    "model::init_type": "uniform", "optim::optimizer": "adam", "optim::lr": 3e-4,
    "optim::wd": 0, "optim::momentum": 0.9, "training::batchsize": 10, "cuda": False,
}  # fmt: skip


def row(iteration, config, **others):
    measured = {"test_loss": 2.0 - iteration, "test_acc": 0.1 + 0.2 * iteration}
    trained = {"train_loss": -999, "train_acc": -999}
    if iteration:
        trained = {"train_loss": 1.9 - iteration, "train_acc": 0.2 * iteration}
    return json.dumps({
        **trained, **measured, "training_iteration": iteration, "pid": 7, "time_total_s": 1.5,
        "trial_id": "a", "config": config, **others,
    })  # fmt: skip


def write_member(folder, net, config, epochs, form="checkpoint_{:06}", **others):
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(config))
    (folder / "result.json").write_text(
        "".join(f"{row(epoch, config, **others)}\n" for epoch in epochs)
    )
    states = []
    for epoch in epochs:
        with torch.no_grad():
            for value in net.parameters():
                value.add_(0.01)
        place = folder / form.format(epoch)
        place.mkdir()
        states.append({name: value.clone() for name, value in net.state_dict().items()})
        torch.save(states[-1], place / "checkpoints")
    return states


@pytest.fixture
def published(tmp_path):
    """A zoo of three members: without dropout, with dropout, and with checkpoints to the middle."""
    root = tmp_path / "zoo"
    torch.manual_seed(1)
    plain, shifted = PublishedNet(1, nn.Tanh, 0), PublishedNet(1, nn.GELU, 0.5)
    states = [
        write_member(root / "NN_b", plain, {**PARAMS, "seed": 4, "model::dropout": 0}, (0, 1, 2)),
        write_member(
            root / "NN_a",
            shifted,
            {**PARAMS, "seed": 5, "model::dropout": 0.5, "model::nlin": "gelu"},
            (0, 1, 2),
            "checkpoint_{}",
            hessian_trace=3.5,
            done=False,
        ),
        write_member(root / "NN_c", plain, {**PARAMS, "seed": 6}, (0, 1)),
    ]
    index = {
        "layer": [[0, "conv2d"], [3, "conv2d"], [6, "conv2d"], [9, "fc"], [11, "fc"]],
        "trainset": ["/somewhere/else/NN_b"], "valset": ["/somewhere/else/NN_c/"],
        "testset": ["NN_a"],
    }  # fmt: skip
    (root / "index_dict.json").write_text(json.dumps(index))
    return root, states


def read(published, tmp_path, name="read"):
    import_published(published[0], tmp_path / name, "digits")
    return Zoo(tmp_path / name)


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


def rewrite(file, change):
    rows = [change(json.loads(line)) for line in file.read_text().splitlines()]
    file.write_text("".join(f"{json.dumps(values)}\n" for values in rows))


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


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("digit*", "dataset 'digit*' is a pattern; expected the name of one dataset"),
        ("digit?[samples=60]", "is a pattern; expected the name of one dataset"),
        ("digts", "unknown dataset 'digts'. Did you mean 'digits'?"),
        ("my_digits", "unknown dataset 'my_digits'. Did you mean 'digits'?"),
        ("digits[sample=1]", "unknown restriction 'sample'. Did you mean 'samples'?"),
        ("coco", "dataset 'coco' serves img-segmentation, obj-detection only"),
    ],
)
def test_a_dataset_that_is_not_the_name_of_one_is_one_line(published, tmp_path, dataset, message):
    with pytest.raises(LemurError) as caught:
        import_published(published[0], tmp_path / "read", dataset)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "read").exists()


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


def test_members_without_checkpoints_are_named(published, tmp_path):
    empty = published[0] / "NN_d"
    empty.mkdir()
    (empty / "params.json").write_text(json.dumps({**PARAMS, "seed": 9}))
    done = import_published(published[0], tmp_path / "read", "digits")
    assert (done.members, [*done.left_out]) == (3, ["NN_d has no checkpoint"])


def test_newer_zoos_have_shared_values_in_their_configuration(published, tmp_path):
    shared = {"optim::scheduler": "OneCycleLR", "seed": 1, "model::width": 8}
    (published[0] / "config.json").write_text(json.dumps(shared))
    zoo = read(published, tmp_path)
    assert {*zoo.members["schedule"]} == {"onecycle"}
    assert [*zoo.members["seed"]] == [5, 4, 6]


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('was run')",)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: torch.save({"a": Evil()}, path), "has other objects than tensors, which"),
        (lambda path: path.write_bytes(pickle.dumps(Evil())), "has other objects than tensors"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), "checkpoints: is damaged ("),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "checkpoints: is damaged ("),
        (lambda path: path.write_bytes(b""), "checkpoints: is damaged ("),
        (lambda path: torch.save([1], path), "is not a state dictionary"),
        (lambda path: torch.save({"a": 1}, path), "'a' is not a tensor"),
    ],
)
def test_a_member_ends_before_a_state_that_is_not_plain_tensors(
    published, tmp_path, write, message
):
    write(published[0] / "NN_c" / "checkpoint_000001" / "checkpoints")
    done = import_published(published[0], tmp_path / "read", "digits")
    (line,) = done.shortened
    assert line.startswith("NN_c ends with epoch 0: ")
    assert message in line
    assert "\n" not in line
    zoo = Zoo(tmp_path / "read")
    assert [*zoo.last_epochs] == [2, 2, 0]
    assert zoo.weights(1, 2).any()
    write(published[0] / "NN_c" / "checkpoint_000000" / "checkpoints")
    done = import_published(published[0], tmp_path / "fewer", "digits")
    assert message in done.left_out[0]
    assert [member.seed for member in Zoo(tmp_path / "fewer").population] == [5, 4]


def test_members_of_several_architectures_are_refused_without_a_new_folder(published, tmp_path):
    path = published[0] / "NN_c" / "checkpoint_000001" / "checkpoints"
    torch.save(PublishedNet(3, nn.Tanh, 0).state_dict(), path)
    with pytest.raises(ZooError, match="the members of a zoo have one architecture"):
        read(published, tmp_path)
    assert [*tmp_path.iterdir()] == [published[0]]


def test_a_member_ends_before_a_damaged_result(published, tmp_path):
    file = published[0] / "NN_b" / "result.json"
    file.write_text(file.read_text()[:-50])
    output = run(
        "import", published[0], "--out", tmp_path / "read", "--dataset", "digits",
        "--db", tmp_path / "lemur.db",
    )  # fmt: skip
    assert f"NN_b ends with epoch 1: {file}:3: is damaged: it is not JSON" in output
    zoo = Zoo(tmp_path / "read")
    assert [*zoo.last_epochs] == [2, 1, 1]
    assert zoo.scores[1, 1, 2, 1] == pytest.approx(0.3)
    # A training that was restored wrote the epoch again.
    file.write_text(file.read_text() + "\n" + row(2, {}, test_acc=0.9) + "\n")
    assert read(published, tmp_path, "again").scores[1, 2, 2, 1] == 0.9


def test_checkpoints_after_a_gap_are_counted(published, tmp_path):
    (published[0] / "NN_b" / "checkpoint_000001" / "checkpoints").unlink()
    output = run(
        "import", published[0], "--out", tmp_path / "read", "--dataset", "digits",
        "--db", tmp_path / "lemur.db",
    )  # fmt: skip
    assert (
        "checkpoints after a missing one are left out: 1 in all, of 1 of 3 members; the first is "
        "NN_b, which lacks epoch 1"
    ) in output
    assert [*Zoo(tmp_path / "read").last_epochs] == [2, 0, 1]


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


def save_optimizer(folder, net, kind, steps):
    optimizer = kind(net.parameters())
    for _ in range(steps):
        net(torch.randn(2, 1, 28, 28)).square().sum().backward()
        optimizer.step()
    torch.save(optimizer.state_dict(), folder / "optimizer")
    return optimizer.state_dict()["state"]


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


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"PK\x03\x04"),
        lambda path: torch.save([1], path),
        lambda path: torch.save({"state": dict.fromkeys(range(10), 1)}, path),
        lambda path: torch.save({"state": {n: {"step": "x"} for n in range(10)}}, path),
        lambda path: torch.save({"state": {n: {"exp_avg": 1} for n in range(10)}}, path),
    ],
)
def test_a_damaged_optimizer_is_named(published, tmp_path, write):
    write(published[0] / "NN_b" / "checkpoint_000002" / "optimizer")
    done = import_published(published[0], tmp_path / "read", "digits")
    (line,) = done.shortened
    assert line.startswith("NN_b has no optimizer's state: ")
    assert [*Zoo(tmp_path / "read").last_epochs] == [2, 2, 1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("NN_b/params.json", "{}", "NN_b/params.json: seed is None; expected a whole number"),
        ("NN_b/params.json", '{"seed": 1, "model::nlin": "elu"}', "model::nlin is 'elu'; expected"),
        ("NN_b/params.json", "[", "NN_b/params.json: is damaged: it is not JSON"),
        ("NN_b/result.json", "1\n", "NN_b/result.json:1: is damaged: expected a JSON object"),
        ("index_dict.json", "{", "index_dict.json: is damaged"),
        ("index_dict.json", '{"trainset": null}', "index_dict.json: trainset is None; expected a"),
        ("index_dict.json", '{"trainset": 5}', "index_dict.json: trainset is 5; expected a list"),
        ("index_dict.json", '{"valset": [5]}', "index_dict.json: valset is [5]; expected a list"),
        ("index_dict.json", '{"trainset": ["NN_a"]}', "index_dict.json: names no split of NN_b;"),
        (
            "NN_a/params.json",
            '{"seed": 1, "model::channels_in": "x"}',
            "NN_a/params.json: model::channels_in is 'x'; expected a whole number above 0",
        ),
        (
            "NN_b/result.json",
            '{"training_iteration": "x"}',
            "NN_b/result.json:1: training_iteration is 'x'; expected a whole number",
        ),
        (
            "NN_b/result.json",
            '{"training_iteration": null}',
            "training_iteration is None; expected",
        ),
        (
            "NN_b/result.json",
            '{"training_iteration": 1, "test_acc": "bad"}',
            "NN_b/result.json: test_acc of epoch 1 is 'bad'; expected a number",
        ),
    ],
)
def test_a_damaged_file_is_one_line(published, tmp_path, name, content, message):
    (published[0] / name).write_text(content)
    with pytest.raises(ZooError) as caught:
        read(published, tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "read").exists()


def test_a_folder_in_another_layout_is_one_line(tmp_path):
    with pytest.raises(ZooError, match=r"is not a zoo in the published layout; expected folders"):
        import_published(tmp_path, tmp_path / "read", "digits")


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
