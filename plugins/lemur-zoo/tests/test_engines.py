"""The engines train as a plain PyTorch loop does, and members do not depend on their company."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from lemur_core.errors import MisfitError
from lemur_zoo import draws
from lemur_zoo.engine.grouped import Grouped
from lemur_zoo.engine.lanes import loops
from lemur_zoo.engine.lanes.engine import Lanes, lanes_here
from lemur_zoo.engine.one_by_one import OneByOne
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool
from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, SplitArrays
from lemur_zoo.modules import flat, net_of

try:
    LANES = lanes_here()
except ValueError as error:
    pytest.skip(str(error), allow_module_level=True)

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"
SMOOTH = (
    *(Conv(4, 3), MaxPool(2), Activation("tanh"), Dropout()),
    *(Conv(6, 2, stride=2, padding=1), Activation("gelu"), Dropout(), Flatten()),
    *(Linear(8), Activation("sigmoid"), Linear(10, bias=False)),
)
RELU = (Conv(4, 3), MaxPool(2), Activation("relu"), Flatten(), Linear(10))
CNN_S = (
    *(Conv(8, 5), MaxPool(2), Activation("tanh")),
    *(Conv(6, 5), MaxPool(2), Activation("tanh")),
    *(Conv(4, 2), Activation("tanh"), Flatten()),
    *(Linear(20), Activation("tanh"), Linear(10)),
)


@pytest.fixture(scope="module")
def digits():
    inputs, targets = load_digits(return_X_y=True)
    inputs = (inputs.reshape(-1, 1, 8, 8) / 8 - 1).astype(np.float32)
    return SplitArrays(inputs, targets.astype(np.int64))


def first(images, count):
    return SplitArrays(images.inputs[:count], images.targets[:count])


def members(count, dropout=0.0, first_seed=0):
    numbers = np.arange(first_seed, first_seed + count)
    return MemberSettings(
        numbers,
        (1e-3 * (1 + numbers % 3)).astype(np.float32),
        (0.9 - 0.1 * (numbers % 2)).astype(np.float32),
        (1e-3 * (numbers % 2)).astype(np.float32),
        (dropout * (1 - 0.5 * (numbers % 2))).astype(np.float32),
    )


def state_of(layers, seeds, shape=(1, 8, 8)):
    rows = []
    for seed in seeds:
        torch.manual_seed(int(seed))
        rows.append(flat(list(net_of(layers, shape).parameters())).detach().numpy())
    rows = np.stack(rows)
    return GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))


def trained(engine, layers, own, epochs=1, shape=(1, 8, 8)):
    state = state_of(layers, own.seeds, shape)
    scores = [engine.train_epoch(state, epoch) for epoch in range(1, epochs + 1)]
    return state, scores[-1]


def plain_loop(layers, optimizer, own, member, images, batch, steps):
    """Train one member as anyone would, without any code of the engines but the random numbers."""
    torch.manual_seed(int(own.seeds[member]))
    net = net_of(layers, images.inputs.shape[1:])
    lr, decay = float(own.lr[member]), float(own.weight_decay[member])
    made = (
        torch.optim.Adam(net.parameters(), lr, weight_decay=decay)
        if optimizer == "adam"
        else torch.optim.SGD(net.parameters(), lr, float(own.momentum[member]), 0, decay)
    )
    order = draws.order(int(own.seeds[member]), 1, len(images.targets))
    for step in range(steps):
        positions = np.arange(step * batch, min(step * batch + batch, len(order)))
        x = torch.from_numpy(images.inputs[order[positions]])
        dropped = 0
        for module in net:
            if isinstance(module, torch.nn.Dropout):
                arguments = (1, dropped, positions, x[0].numel(), own.dropout[member])
                x = x * torch.from_numpy(draws.dropout(own.seeds[member], *arguments)).view_as(x)
                dropped += 1
            else:
                x = module(x)
        made.zero_grad()
        functional.cross_entropy(x, torch.from_numpy(images.targets[order[positions]])).backward()
        made.step()
    return flat(list(net.parameters())).detach().numpy()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("engine", [Lanes, Grouped, OneByOne])
def test_a_hundred_steps_end_as_those_of_a_plain_loop(engine, optimizer, digits):
    # 99 batches of 10 and one of 3.
    images, own = first(digits, 993), members(3, dropout=0.4)
    settings = GroupSettings(SMOOTH, optimizer, 10)
    state, _ = trained(engine(settings, own, images), SMOOTH, own)
    assert state.steps == 100
    for member in range(3):
        wanted = plain_loop(SMOOTH, optimizer, own, member, images, 10, 100)
        np.testing.assert_allclose(state.parameters[member], wanted, rtol=0, atol=5e-6)


@pytest.mark.parametrize("engine", [Lanes, Grouped])
def test_the_scores_are_those_of_pytorch(engine, digits):
    own, images = members(3), first(digits, 200)
    settings = GroupSettings(SMOOTH, "adam", 10)
    state, while_trained = trained(engine(settings, own, images), SMOOTH, own)
    _, wanted = trained(OneByOne(settings, own, images), SMOOTH, own)
    np.testing.assert_allclose(while_trained.loss, wanted.loss, rtol=1e-5)
    np.testing.assert_array_equal(while_trained.accuracy, wanted.accuracy)
    scores = engine(settings, own, images).scores(state, digits)
    for member in range(3):
        net = net_of(SMOOTH, (1, 8, 8)).eval()
        row = torch.from_numpy(state.parameters[member])
        torch.nn.utils.vector_to_parameters(row, net.parameters())
        with torch.no_grad():
            outputs = net(torch.from_numpy(digits.inputs))
        targets = torch.from_numpy(digits.targets)
        loss = functional.cross_entropy(outputs, targets).item()
        assert scores.loss[member] == pytest.approx(loss, rel=1e-5)
        assert scores.accuracy[member] == (outputs.argmax(1) == targets).double().mean().item()


def mnist_or_digits(digits):
    """Return 2,000 images of 28x28 pixels to train on and 1,000 others."""
    if not MNIST.exists():
        inputs = np.pad(
            np.kron(digits.inputs, np.ones((3, 3), np.float32)), [(0, 0)] * 2 + [(2, 2)] * 2
        )
        return first(SplitArrays(inputs, digits.targets), 1000), SplitArrays(
            inputs[1000:], digits.targets[1000:]
        )
    read = [
        np.frombuffer(gzip.decompress((MNIST / f"t10k-{name}.gz").read_bytes()), np.uint8)
        for name in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    inputs = (read[0][16:].reshape(-1, 1, 28, 28) / 127.5 - 1).astype(np.float32)
    targets = read[1][8:].astype(np.int64)
    return SplitArrays(inputs[:2000], targets[:2000]), SplitArrays(
        inputs[2000:3000], targets[2000:3000]
    )


def test_an_epoch_of_the_small_net_has_the_accuracy_of_pytorch(digits):
    train, test = mnist_or_digits(digits)
    own = members(2)
    settings = GroupSettings(CNN_S, "adam", 10)
    shape = (1, 28, 28)
    lanes, plain = Lanes(settings, own, train), OneByOne(settings, own, train)
    state, _ = trained(lanes, CNN_S, own, shape=shape)
    wanted = plain.scores(trained(plain, CNN_S, own, shape=shape)[0], test)
    scores = lanes.scores(state, test)
    assert (wanted.accuracy > 0.5).all()
    np.testing.assert_allclose(scores.accuracy, wanted.accuracy, atol=0.01)
    np.testing.assert_allclose(scores.loss, wanted.loss, atol=0.01)


COMPANY = members(LANES + 3, dropout=0.4)
SETTINGS = GroupSettings(SMOOTH, "adam", 10)


@pytest.fixture(scope="module")
def company(digits):
    images = first(digits, 200)
    return trained(Lanes(SETTINGS, COMPANY, images), SMOOTH, COMPANY, epochs=2)[0]


def assert_same_bits(state, rows, wanted):
    np.testing.assert_array_equal(state.parameters, wanted.parameters[rows])
    np.testing.assert_array_equal(state.first, wanted.first[rows])
    np.testing.assert_array_equal(state.second, wanted.second[rows])


@pytest.mark.parametrize("rows", [[0], [LANES + 2], [LANES + 1, 5, 3]])
def test_a_member_has_the_same_bits_in_any_company_and_lane(rows, company, digits):
    own = COMPANY.of(np.array(rows))
    state, _ = trained(Lanes(SETTINGS, own, first(digits, 200)), SMOOTH, own, epochs=2)
    assert_same_bits(state, rows, company)


def test_a_member_has_the_same_bits_with_two_threads(company, digits):
    engine = Lanes(SETTINGS, COMPANY, first(digits, 200), threads=2)
    state, _ = trained(engine, SMOOTH, COMPANY, epochs=2)
    assert_same_bits(state, slice(None), company)


def test_a_member_has_the_same_bits_if_it_is_resumed(company, digits):
    own = COMPANY.of(slice(2, 4))
    state, _ = trained(Lanes(SETTINGS, own, first(digits, 200)), SMOOTH, own)
    kept = replace(
        state, **{n: getattr(state, n).copy() for n in ("parameters", "first", "second")}
    )
    Lanes(SETTINGS, own, first(digits, 200)).train_epoch(kept, 2)
    assert_same_bits(kept, slice(2, 4), company)


@pytest.mark.parametrize("engine", [Lanes, Grouped])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_members_that_diverge_are_those_of_pytorch_and_disturb_no_others(engine, optimizer, digits):
    images, own = first(digits, 60), members(3)
    settings = GroupSettings(RELU, optimizer, 10)

    def train(kind, middle):
        state = state_of(RELU, own.seeds)
        state.parameters[1, 0] = middle
        scores = kind(settings, own, images).train_epoch(state, 1)
        return state, scores, kind(settings, own, images).scores(state, images)

    state, scores, after = train(engine, np.nan)
    wanted, wanted_scores, wanted_after = train(OneByOne, np.nan)
    np.testing.assert_array_equal(np.isnan(state.parameters), np.isnan(wanted.parameters))
    assert np.isnan(state.parameters[1]).any()
    for ours, theirs in ((scores, wanted_scores), (after, wanted_after)):
        np.testing.assert_array_equal(np.isnan(ours.loss), [False, True, False])
        np.testing.assert_array_equal(np.isnan(theirs.loss), [False, True, False])
        assert ours.accuracy[1] == theirs.accuracy[1] == 0
    undisturbed, _, _ = train(engine, 0.1)
    np.testing.assert_array_equal(state.parameters[::2], undisturbed.parameters[::2])


def test_the_learning_rate_follows_a_schedule(digits):
    images, own = first(digits, 100), members(2)
    settings, factors = GroupSettings(SMOOTH, "adam", 10), np.linspace(0, 2, 10)
    states = []
    for kind in (Lanes, Grouped, OneByOne):
        states.append(state_of(SMOOTH, own.seeds))
        kind(settings, own, images).train_epoch(states[-1], 1, factors)
    for state in states[:2]:
        np.testing.assert_allclose(state.parameters, states[2].parameters, rtol=0, atol=5e-6)
    constant, _ = trained(OneByOne(settings, own, images), SMOOTH, own)
    assert np.abs(states[2].parameters - constant.parameters).max() > 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.full(60, 10)}, "the net has 10 classes, and targets are 10 to 10"),
        (
            {"inputs": np.zeros((60, 1, 8, 7), np.float32)},
            r"60 images of shape \(1, 8, 8\) are expected, and the array of images has shape "
            r"\(60, 1, 8, 7\)",
        ),
    ],
)
def test_images_that_do_not_fit_are_an_error(change, message, digits):
    images, own = first(digits, 60), members(1)
    engine = Lanes(GroupSettings(RELU, "sgd", 10), own, images)
    with pytest.raises(MisfitError, match=message):
        engine.scores(state_of(RELU, own.seeds), images._replace(**change))


def test_a_state_of_other_members_is_an_error(digits):
    engine = Lanes(GroupSettings(RELU, "sgd", 10), members(1), first(digits, 60))
    with pytest.raises(
        MisfitError, match=r"a state of shape \(1, 410\) is expected, not \(2, 410\)"
    ):
        engine.train_epoch(state_of(RELU, [0, 1]), 1)


def test_dropout_of_lanes_has_the_bits_of_the_published_generator():
    lanes, sizes = 5, [(0, 7), (8, 4)]
    seeds = np.array([-1, 0, 2**40, -(2**63), 7])
    thresholds = np.array([draws.threshold(p) for p in (0.0, 0.1, 0.5, 0.9, 1.0)], np.uint64)
    scales = np.array([draws.scale(p) for p in (0.0, 0.1, 0.5, 0.9, 1.0)], np.float32)
    values = np.zeros(12 * lanes, np.float32)
    keys = seeds.astype(np.uint64)
    loops.draw(values, lanes, np.array(sizes), keys, thresholds, scales, np.uint64(3), 11)
    values = values.reshape(-1, lanes)
    for lane, p in enumerate((0.0, 0.1, 0.5, 0.9, 1.0)):
        for layer, (start, size) in enumerate(sizes):
            wanted = draws.dropout(seeds[lane], 3, layer, np.array([11]), size, p)[0]
            np.testing.assert_array_equal(values[start : start + size, lane], wanted)
