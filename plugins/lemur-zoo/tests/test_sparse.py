"""Sparse twins: the formulas of variational dropout, their training, and their files."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.nn import functional

from lemur_core.errors import SettingsError
from lemur_zoo import Zoo, draws
from lemur_zoo.engine.batch_draws import BatchDraws
from lemur_zoo.engine.choice import UnusableEngineError
from lemur_zoo.engine.variational import TwinSettings
from lemur_zoo.evaluation import zoo_images
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool
from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, SplitArrays
from lemur_zoo.modules import net_of
from lemur_zoo.sparse.sparsify import choose_engine, sparsify
from lemur_zoo.sparse.training import NoisyGrouped, prune
from lemur_zoo.sparse.twins import SparseTwins, TwinsPlan, prepare, read_twins
from lemur_zoo.sparse.variational import (
    can_be_cut,
    divergence,
    log_alpha,
    noisy_scores,
    variances,
)
from lemur_zoo.storage.header import ZooError

from .conftest import run

LAYERS = (Conv(3, 3), MaxPool(2), Activation("tanh"), Flatten(), Linear(4))
SHAPE = (1, 6, 6)


def exact_divergence(log_alpha):
    """The integral that the paper approximates: E log|e| for e ~ N(1, alpha), less log(alpha) / 2.

    With e = 1 + sqrt(alpha) z, up to a constant.
    """
    root = np.exp(log_alpha / 2)

    def integrand(z):
        return np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * np.log(np.abs(1 + root * z))

    singular = -1 / root
    bounds = sorted({-12.0, 12.0, *([singular] if abs(singular) < 12 else [])})
    parts = (quad(integrand, *pair, limit=200)[0] for pair in pairwise(bounds))
    return sum(parts) - log_alpha / 2


def test_the_divergence_approximates_the_integral_of_the_paper():
    # The constant: the divergence is 0 for an infinite alpha, where E log|z| is left.
    left = -(np.euler_gamma + np.log(2)) / 2
    values = np.linspace(-8, 8, 17)
    results = divergence(torch.tensor(values)).numpy()
    # The paper's figure 1 shows a close fit; its largest error is below 0.05.
    np.testing.assert_allclose(results, [exact_divergence(v) - left for v in values], atol=0.05)
    assert divergence(torch.tensor(10.0)) == pytest.approx(0, abs=1e-4)


def test_the_divergence_is_the_formula_of_the_paper():
    alpha = torch.tensor([0.01, 1.0, 20.0], dtype=torch.float64)
    k1, k2, k3 = 0.63576, 1.87320, 1.48695
    sigmoid = 1 / (1 + torch.exp(-(k2 + k3 * alpha.log())))
    negative = k1 * sigmoid - 0.5 * torch.log(1 + 1 / alpha) - k1
    torch.testing.assert_close(divergence(alpha.log()), -negative)


def test_noisy_scores_have_the_mean_and_variance_of_noisy_weights():
    # A single layer, where the reparametrisation is exact.
    layers, shape = (Conv(2, 3), Flatten()), (1, 3, 3)
    torch.manual_seed(0)
    weights, noisy = torch.randn(1, 20), torch.rand(1, 20)
    image, count = torch.randn(1, *shape), 40_000
    drawn = weights + noisy.sqrt() * torch.randn(count, 20)
    kernels, biases = drawn[:, :18].reshape(count, 2, 9), drawn[:, 18:]
    expected = kernels @ image.reshape(9) + biases
    noise = BatchDraws(settings().of(slice(1)), 1, np.arange(count))
    results = noisy_scores(layers, weights, noisy, image.expand(count, *shape), noise)[0]
    torch.testing.assert_close(results.mean(0), expected.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(results.std(0), expected.std(0), atol=0.05, rtol=0)
    correlation = torch.corrcoef(results.T)[0, 1]
    assert abs(correlation) < 0.02


def test_without_noise_scores_are_those_of_the_nets():
    torch.manual_seed(0)
    members = [net_of(LAYERS, SHAPE) for _ in range(3)]
    rows = torch.stack([torch.cat([p.detach().flatten() for p in n.parameters()]) for n in members])
    images = torch.randn(5, 3, *SHAPE[1:])

    class Silent:
        def normal(self, layer, values):
            return torch.zeros_like(values)

        def dropout(self, layer, values):
            return values

    results = noisy_scores(LAYERS, rows, torch.zeros_like(rows), images, Silent())
    for index, net in enumerate(members):
        torch.testing.assert_close(results[index], net(images[:, index : index + 1]))


def test_the_variance_is_that_of_log_alpha_and_at_its_limits_depends_on_the_weight():
    weights = torch.tensor([0.5, -2.0, 1e-4, 1e3], dtype=torch.float64, requires_grad=True)
    log_sigma2 = torch.tensor([-3.0, 0.0, 1.0, -10.0], dtype=torch.float64)
    results = variances(weights, log_sigma2)
    expected = log_alpha(weights, log_sigma2).exp() * weights**2
    torch.testing.assert_close(results, expected)
    (gradient,) = torch.autograd.grad(results.sum(), weights)
    held = torch.tensor([10.0, -10.0], dtype=torch.float64).exp()
    torch.testing.assert_close(gradient[2:], 2 * weights[2:].detach() * held)
    assert (gradient[:2] == 0).all()


def test_log_alpha_is_clamped_and_biases_of_linear_layers_have_none():
    weights, log_sigma2 = torch.tensor([1.0, 0.1, 1e-9, 1e9]), torch.tensor([-10.0, 1.0, 1.0, 1.0])
    expected = torch.tensor([-10.0, 1 + 2 * np.log(10), 10.0, -10.0]).float()
    torch.testing.assert_close(log_alpha(weights, log_sigma2), expected)
    cuttable = can_be_cut(LAYERS, SHAPE)
    assert cuttable[: 3 * 9 + 3].all()
    assert cuttable[30:-4].all()
    assert not cuttable[-4:].any()


def test_weights_are_cut_from_a_log_alpha_of_3():
    weights = np.array([1.0, 1.0, 1.0], np.float32)
    rows = np.concatenate([weights, np.array([2.99, 3.0, 9.0], np.float32)])[None]
    np.testing.assert_array_equal(prune(rows, np.array([True, True, True]))[0], [1, 0, 0])
    np.testing.assert_array_equal(prune(rows, np.array([True, False, True]))[0], [1, 1, 0])


def settings(**values):
    columns = {"seeds": [3, 4], "lr": [1e-2, 3e-3], "momentum": [0.9, 0.5]}
    columns |= {"weight_decay": [0.1, 0.0], "dropout": [0.0, 0.0], **values}
    seeds = np.array(columns.pop("seeds"))
    return MemberSettings(seeds, *(np.array(v, np.float32) for v in columns.values()))


@pytest.fixture(scope="module")
def train():
    torch.manual_seed(0)
    images, targets = torch.randn(23, *SHAPE), torch.randint(4, (23,))
    return SplitArrays(images.numpy(), targets.numpy())


def initial(members=2):
    torch.manual_seed(1)
    nets = [net_of(LAYERS, SHAPE) for _ in range(members)]
    weights = torch.stack([torch.cat([p.detach().flatten() for p in n.parameters()]) for n in nets])
    # At 0 the gradient of the divergence jumps.
    weights += 0.2 * weights.sign()
    rows = torch.cat([weights, torch.full_like(weights, -10)], 1).numpy()
    return GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))


def twins_of(values, kl_weight=1 / 23, variance_lr=None, warm_up=0):
    each = np.ones(len(values.seeds), np.float32)
    lr = values.lr if variance_lr is None else each * np.float32(variance_lr)
    return TwinSettings(each * np.float32(kl_weight), lr, warm_up)


def grouped(values, train, optimizer="adam", layers=LAYERS, **twins):
    return NoisyGrouped(
        GroupSettings(layers, optimizer, 5), values, twins_of(values, **twins), train
    )


def reference(row, train, values, optimizer, index, kl_weights, variance_lr):
    """Train a twin alone with torch.optim and the layers of torch, an epoch for each KL weight."""
    seed, lr, momentum, decay = (column[index] for column in values[:4])
    weights, log_sigma2 = (torch.from_numpy(part.copy()) for part in np.split(row, 2))
    weights.requires_grad_()
    log_sigma2.requires_grad_()
    groups = [
        {"params": [weights], "weight_decay": float(decay)},
        {"params": [log_sigma2], "lr": variance_lr},
    ]
    step = (
        torch.optim.Adam(groups, float(lr))
        if optimizer == "adam"
        else torch.optim.SGD(groups, float(lr), float(momentum))
    )
    sizes = [27, 3, 48, 4]
    inputs, targets = map(torch.from_numpy, train)
    for epoch, kl_weight in enumerate(kl_weights, 1):

        def noise(layer, values, start, epoch=epoch):
            positions = np.arange(start, start + len(values))
            drawn = draws.normal(seed, epoch, layer, positions, values[0].numel())
            return torch.from_numpy(drawn).view_as(values)

        order = torch.from_numpy(draws.order(int(seed), epoch, 23))
        for start, batch in zip(range(0, 23, 5), order.split(5), strict=True):
            alphas = (log_sigma2 - 2 * (weights.abs() + 1e-15).log()).clamp(-10, 10)
            w, b, v, c = weights.split(sizes)
            s, t, u, _ = (alphas.exp() * weights**2).split(sizes)
            x = inputs[batch]
            mean = functional.conv2d(x, w.reshape(3, 1, 3, 3), b)
            variance = functional.conv2d(x * x, s.reshape(3, 1, 3, 3), t)
            x = mean + (variance + 1e-8).sqrt() * noise(0, mean, start)
            x = functional.max_pool2d(x, 2).tanh().flatten(1)
            mean, variance = x @ v.reshape(4, 12).T + c, x**2 @ u.reshape(4, 12).T
            scores = mean + (variance + 1e-8).sqrt() * noise(1, mean, start)
            cost = divergence(torch.cat(alphas.split(sizes)[:3])).sum() * kl_weight
            step.zero_grad()
            (functional.cross_entropy(scores, targets[batch]) + cost).backward()
            step.step()
    return torch.cat([weights, log_sigma2]).detach().numpy()


@pytest.mark.parametrize(("optimizer", "kl_weight"), [("adam", 0.2), ("sgd", 0.05)])
def test_twins_that_are_trained_together_are_those_that_torch_trains_alone(
    train, optimizer, kl_weight
):
    values, state = settings(), initial()
    engine = grouped(values, train, optimizer, kl_weight=kl_weight, variance_lr=5e-3, warm_up=2)
    begun = state.parameters.copy()
    for epoch in (1, 2, 3):
        engine.train_epoch(state, epoch)
    assert state.steps == 15
    for index in (0, 1):
        kl_weights = (0, kl_weight / 2, kl_weight)
        expected = reference(begun[index], train, values, optimizer, index, kl_weights, 5e-3)
        np.testing.assert_allclose(state.parameters[index], expected, atol=2e-5)
        assert np.abs(expected - begun[index]).max() > 1e-2


def test_a_twin_that_diverges_does_not_change_the_others(train):
    states = [initial(), initial()]
    states[1].parameters[1, 0] = np.nan
    for state in states:
        grouped(settings(), train).train_epoch(state, 1)
    np.testing.assert_array_equal(states[0].parameters[0], states[1].parameters[0])
    assert np.isnan(states[1].parameters[1]).any()
    assert np.isnan(prune(states[1].parameters, np.ones(82, bool))[1]).any()


def test_a_twin_with_dropout_is_trained_on_other_values_than_one_without(train):
    layers = (*LAYERS[:3], Dropout(), *LAYERS[3:])
    results = []
    for share in (0.0, 0.5):
        state = initial()
        values = settings(dropout=[0.0, share])
        grouped(values, train, layers=layers).train_epoch(state, 1)
        results.append(state.parameters)
    torch.testing.assert_close(*(torch.from_numpy(rows[0]) for rows in results), atol=1e-5, rtol=0)
    assert np.abs(results[0][1] - results[1][1]).max() > 1e-3


PLAN = TwinsPlan(epochs=2)
SPEC = """
[zoo]
dataset = "digits[samples=60,test=40]"
epochs = 1
[factors]
optimizer = ["adam", "sgd"]
lr = 3e-3
dropout = 0.2
[members]
repeats = 2
"""


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """A zoo of 2 groups of 2 members, which no test changes."""
    folder = tmp_path_factory.mktemp("dense")
    (folder / "spec.toml").write_text(SPEC)
    run("make", folder / "spec.toml", "--out", folder / "zoo", "--db", folder / "lemur.db")
    return folder / "zoo"


@pytest.fixture(scope="module")
def sparse(dense, tmp_path_factory):
    """The zoo with twins of 2 epochs, which no test changes."""
    folder = shutil.copytree(dense, tmp_path_factory.mktemp("sparse") / "zoo")
    return folder, run("sparsify", folder, "--epochs", 2)


def test_the_command_stores_twins_that_begin_as_their_members(sparse):
    folder, output = sparse
    zoo = Zoo(folder)
    twins = SparseTwins(zoo)
    assert f"wrote {folder / 'sparse'}" in output
    assert list(twins.last_epochs) == [2] * 4
    for member in range(4):
        np.testing.assert_array_equal(twins.weights(member, 0), zoo.weights(member))
        assert (twins.weights(member) != zoo.weights(member)).any()
    assert len(twins.trajectory) == 4 * 3


def test_scores_of_twins_are_those_of_pruned_nets_in_torch(sparse):
    zoo = Zoo(sparse[0])
    twins, images = SparseTwins(zoo), zoo_images(zoo, None)
    inputs, targets = map(torch.from_numpy, images.test)
    for member in (0, 3):
        net = zoo.net(member)
        net.load_state_dict(twins.state_dict(member))
        with torch.no_grad():
            outputs = net(inputs)
        accuracy = (outputs.argmax(1) == targets).double().mean().item()
        loss = functional.cross_entropy(outputs, targets).item()
        assert twins.scores[member, 2, 2] == pytest.approx([loss, accuracy], rel=1e-4)
        row = twins.trajectory.query("member == @member and epoch == 2").iloc[0]
        assert row["test_accuracy"] == pytest.approx(accuracy)
        # Exactly the weights that are cut are zero, and the biases of linear layers never are.
        zeros = (twins.pruned(member) == 0)[twins.can_be_cut].mean()
        assert row["sparsity"] == pytest.approx(zeros)
        assert (twins.log_alpha(member)[~twins.can_be_cut] == -10).all()


def test_an_interrupted_command_continues_to_the_same_twins(sparse, dense, tmp_path):
    copy = shutil.copytree(dense, tmp_path / "copy")
    zoo = Zoo(copy)

    def interrupt(report):
        if report[:3] == (0, 2, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sparsify(zoo, zoo_images(zoo, None), PLAN, choose_engine(zoo), report=interrupt)
    assert list(SparseTwins(zoo).last_epochs) == [1, -1, 1, -1]
    with pytest.raises(ZooError, match="twin 3 has no epoch"):
        SparseTwins(zoo).weights(3)
    assert "the time is over" in run("sparsify", copy, "--epochs", 2, "--time", "0s")
    output = run("sparsify", copy, "--epochs", 2)
    assert "group 1 of 2, epoch 2 of 2" in output
    assert "group 1 of 2, epoch 1 of 2" not in output
    for member in range(4):
        copied, other = (SparseTwins(Zoo(path)).weights(member) for path in (copy, sparse[0]))
        np.testing.assert_array_equal(copied, other)
    assert "group" not in run("sparsify", copy, "--epochs", 2)
    for change, message in (
        ({"epochs": 3}, "has twins of --epochs 2, not 3; give --epochs 2, or delete the folder"),
        ({"kl_weight": 5}, "has twins of --kl-weight 0.001, not 5; give --kl-weight 0.001, or"),
        ({"warm_up": 0}, "has twins of --warm-up 5, not 0; give --warm-up 5, or delete"),
        ({"variance_lr": 1}, "has twins of --variance-lr 0.3, not 1; give --variance-lr 0.3, or"),
    ):
        with pytest.raises(SettingsError, match=message):
            prepare(zoo, replace(PLAN, **change))


def test_finished_twins_keep_the_name_of_the_engine_that_trained_them(sparse, tmp_path):
    copy = shutil.copytree(sparse[0], tmp_path / "copy")
    before = SparseTwins(Zoo(copy)).header.engine
    other = {"grouped": "lanes", "lanes": "grouped"}[before]
    output = run("sparsify", copy, "--epochs", 2, "--engine", other)
    assert f"earlier epochs were trained with engine {before}" in output
    assert SparseTwins(Zoo(copy)).header.engine == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"augment": ["flip"]}, r"with changed images \(flip\), and sparse twins are not"),
        ({"schedule": ["onecycle"]}, "with a learning rate that changes, and sparse twins are not"),
    ],
)
def test_twins_of_members_that_are_trained_otherwise_are_refused(dense, tmp_path, changed, message):
    copy = shutil.copytree(dense, tmp_path / "copy")
    header = json.loads((copy / "zoo.json").read_text())
    if "schedule" in changed:
        header["spec"]["factors"] |= changed
    else:
        header["spec"] |= changed
    (copy / "zoo.json").write_text(json.dumps(header))
    with pytest.raises(ZooError, match=message):
        prepare(Zoo(copy), PLAN)


def test_the_engine_is_named_and_a_command_goes_on_with_it(sparse, dense, tmp_path):
    assert sparse[1].startswith(f"engine {SparseTwins(Zoo(sparse[0])).header.engine} (")
    copy = shutil.copytree(dense, tmp_path / "copy")
    output = run("sparsify", copy, "--epochs", 2, "--engine", "grouped")
    twins = SparseTwins(Zoo(copy))
    assert output.startswith("engine grouped (")
    assert "because" not in output
    assert twins.header.engine == "grouped"
    assert run("sparsify", copy, "--epochs", 2).startswith("engine grouped (")
    # The engines draw the same numbers.
    for member in range(4):
        other = SparseTwins(Zoo(sparse[0])).weights(member)
        np.testing.assert_allclose(twins.weights(member), other, atol=1e-4)


def test_twins_that_cannot_continue_in_lanes_say_how_they_can(sparse, monkeypatch):
    def fail(*_):
        raise UnusableEngineError("engine lanes cannot be used: numba cannot be loaded")

    zoo = Zoo(sparse[0])
    if read_twins(zoo).engine != "lanes":
        pytest.skip("this processor has no lanes")
    monkeypatch.setattr("lemur_zoo.sparse.sparsify.choose_noisy", fail)
    with pytest.raises(UnusableEngineError, match="loaded; continue with --engine grouped, which"):
        choose_engine(zoo)
    with pytest.raises(UnusableEngineError, match="loaded$"):
        choose_engine(zoo, "lanes")


def test_the_command_shows_the_trajectory(sparse):
    folder, output = sparse
    assert "group 2 of 2, epoch 2 of 2: median sparsity 0." in output
    assert f"wrote {folder / 'sparse' / 'trajectory.png'}" in output
    # A PNG file of 1040 by 468 pixels.
    data = (folder / "sparse" / "trajectory.png").read_bytes()
    assert data[:4] == b"\x89PNG"
    assert int.from_bytes(data[16:20], "big") == 1040


def test_twins_of_another_zoo_are_refused(sparse, dense, tmp_path):
    copy = shutil.copytree(dense, tmp_path / "copy")
    with pytest.raises(ZooError, match="has no sparse twins; run lemur zoo sparsify"):
        SparseTwins(Zoo(copy))
    shutil.copytree(sparse[0] / "sparse", copy / "sparse")
    file = copy / "sparse" / "twins.json"
    value = json.loads(file.read_text())
    file.write_text(json.dumps({**value, "zoo": "another"}))
    with pytest.raises(ZooError, match="its twins are those of another zoo"):
        SparseTwins(Zoo(copy))
    file.write_text("{")
    with pytest.raises(ZooError, match=r"twins\.json: is damaged \(JSONDecodeError\)"):
        SparseTwins(Zoo(copy))


def test_members_that_are_added_get_twins_and_the_others_keep_theirs(sparse, tmp_path):
    copy = shutil.copytree(sparse[0], tmp_path / "copy")
    before = SparseTwins(Zoo(copy)).weights(3).copy()
    run("extend", copy, "--members", 2, "--db", tmp_path / "lemur.db")
    run("sparsify", copy, "--epochs", 2)
    twins = SparseTwins(Zoo(copy))
    assert len(twins) == 6
    np.testing.assert_array_equal(twins.weights(3), before)
    assert (twins.last_epochs == 2).all()
