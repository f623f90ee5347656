"""The fastest engine that can train a net is chosen, and why it is no faster one is said."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from lemur_core.errors import SettingsError
from lemur_zoo.engine import choice
from lemur_zoo.engine.choice import UnusableEngineError, choose
from lemur_zoo.engine.lanes.engine import Lanes, lanes_here
from lemur_zoo.engine.one_by_one import OneByOne
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool
from lemur_zoo.members import GroupState, MemberSettings, SplitArrays
from lemur_zoo.modules import flat, net_of

LAYERS = (Conv(2, 3), MaxPool(2), Activation("relu"), Dropout(), Flatten(), Linear(10))
SHAPE = (1, 8, 8)
GROUPED = "engine grouped (up to 32 members together, by grouped convolution)"


def net():
    return net_of(LAYERS, SHAPE)


def normalised():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    )


def test_a_net_made_of_layers_is_trained_in_lanes():
    chosen = choose(net(), SHAPE)
    assert chosen.line == "engine lanes (a member in each SIMD lane)"
    assert chosen.layers == LAYERS


@pytest.mark.parametrize("name", choice.ENGINES)
def test_the_user_can_choose_an_engine(name):
    chosen = choose(net(), SHAPE, name)
    assert chosen.line.startswith(f"engine {name} (")
    assert "because" not in chosen.line


def test_any_other_net_is_trained_one_member_at_a_time():
    reason = "the net is not made of the layers of a zoo: its module '2', BatchNorm1d"
    assert f"engine one-by-one (one member at a time), because {reason}" in (
        choose(normalised(), SHAPE).line
    )
    for name in ("lanes", "grouped"):
        with pytest.raises(UnusableEngineError, match=f"engine {name} cannot be used: {reason}"):
            choose(normalised(), SHAPE, name)


def check_grouped(reason):
    assert choose(net(), SHAPE).line == f"{GROUPED}, because {reason}"
    with pytest.raises(UnusableEngineError) as error:
        choose(net(), SHAPE, "lanes")
    assert str(error.value) == f"engine lanes cannot be used: {reason}"


def test_without_numba_members_are_grouped(monkeypatch):
    name = "lemur_zoo.engine.lanes.engine"
    monkeypatch.setitem(sys.modules, name, None)
    check_grouped(f"numba cannot be loaded: import of {name} halted; None in sys.modules")


def test_if_a_step_is_wrong_members_are_grouped(monkeypatch):
    train_epoch = Lanes.train_epoch

    def wrong(self, state, epoch):
        train_epoch(self, state, epoch)
        state.first[0, 3] += np.abs(state.first).max() / 1000

    monkeypatch.setattr(Lanes, "train_epoch", wrong)
    with pytest.raises(UnusableEngineError, match="its gradients differ from PyTorch's by "):
        choose(net(), SHAPE, "lanes")
    assert choose(net(), SHAPE).name == "grouped"


def test_if_a_step_is_not_a_number_members_are_grouped(monkeypatch):
    monkeypatch.setattr(Lanes, "train_epoch", lambda self, state, epoch: state.first.fill(np.nan))
    check_grouped("its gradients differ from PyTorch's by nan")


def test_if_numba_cannot_compile_members_are_grouped(monkeypatch):
    def fail(self, *arguments):
        raise RuntimeError("no such target\nand more")

    monkeypatch.setattr(Lanes, "__init__", fail)
    check_grouped("numba cannot compile the net: RuntimeError: no such target")


def test_the_number_of_lanes_can_be_set(monkeypatch):
    monkeypatch.setenv("LEMUR_ZOO_LANES", "8")
    assert lanes_here() == 8
    monkeypatch.setenv("LEMUR_ZOO_LANES", "5")
    check_grouped("LEMUR_ZOO_LANES is '5'; set it to 4, 8 or 16")


@pytest.mark.parametrize(
    ("features", "lanes"),
    [
        ({"avx512f": True, "avx2": True, "fma": True}, 16),
        ({"avx512f": False, "avx2": True, "fma": True}, 8),
        ({"neon": True}, 4),
    ],
)
def test_there_are_as_many_lanes_as_the_processor_has(features, lanes, monkeypatch):
    monkeypatch.delenv("LEMUR_ZOO_LANES", raising=False)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: features)
    assert lanes_here() == lanes


def test_a_processor_without_fused_multiply_add_has_no_lanes(monkeypatch):
    monkeypatch.delenv("LEMUR_ZOO_LANES", raising=False)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: {"avx2": True})
    check_grouped("this processor has none of AVX-512, AVX2 with FMA, and NEON")


def test_on_another_device_members_are_grouped():
    chosen = choose(net(), SHAPE, device="cuda")
    assert chosen.line == f"{GROUPED}, because lanes are the CPU's, and the device is cuda"
    assert chosen.device == "cuda"


def test_an_unknown_engine_is_an_error():
    with pytest.raises(SettingsError) as error:
        choose(net(), SHAPE, "fast")
    assert str(error.value) == "unknown engine 'fast'; use auto, lanes, grouped, one-by-one"


def test_running_statistics_are_part_of_the_state():
    rng = np.random.default_rng(0)
    images = SplitArrays(rng.standard_normal((30, *SHAPE), np.float32), np.arange(30) % 3)
    unit = np.ones(2, np.float32)
    own = MemberSettings(np.arange(2), unit / 100, unit * 0.9, unit * 0, unit * 0.25)
    rows, buffers, wanted = [], [], []
    for member in range(2):
        torch.manual_seed(member)
        made = normalised()
        rows.append(flat(list(made.parameters())).detach().numpy())
        buffers.append(flat([b.float() for b in made.buffers()]).numpy())
    rows, buffers = np.stack(rows), np.stack(buffers)
    state = GroupState(rows, np.zeros_like(rows), np.zeros_like(rows), buffers=buffers)
    chosen = choose(normalised(), SHAPE)
    engine = chosen.engine("adam", 10, own, images, normalised())
    assert isinstance(engine, OneByOne)
    engine.train_epoch(state, 1)
    assert list(state.buffers[:, -1]) == [3, 3]
    # Resumed by another engine, as in one go.
    whole = GroupState(
        *(a.copy() for a in (state.parameters, state.first, state.second)),
        state.steps,
        state.buffers.copy(),
    )
    engine.train_epoch(state, 2)
    chosen.engine("adam", 10, own, images, normalised()).train_epoch(whole, 2)
    np.testing.assert_array_equal(state.parameters, whole.parameters)
    np.testing.assert_array_equal(state.buffers, whole.buffers)
    for member in range(2):
        made = normalised().eval()
        torch.nn.utils.vector_to_parameters(
            torch.from_numpy(state.parameters[member]), made.parameters()
        )
        start = 0
        for buffer in made.buffers():
            buffer.copy_(
                torch.from_numpy(state.buffers[member, start : start + buffer.numel()]).view(
                    buffer.shape
                )
            )
            start += buffer.numel()
        outputs = made(torch.from_numpy(images.inputs))
        wanted.append(nn.functional.cross_entropy(outputs, torch.from_numpy(images.targets)).item())
    np.testing.assert_allclose(engine.scores(state, images).loss, wanted, rtol=1e-6)
