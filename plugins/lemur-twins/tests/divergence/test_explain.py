"""Explanations of real differences between frameworks, in processes of their own."""

from functools import partial

import pytest

from lemur_core import installed
from lemur_twins.divergence.causes import explain
from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.parity import Pair, batch_for
from lemur_twins.processes import call
from lemur_twins.twins import TWINS

SMALL = {"stages": "1-1", "width": 4, "hidden": 8}


def explained(nets, framework, twin, prm, steps):
    """Return the causes of the differences of two nets, as text."""
    batches = [batch_for(twin, 16, seed) for seed in range(steps)]

    def pair_with(match):
        return Pair(nets, framework, twin, prm | {"match": match})

    explanation = explain(pair_with, framework, "none", batches)
    parts = [
        (cause.parting.step, cause.parting.quantity.kind, *cause.conventions)
        for cause in explanation.causes
    ]
    return parts, explanation.is_complete, explanation.matched


@pytest.fixture
def causes():
    def find(name, framework, steps=1, **prm):
        if missing := FRAMEWORKS[framework].missing():
            pytest.skip(f"{missing} is not installed")
        twin = TWINS[name].twin
        nets = tuple(installed().get("net", twin.nets[each]) for each in ("pytorch", framework))
        return call(framework, partial(explained), nets, framework, twin, prm, steps)

    return find


def test_epsilon_of_normalisation_is_the_cause_in_outputs(causes):
    prm = {"optimizer": "sgd", "lr": 0.01, "activation": "relu"}
    parts, is_complete, matched = causes("MLP", "jax", **prm)
    assert parts == [(1, "output", "layer-norm-epsilon")]
    assert is_complete
    assert matched == "layer-norm-epsilon"


def test_momentum_and_variance_are_the_causes_in_running_statistics(causes):
    parts, is_complete, _ = causes("VGG-mini-BN", "jax", optimizer="sgd", lr=0.01, **SMALL)
    assert parts == [
        (1, "statistic", "batch-norm-momentum"),
        (1, "statistic", "batch-norm-variance"),
    ]
    assert is_complete


def test_epsilon_hat_is_the_cause_in_steps_of_adam(causes):
    prm = {"optimizer": "adam", "lr": 0.01, "adam_epsilon": 0.1} | SMALL
    parts, is_complete, matched = causes("VGG-mini", "tensorflow", **prm)
    assert parts == [(1, "weight", "adam-epsilon-hat")]
    assert is_complete
    assert matched == "adam-epsilon-hat"


def test_decoupled_weight_decay_is_the_cause_from_the_second_step_on(causes):
    prm = {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.1} | SMALL
    parts, is_complete, _ = causes("VGG-mini", "tensorflow", steps=2, **prm)
    assert parts == [(2, "weight", "weight-decay")]
    assert is_complete
