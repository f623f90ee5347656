"""Settings of execution: precision, memory layout, compilation and loader processes."""

import shutil
from functools import partial

import pytest
import torch

import lemur_core
from lemur_core import data
from lemur_core.errors import SpaceError
from lemur_core.kinds.loader import InMemory
from lemur_core.settings import Settings
from lemur_core.train.batches import batches
from lemur_core.train.training import configure_execution

run = partial(lemur_core.run, in_process=True, threads=1)
LINEAR = "img-classification_blobs_hits_Linear"
SETTINGS = {"trials": 1, "epochs": 5, "lr": 0.05, "momentum": 0.9, "batch": 16, "prm": {"width": 4}}


def losses(db, **choices):
    run(LINEAR, **SETTINGS | choices, transform="plain", db=db)
    frame = data(db=db)
    return list(frame["loss"]), frame["prm"][0]


def test_a_net_learns_in_bfloat16_as_in_float32(tmp_path):
    full, prm = losses(str(tmp_path / "full.db"))
    mixed, prm_recorded = losses(str(tmp_path / "mixed.db"), precision="bf16")
    assert mixed != full
    assert mixed == pytest.approx(full, rel=0.05)
    assert full[-1] < 0.5 * full[0]
    assert prm_recorded == prm | {"precision": "bf16"}


def test_settings_given_as_a_range_are_searched(tmp_path):
    db = str(tmp_path / "results.db")
    run(LINEAR, **SETTINGS | {"trials": 8}, precision="fp32,bf16", channels_last=True, db=db)
    prms = list(data(db=db)["prm"])
    assert {prm["precision"] for prm in prms} == {"fp32", "bf16"}
    assert {prm["channels_last"] for prm in prms} == {True}


def test_weights_use_channels_last_memory_format():
    net = torch.nn.Conv2d(3, 8, 3)
    configure_execution(net, {"channels_last": True})
    assert net.weight.is_contiguous(memory_format=torch.channels_last)
    assert not net.weight.is_contiguous()


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_a_compiled_net_gives_the_same_numbers(tmp_path):
    plain, _ = losses(str(tmp_path / "plain.db"), epochs=1)
    compiled, prm = losses(str(tmp_path / "compiled.db"), epochs=1, compile=True)
    assert compiled == pytest.approx(plain, rel=1e-4)
    assert prm["compile"] is True


def test_a_net_is_compiled_only_on_request():
    plain, compiled = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    configure_execution(plain, {"compile": False})
    configure_execution(compiled, {"compile": True})
    assert plain._compiled_call_impl is None
    assert compiled._compiled_call_impl is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "fp8"}, "precision=fp8: expected fp32 or bf16"),
        ({"compile": "3..4"}, "compile=3..4: expected false or true"),
        ({"prm": {"channels_last": 1}}, "channels_last=1: expected false or true"),
    ],
)
def test_invalid_execution_settings_are_reported(arguments, message):
    with pytest.raises(SpaceError) as caught:
        Settings.of(arguments)
    assert str(caught.value) == message


class Listed:
    """Samples read one at a time, as from a dataset too large for memory."""

    def __init__(self, count):
        self.samples = InMemory(
            torch.arange(count).remainder(251).to(torch.uint8)[:, None, None, None],
            torch.arange(count),
        )

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("training", [True, False])
def test_many_samples_are_each_loaded_once_by_processes(two_threads, training):
    loaded = batches(Listed(2_001), torch.nn.Identity(), 50, torch.device("cpu"), training=training)
    assert loaded.loader.num_workers == 2
    for _ in range(2):
        targets = []
        for inputs, these in loaded:
            assert inputs.flatten().tolist() == these.remainder(251).tolist()
            targets += these.tolist()
        # In training, a last batch of one sample is left out.
        assert len(targets) == (2_000 if training else 2_001)
        assert len(set(targets)) == len(targets)
        assert (targets == sorted(targets)) == (not training)


def test_few_samples_and_one_thread_need_no_processes(two_threads):
    few = batches(Listed(10), torch.nn.Identity(), 5, torch.device("cpu"), training=True)
    torch.set_num_threads(1)
    single = batches(Listed(3_000), torch.nn.Identity(), 5, torch.device("cpu"), training=True)
    assert few.loader.num_workers == single.loader.num_workers == 0
