"""Twins compute the same in every framework, and a trained net goes on where it was stored."""

from dataclasses import replace

import numpy as np
import pytest

from lemur_core import installed
from lemur_core.kinds.net import as_net
from lemur_core.training import middle_prm, seed_everything
from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.parity import _highest, batch_for, measure, train_both
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


def test_the_highest_value_of_differences_that_are_not_numbers_is_not_a_number():
    assert np.isnan(_highest([1e-8, float("nan"), 0.0]))
    assert _highest([]) == 0


def difference_after_resuming(net, twin, batches):
    """Return how far a net that is stored after each epoch is from one that is not."""
    prm = middle_prm(as_net(net.load(), net.name)) | dict(net.prm) | SMALL
    prm |= {"optimizer": "sgd", "lr": 0.05, "scheduler": "cosine", "scheduler_epochs": 2}
    whole, part = (built(net, twin, prm) for _ in range(2))
    for _ in range(3):
        whole.learn(batches)
        part.learn(batches)
        arrays = {**part.parameter_arrays(), **part.buffer_arrays()}
        arrays = {name: array.copy() for name, array in arrays.items()}
        state, part = part.training_state(), built(net, twin, prm)
        part.load_arrays(arrays)
        part.load_training_state(state)
    before, after = whole.parameter_arrays(), part.parameter_arrays()
    return max(float(np.abs(before[name] - after[name]).max()) for name in before)


def built(net, twin, prm):
    seed_everything(0)
    made = as_net(net.load(), net.name).net((1, *twin.image), (twin.classes,), prm, "cpu")
    made.train_setup(prm)
    return made


@pytest.mark.parametrize("framework", ["jax", "tensorflow", "keras-torch"])
def test_a_net_whose_learning_rate_changes_goes_on_where_it_was_stored(framework):
    twin, net = TWINS["VGG-mini"].twin, of("VGG-mini", framework)[1]
    batches = [batch_for(twin, 8, seed) for seed in range(2)]
    assert call(framework, difference_after_resuming, net, twin, batches) == 0
