"""Sparse twins in SIMD lanes: noisy layers, their training, and the choice of the engine."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch.nn import functional

from lemur_core.errors import SettingsError
from lemur_zoo import draws
from lemur_zoo.engine.choice import UnusableEngineError
from lemur_zoo.engine.lanes import loops
from lemur_zoo.engine.lanes.engine import REGISTERS, aligned, lanes_here
from lemur_zoo.engine.lanes.noisy_engine import NoisyLanes
from lemur_zoo.engine.lanes.noisy_program import assemble_noisy
from lemur_zoo.engine.together import affine, run_layers, split_rows
from lemur_zoo.engine.variational import TwinSettings
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool
from lemur_zoo.members import GroupSettings, GroupState, MemberSettings, SplitArrays
from lemur_zoo.modules import flat, net_of
from lemur_zoo.sparse import choice
from lemur_zoo.sparse.choice import choose_noisy, noisy_engine
from lemur_zoo.sparse.training import NoisyGrouped
from lemur_zoo.sparse.variational import can_be_cut, divergence

from .test_lane_layers import call

try:
    LANES = lanes_here()
except ValueError as error:
    pytest.skip(str(error), allow_module_level=True)

SHAPE = (2, 7, 6)
SMOOTH = (
    *(Conv(3, 2), MaxPool(2), Activation("tanh"), Dropout()),
    *(Conv(4, 2, stride=2, padding=1, bias=False), Activation("gelu"), Flatten()),
    *(Linear(5), Activation("sigmoid"), Linear(3, bias=False)),
)


def test_the_noise_is_the_normal_numbers_of_box_and_muller():
    numbers = draws.normal(2**40 - 1, 3, 1, np.array([0, 11]), 7)
    # Words from the generator, whose own test compares them with published ones.
    for row, position in enumerate((0, 11)):
        words = draws.philox((np.arange(2), position, 3, 2**31 + 1), draws.key_of(2**40 - 1))
        a, b = (words.reshape(-1, 2) >> 8).astype(np.float64).T
        radius, angle = np.sqrt(-2 * np.log((a + 1) / 2**24)), 2 * np.pi * b / 2**24
        expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:7]
        np.testing.assert_allclose(numbers[row], expected, rtol=1e-6, atol=1e-7)
    many = draws.normal(7, 1, 0, np.arange(500), 101)
    assert kstest(many.reshape(-1), "norm").pvalue > 0.01
    assert abs(np.corrcoef(many[:, 0], many[:, 1])[0, 1]) < 0.15


def test_lanes_draw_the_same_noise():
    program, seeds = assemble_noisy(SMOOTH, SHAPE, LANES, REGISTERS[LANES]), np.arange(LANES) - 2
    values, parameters = aligned(program.values, LANES), aligned(program.numbers, LANES)
    keys = seeds.astype(np.uint64)
    loops.draw_uniform(values.reshape(-1), LANES, program.noises, keys, np.uint64(3), 11)
    for function in program.forwards:
        call(function, parameters, values)
    for layer, (start, size) in enumerate(program.noises):
        for lane, seed in enumerate(seeds):
            expected = draws.normal(int(seed), 3, layer, np.array([11]), int(size))[0]
            np.testing.assert_allclose(
                values[start : start + size, lane], expected, rtol=1e-6, atol=5e-7
            )


class Called:
    """A net whose functions are called here, with other numbers in each lane."""

    def __init__(self, scale, log_sigma2):
        self.program = p = assemble_noisy(SMOOTH, SHAPE, LANES, REGISTERS[LANES], True)
        rng = np.random.default_rng(0)
        self.values, self.gradient = aligned(p.values, LANES), aligned(p.numbers, LANES)
        self.parameters = aligned(p.numbers, LANES)
        half = p.parameters // 2
        self.parameters[:half] = rng.standard_normal((half, LANES)) * scale
        self.parameters[half : 2 * half] = rng.uniform(*log_sigma2, (half, LANES))
        self.inputs = self.values[p.inputs :][: p.features]
        self.inputs[:] = rng.standard_normal(self.inputs.shape)
        (mask,) = p.masks
        self.mask = self.values[mask[0] :][: mask[1]]
        self.mask[:] = rng.integers(0, 2, self.mask.shape) * 2
        for start, size in p.noises:
            self.values[start : start + size] = rng.uniform(0.01, 1, (size, LANES))
        self.values[p.kl_weight] = np.linspace(0, 0.1, LANES)
        self.given = rng.standard_normal((p.classes, LANES)).astype(np.float32)

    def run(self):
        p = self.program
        for function in (*p.prepares, *p.forwards):
            call(function, self.parameters, self.values)
        self.outputs = self.values[p.scores :][: p.classes].copy()
        self.noise = [self.values[start : start + size].copy() for start, size in p.noises]
        self.values[p.score_gradient :][: p.classes] = self.given
        for function in (*p.backwards, *p.finishes):
            call(function, self.parameters, self.values, self.gradient)
        self.input_gradient = self.values[p.input_gradient :][: p.features]
        return self


def by_torch(called, lane):
    """Return outputs, and the gradients of inputs and parameters, by autograd in float64."""
    half = called.program.parameters // 2
    rows = torch.tensor(called.parameters[: 2 * half, lane]).double().requires_grad_()
    x = torch.tensor(called.inputs[:, lane]).double().view(1, *SHAPE).requires_grad_()
    weights, log_sigma2 = rows.view(2, 1, half)
    alphas = (log_sigma2 - 2 * (weights.abs() + 1e-15).log()).clamp(-10, 10)
    has_noise = can_be_cut(SMOOTH, SHAPE)
    noisy = alphas.exp() * weights**2 * has_noise
    means, squares = (split_rows(part, SMOOTH, SHAPE) for part in (weights, noisy))
    noise = iter(called.noise)

    def apply(index, layer, values):
        if layer == Dropout():
            return values * torch.tensor(called.mask[:, lane]).view_as(values)
        mean = affine(layer, *means[index], values)
        variance = affine(layer, *squares[index], values**2)
        drawn = torch.tensor(next(noise)[:, lane]).double().view_as(mean)
        return mean + (variance + 1e-8).sqrt() * drawn

    outputs = run_layers(SMOOTH, 1, x, apply, shared=False).flatten()
    kl_weight = float(called.values[called.program.kl_weight, lane])
    cost = (divergence(alphas) * has_noise).sum() * kl_weight
    (outputs @ torch.tensor(called.given[:, lane]).double() + cost).backward()
    return [values.detach().numpy() for values in (outputs, x.grad.flatten(), rows.grad)]


# At the lower limit of log alpha, between the limits, and at the upper one.
@pytest.mark.parametrize(
    ("scale", "log_sigma2"), [(0.4, (-14, -8)), (0.4, (-6, -2)), (1e-3, (-5, -2))]
)
def test_noisy_layers_give_the_outputs_and_gradients_of_autograd_in_every_lane(scale, log_sigma2):
    called = Called(scale, log_sigma2).run()
    half = called.program.parameters
    for lane in range(LANES):
        ours = (called.outputs, called.input_gradient, called.gradient[:half])
        for values, wanted in zip(ours, by_torch(called, lane), strict=True):
            scale = np.abs(wanted).max()
            np.testing.assert_allclose(values[:, lane] / scale, wanted / scale, atol=1e-5)
    assert not called.gradient[half:].any()


def members(count, dropout=0.4, first_seed=0):
    numbers = np.arange(first_seed, first_seed + count)
    return MemberSettings(
        numbers,
        (5e-4 * (1 + numbers % 3)).astype(np.float32),
        (0.9 - 0.1 * (numbers % 2)).astype(np.float32),
        (1e-3 * (numbers % 2)).astype(np.float32),
        (dropout * (1 - 0.5 * (numbers % 2))).astype(np.float32),
    )


def twins_of(own, warm_up=0):
    kl_weight = (1e-3 * (1 + own.seeds % 4)).astype(np.float32)
    return TwinSettings(kl_weight, (2e-3 * (1 + own.seeds % 2)).astype(np.float32), warm_up)


def state_of(own, log_sigma2=-6.0):
    rows = []
    for seed in own.seeds:
        torch.manual_seed(int(seed))
        weights = flat(list(net_of(SMOOTH, SHAPE).parameters())).detach().numpy()
        # At 0 the gradient of the divergence jumps.
        rows.append(weights + 0.2 * np.sign(weights))
    rows = np.stack(rows)
    rows = np.concatenate([rows, np.full_like(rows, log_sigma2)], axis=1)
    return GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 993)
    inputs = rng.standard_normal((993, *SHAPE), np.float32) + targets[:, None, None, None] - 1
    return SplitArrays(inputs.astype(np.float32), targets)


def first(images, count):
    return SplitArrays(images.inputs[:count], images.targets[:count])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_hundred_steps_end_as_those_of_pytorch(optimizer, images):
    # 99 batches of 10 and one of 3.
    own, settings = members(3), GroupSettings(SMOOTH, optimizer, 10)
    states = [state_of(own) for _ in range(2)]
    for engine, state in zip((NoisyLanes, NoisyGrouped), states, strict=True):
        engine(settings, own, twins_of(own), images).train_epoch(state, 1)
        assert state.steps == 100
    begun = state_of(own).parameters
    assert (np.abs(states[1].parameters - begun).max(1) > 0.02).all()
    np.testing.assert_allclose(states[0].parameters, states[1].parameters, rtol=0, atol=5e-6)


COMPANY = members(LANES + 3)
SETTINGS = GroupSettings(SMOOTH, "adam", 10)


def trained(own, images, epochs=2, **options):
    state = state_of(own)
    engine = NoisyLanes(SETTINGS, own, twins_of(own, warm_up=3), images, **options)
    for epoch in range(1, epochs + 1):
        engine.train_epoch(state, epoch)
    return state


@pytest.fixture(scope="module")
def company(images):
    return trained(COMPANY, first(images, 100))


def assert_same_bits(state, rows, wanted):
    np.testing.assert_array_equal(state.parameters, wanted.parameters[rows])
    np.testing.assert_array_equal(state.first, wanted.first[rows])
    np.testing.assert_array_equal(state.second, wanted.second[rows])


@pytest.mark.parametrize("rows", [[0], [LANES + 2], [LANES + 1, 5, 3]])
def test_a_twin_has_the_same_bits_in_any_company_and_lane(rows, company, images):
    own = COMPANY.of(np.array(rows))
    assert_same_bits(trained(own, first(images, 100)), rows, company)


def test_a_twin_has_the_same_bits_with_two_threads(company, images):
    assert_same_bits(trained(COMPANY, first(images, 100), threads=2), slice(None), company)


@pytest.mark.skipif(LANES != 16, reason="this processor has no vectors of 16 numbers")
def test_a_twin_has_the_same_bits_in_half_as_many_lanes(company, images):
    own = COMPANY.of(slice(3))
    assert_same_bits(trained(own, first(images, 100), lanes=8), slice(3), company)


def test_a_twin_has_the_same_bits_if_it_is_resumed(company, images):
    own = COMPANY.of(slice(2, 4))
    state = trained(own, first(images, 100), epochs=1)
    kept = replace(
        state, **{n: getattr(state, n).copy() for n in ("parameters", "first", "second")}
    )
    NoisyLanes(SETTINGS, own, twins_of(own, 3), first(images, 100)).train_epoch(kept, 2)
    assert_same_bits(kept, slice(2, 4), company)


def test_a_twin_that_diverges_disturbs_no_others(images):
    own, some = members(3), first(images, 30)
    states = [state_of(own), state_of(own)]
    states[0].parameters[1, 0] = np.nan
    for state in states:
        NoisyLanes(SETTINGS, own, twins_of(own), some).train_epoch(state, 1)
    assert np.isnan(states[0].parameters[1]).any()
    np.testing.assert_array_equal(states[0].parameters[::2], states[1].parameters[::2])


def net():
    return net_of(SMOOTH, SHAPE)


def test_twins_are_trained_in_lanes_unless_the_user_wants_otherwise(images):
    own = members(1)
    for wanted, engine in (("auto", NoisyLanes), ("lanes", NoisyLanes), ("grouped", NoisyGrouped)):
        chosen = choose_noisy(net(), SHAPE, wanted)
        assert "because" not in chosen.line
        assert isinstance(noisy_engine(chosen, SETTINGS, own, twins_of(own), images), engine)
    with pytest.raises(SettingsError, match="unknown engine 'one-by-one'; use auto, lanes, group"):
        choose_noisy(net(), SHAPE, "one-by-one")


def check_grouped(reason):
    assert choose_noisy(net(), SHAPE).line.endswith(f"grouped convolution), because {reason}")
    with pytest.raises(UnusableEngineError) as error:
        choose_noisy(net(), SHAPE, "lanes")
    assert str(error.value) == f"engine lanes cannot be used: {reason}"


def test_without_numba_twins_are_grouped(monkeypatch):
    name = "lemur_zoo.engine.lanes.engine"
    monkeypatch.setitem(sys.modules, name, None)
    check_grouped(f"numba cannot be loaded: import of {name} halted; None in sys.modules")


def test_if_a_gradient_of_the_variances_is_wrong_twins_are_grouped(monkeypatch):
    def wrong(self, state, epoch):
        NoisyGrouped.train_epoch(
            NoisyGrouped(self.settings, COMPANY.of(slice(1)), self.twins, self.images), state, epoch
        )
        half = state.first[:, state.first.shape[1] // 2 :]
        half[0, 3] += np.abs(half).max() / 1000

    monkeypatch.setattr(NoisyLanes, "train_epoch", wrong)
    with pytest.raises(UnusableEngineError, match="gradients of noisy layers differ from PyTorch"):
        choose_noisy(net(), SHAPE, "lanes")
    assert choose_noisy(net(), SHAPE).name == "grouped"


def test_if_numba_cannot_compile_noisy_layers_twins_are_grouped(monkeypatch):
    def fail(self, *arguments):
        raise RuntimeError("no such target\nand more")

    monkeypatch.setattr(NoisyLanes, "__init__", fail)
    check_grouped("numba cannot compile noisy layers: RuntimeError: no such target")


def test_the_probe_is_not_at_the_limits_of_log_alpha():
    state = choice.probe(SMOOTH, SHAPE)[2]
    alphas = choice._LOG_SIGMA2 - 2 * np.log(np.abs(state.parameters) + 1e-15)
    assert (np.abs(alphas) < 10).mean() > 0.95
    assert functional.sigmoid(torch.tensor(-alphas)).mean() > 0.1
