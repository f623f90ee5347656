"""Permutations of units, alignment, lines between members and averages of members."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from lemur_zoo import Zoo
from lemur_zoo.connectivity.alignment import align
from lemur_zoo.connectivity.averages import average, averages_of, ensemble_accuracy, greedy_soup
from lemur_zoo.connectivity.paths import Path, connect, path_between
from lemur_zoo.connectivity.units import Units
from lemur_zoo.evaluation import alike_pairs, zoo_images, zoo_layers
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool
from lemur_zoo.members import SplitArrays
from lemur_zoo.modules import flat, net_of

from .conftest import run

SHAPE = (2, 8, 8)
LAYERS = (
    *(Conv(6, 3), MaxPool(2), Activation("tanh"), Dropout()),
    *(Conv(4, 2, bias=False), Activation("gelu"), Flatten()),
    *(Linear(7), Activation("relu"), Linear(5)),
)
UNITS = Units(LAYERS, SHAPE)


def net(seed):
    torch.manual_seed(seed)
    return net_of(LAYERS, SHAPE).eval()


def row(seed):
    return flat(list(net(seed).parameters())).detach().numpy()


def with_parameters(parameters):
    module = net(0)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(parameters), module.parameters())
    return module


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(9)
    return SplitArrays(torch.randn(40, *SHAPE).numpy(), torch.randint(5, (40,)).numpy())


def test_a_permuted_net_computes_the_same(images):
    inputs = torch.from_numpy(images.inputs)
    permutations = UNITS.random(np.random.default_rng(0))
    assert UNITS.hidden == (6, 4, 7)
    permuted = UNITS.permute(row(1), permutations)
    assert (permuted != row(1)).mean() > 0.5
    torch.testing.assert_close(with_parameters(permuted)(inputs), net(1)(inputs))


@pytest.mark.parametrize("seed", range(8))
def test_a_permuted_copy_is_recovered_exactly(seed, images):
    permuted = UNITS.permute(row(seed), UNITS.random(np.random.default_rng(seed)))
    recovered = UNITS.permute(permuted, align(UNITS, row(seed), permuted))
    np.testing.assert_array_equal(recovered, row(seed))
    lines = connect(LAYERS, UNITS, row(seed), permuted, images)
    assert lines.aligned.barrier == pytest.approx(0, abs=1e-6)
    assert lines.aligned.accuracy_barrier == 0
    np.testing.assert_allclose(lines.aligned.losses, lines.aligned.losses[0], rtol=1e-6)


def test_a_permuted_copy_is_recovered_in_spite_of_noise():
    noise = np.random.default_rng(1).normal(0, 0.01, len(row(3))).astype(np.float32)
    permutations = UNITS.random(np.random.default_rng(2))
    permuted = UNITS.permute(row(3) + noise, permutations)
    recovered = UNITS.permute(permuted, align(UNITS, row(3), permuted))
    np.testing.assert_array_equal(recovered, row(3) + noise)


def test_alignment_finds_the_best_of_all_permutations_of_a_small_net():
    layers = (Flatten(), Linear(3), Activation("relu"), Linear(3), Activation("relu"), Linear(2))
    units = Units(layers, (1, 2, 2))
    size = 4 * 3 + 3 + 3 * 3 + 3 + 3 * 2 + 2
    hits = 0
    for seed in range(20):
        fixed, other = np.random.default_rng(seed).normal(size=(2, size)).astype(np.float32)
        orders = [np.array(order) for order in itertools.permutations(range(3))]
        products = [
            fixed @ units.permute(other, pair) for pair in itertools.product(orders, orders)
        ]
        result = fixed @ units.permute(other, align(units, fixed, other))
        assert result >= fixed @ other - 1e-4
        assert result <= max(products) + 1e-4
        hits += result == pytest.approx(max(products), rel=1e-5)
    # Weight matching ascends to a local maximum, which is mostly the best one here.
    assert hits >= 15


def test_the_scores_on_a_line_are_those_of_torch(images):
    inputs, targets = map(torch.from_numpy, images)
    path = path_between(LAYERS, row(1), row(2), images, points=5)
    np.testing.assert_allclose(path.shares, [0, 0.25, 0.5, 0.75, 1])
    for share, loss, accuracy in zip(*path, strict=True):
        mixed = ((1 - share) * row(1) + share * row(2)).astype(np.float32)
        outputs = with_parameters(mixed)(inputs)
        assert loss == pytest.approx(functional.cross_entropy(outputs, targets).item(), rel=1e-5)
        assert accuracy == pytest.approx((outputs.argmax(1) == targets).double().mean().item())


def test_a_barrier_is_the_largest_rise_above_the_line_between_the_ends():
    shares = np.linspace(0, 1, 3)
    path = Path(shares, np.array([1.0, 5.0, 3.0]), np.array([0.8, 0.1, 0.4]))
    assert path.barrier == pytest.approx(5 - 2)
    assert path.accuracy_barrier == pytest.approx(0.6 - 0.1)
    assert Path(shares, np.array([1.0, 0.0, 3.0]), shares).barrier == 0
    assert np.isnan(Path(shares, np.array([1.0, np.nan, 3.0]), shares).barrier)


def test_soups_and_ensembles(images):
    rows = np.stack([row(seed) for seed in range(3)])
    np.testing.assert_allclose(average(rows), rows.astype(float).mean(0), rtol=1e-6)
    inputs = torch.from_numpy(images.inputs)
    probabilities = sum(net(seed)(inputs).softmax(1) for seed in range(3))
    expected = (probabilities.argmax(1).numpy() == images.targets).mean()
    assert ensemble_accuracy(LAYERS, rows, images) == pytest.approx(expected)
    # A copy never lowers the accuracy, a net of zeros predicts one class and does.
    copies = np.stack([rows[0], rows[0], -9 * rows[0]])
    order, targets = [0, 1, 2], net(0)(inputs).argmax(1).numpy()
    assert greedy_soup(LAYERS, copies, order, SplitArrays(images.inputs, targets)) == [0, 1]


def test_the_soup_of_permuted_copies_is_as_good_as_they_are_if_it_is_aligned(images):
    generator = np.random.default_rng(5)
    rows = np.stack([UNITS.permute(row(4), UNITS.random(generator)) for _ in range(4)])
    labels = net(4)(torch.from_numpy(images.inputs)).argmax(1).numpy()
    split = SplitArrays(images.inputs, labels)

    result = {item.name: item for item in averages_of(LAYERS, UNITS, rows, split, split)}
    assert result["best member"].test == result["mean of members"].test == 1
    assert result["soup of all, aligned"].test == result["greedy soup, aligned"].test == 1
    assert result["greedy soup, aligned"].members == 4
    assert result["soup of all"].test < 1


def test_pairs_have_the_same_activation_and_are_different(small):
    zoo = Zoo(small)
    pairs = alike_pairs(zoo, 200)
    assert len(set(pairs)) == len(pairs) == 2 * (8 * 7 // 2)
    for pair in pairs:
        assert len({zoo.population[member].values["activation"] for member in pair}) == 1
    assert alike_pairs(zoo, 5) == pairs[:5]


def test_the_commands_show_lines_and_averages(small, tmp_path):
    output = run("connect", small, "--pairs", 2, "--points", 3, "--csv", tmp_path / "lines.csv")
    assert "median loss barrier" in output
    frame = pd.read_csv(tmp_path / "lines.csv")
    assert len(frame) == 2 * 2 * 3
    zoo = Zoo(small)
    end = frame[(frame["share"] == 1) & frame["aligned"]].iloc[0]
    second = int(end["second"])
    assert end["accuracy"] == pytest.approx(zoo.scores[second, 2, 2, 1])
    assert end["loss"] == pytest.approx(zoo.scores[second, 2, 2, 0], rel=1e-4)
    output = run("average", small, "--members", 3)
    lines = [line.split() for line in output.splitlines()]
    best = max(zoo.scores[:, 2, 1, 1][[m for m in range(16) if _is(zoo, m, "tanh")][:3]])
    assert ["tanh", "best", "member", "1", f"{best:.4f}"] in [line[:5] for line in lines]
    layers = zoo_layers(zoo, 0)
    assert len(zoo_images(zoo, None).test.targets) == 40
    assert Units(layers, (1, 28, 28)).hidden == (8, 6, 4, 20)


def _is(zoo, member, activation):
    return zoo.population[member].values["activation"] == activation
