"""Twins compute the same in every framework, and a trained net goes on where it was stored."""

from dataclasses import replace

import pytest

from lemur_core import installed
from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.parity import measure, train_both
from lemur_twins.processes import call
from lemur_twins.twins import TWINS

SMALL = {"width": 4, "stages": "1-1", "hidden": 32}


def of(name, framework):
    if missing := FRAMEWORKS[framework].missing():
        pytest.skip(f"{missing} is not installed")
    twin = TWINS[name].twin
    return tuple(installed().get("net", twin.nets[each]) for each in ("pytorch", framework))


@pytest.mark.parametrize("framework", ["keras-torch", "keras-jax"])
def test_keras_computes_the_same_on_its_other_backends(framework):
    nets, twin = of("VGG-mini-BN", framework), replace(TWINS["VGG-mini-BN"].twin, prm=SMALL)
    parity = call(framework, measure, nets, framework, twin)
    assert parity.outputs < 1e-6
    assert parity.gradients < 1e-6
    assert parity.sgd_step < 1e-7
    assert parity.adam_step < 1e-6


@pytest.mark.parametrize("framework", ["jax", "tensorflow"])
def test_four_epochs_of_digits_end_the_same(digits, framework):
    batches, tested = digits
    # Without kinks, at which float noise would decide.
    prm = {"optimizer": "sgd", "lr": 0.01, "momentum": 0.9, "activation": "tanh"}
    nets, twin = of("MLP", framework), TWINS["MLP"].twin
    ended = call(framework, train_both, nets, framework, twin, prm, [batches] * 4, tested)
    assert ended.parameters < 1e-6
    assert ended.accuracies[0] == ended.accuracies[1] > 0.9
