"""Outputs, weights and buffers that are NaN or infinite are detected."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lemur_core import data, run
from lemur_core.errors import LemurError
from lemur_core.train.finite import Outputs, check_weights, finite_buffers
from lemur_core.train.scoring import score
from lemur_core.train.training import NotFiniteError

NAN, INF = math.nan, math.inf
LARGEST = torch.finfo(torch.float32).max

NET = """
import torch
from torch import nn
from lemur_core.kinds.net import TRAINING, Classifier

def supported_hyperparameters():
    return TRAINING

class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.end = nn.Linear(16, *out_shape)
        self.norm = nn.BatchNorm1d(16)
        self.register_buffer("spread", torch.zeros(3))
        self.calls = 0

    def forward(self, images):
        self.calls += not self.training
        outputs = self.end(self.norm(images.flatten(1)))
        CHANGE
        return outputs
"""


def boxes(value):
    return {"boxes": torch.tensor([[0.0, 0, 1, value]]), "labels": torch.tensor([1])}


OUTPUTS = {
    "tensor": lambda value: torch.tensor([[0.0, value]]),
    "half": lambda value: torch.tensor([[0.0, value]], dtype=torch.bfloat16),
    "complex": lambda value: torch.tensor([complex(0, value)]),
    "boxes": lambda value: [boxes(0.5), boxes(value)],
    "tuple": lambda value: (torch.zeros(1, 2), torch.tensor([value])),
    "mapping": lambda value: {"out": {"aux": torch.tensor([value])}},
    "array": lambda value: [np.array([1.0, value])],
    "number": lambda value: [1.0, value],
    "sparse": lambda value: torch.tensor([[0.0, value]]).to_sparse(),
    "not contiguous": lambda value: torch.tensor([[0.0, value]]).T,
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_an_output_that_is_not_finite_is_detected(kind, value):
    seen = Outputs("test")
    seen.record(OUTPUTS[kind](1.0))
    seen.check()
    seen.record(OUTPUTS[kind](value))
    with pytest.raises(NotFiniteError) as caught:
        seen.check()
    assert str(caught.value) == (
        "outputs are not finite: in evaluation the net gives NaN or infinity for batch 2 of the "
        "test split"
    )
    assert isinstance(caught.value, LemurError)


@pytest.mark.parametrize(
    "outputs",
    [
        torch.full((9,), LARGEST),
        torch.tensor([LARGEST, -LARGEST]),
        torch.full((9,), 6e4, dtype=torch.float16),
        torch.tensor([2**62, -(2**62)]),
        torch.zeros(0, 4),
        [],
        [{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}],
        {"text": "nan", "none": None},
    ],
)
def test_finite_outputs_pass_however_large(outputs):
    seen = Outputs("test")
    seen.record(outputs)
    seen.check()


def test_no_outputs_are_finite():
    Outputs("test").check()


class Raising:
    """A metric that raises if it is given NaN."""

    def reset(self):
        pass

    def update(self, outputs, targets):
        if outputs.isnan().any():
            raise ZeroDivisionError("no score")

    def compute(self):
        return 1.0


def test_an_error_of_a_metric_on_nan_is_attributed_to_the_outputs():
    loaded = [(torch.ones(2, 3), None), (torch.full((2, 3), NAN), None)]
    with pytest.raises(NotFiniteError, match="for batch 2 of the validation split"):
        score(nn.Identity(), loaded, {"raising": Raising()}, "validation")
    with pytest.raises(ZeroDivisionError):
        score(_Broken(), loaded[:1], {"raising": Raising()}, "validation")


class _Broken(nn.Module):
    def forward(self, inputs):
        raise ZeroDivisionError


def attempted(tmp_path, change, **settings):
    """Return the state and the reason of a trial of a net whose outputs are changed."""
    file, db = tmp_path / "Changed.py", str(tmp_path / "results.db")
    file.write_text(NET.replace("CHANGE", change))
    run(
        "img-classification_blobs_hits", net=str(file), trials=1, epochs=2, lr=0.01, batch=16,
        transform="plain", db=db, in_process=True, threads=1, fail_attempts=1, **settings,
    )  # fmt: skip
    import sqlite3

    with sqlite3.connect(db) as connection:
        [row] = connection.execute("select state, reason from trial").fetchall()
    return row, len(data(db=db))


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_trial_whose_outputs_are_not_finite_fails(tmp_path, value):
    change = f"outputs = outputs if self.training else outputs * 0 + float('{value}')"
    (state, reason), epochs = attempted(tmp_path, change)
    assert (state, epochs) == ("failed", 0)
    assert reason == (
        "NotFiniteError: outputs are not finite: in evaluation the net gives NaN or infinity for "
        "batch 1 of the validation split"
    )


def test_one_image_of_the_test_split_is_enough(tmp_path):
    # The net is run on two images before its only validation batch; then comes the test split.
    change = "if self.calls == 3 and not self.training: outputs[-1, -1] = float('nan')"
    (state, reason), _ = attempted(tmp_path, change)
    assert state == "failed"
    assert reason.endswith("for batch 1 of the test split")


def test_a_score_within_an_epoch_is_checked_too(tmp_path):
    change = "if self.calls == 2 and not self.training: outputs = outputs * float('nan')"
    (state, reason), _ = attempted(tmp_path, change, estimator="soon:interval=0.5")
    assert (state, reason.startswith("NotFiniteError: outputs are not finite")) == ("failed", True)


@pytest.mark.parametrize("value", [NAN, INF])
def test_a_buffer_that_becomes_infinite_is_detected(value):
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))
    buffers = finite_buffers(net)
    check_weights(net, buffers)
    net[0].running_var[1] = value
    with pytest.raises(NotFiniteError, match=r"^buffer 0\.running_var is not finite$"):
        check_weights(net, buffers)


@pytest.mark.parametrize("persistent", [True, False])
def test_a_buffer_that_is_infinite_from_the_start_is_ignored(persistent):
    net = nn.Module()
    mask = torch.full((3, 3), -INF).triu(1)
    net.register_buffer("mask", mask, persistent=persistent)
    net.register_buffer("lowest", torch.tensor(INF))
    net.register_buffer("steps", torch.tensor(3))
    assert finite_buffers(net) == frozenset()
    check_weights(net, finite_buffers(net))


def test_a_trial_whose_buffer_overflows_fails(tmp_path):
    change = "self.spread += float('inf') if self.training else 0"
    (state, reason), _ = attempted(tmp_path, change)
    assert (state, reason) == ("failed", "NotFiniteError: buffer spread is not finite")
