"""Each convention in which a framework differs opens a gap, which closes when it is matched.

That it closes is tested in test_contract, which matches all of them.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lemur_core import installed
from lemur_core.errors import UnknownNameError
from lemur_twins.conventions import CONVENTIONS, Conventions
from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.hyperparameters import OptimizerSettings
from lemur_twins.parity import batch_for, train_both
from lemur_twins.processes import call
from lemur_twins.twins import TWINS

MLP = TWINS["MLP"].twin


def of(name, framework):
    if missing := FRAMEWORKS[framework].missing():
        pytest.skip(f"{missing} is not installed")
    twin = TWINS[name].twin
    return tuple(installed().get("net", twin.nets[each]) for each in ("pytorch", framework))


def apart(name, framework, match, steps=0, **prm):
    """Return how far nets are apart before and after some steps on a batch."""
    twin = TWINS[name].twin
    inputs, targets = (tensor.numpy() for tensor in batch_for(twin))
    prm = {"optimizer": "sgd", "lr": 0.01, "match": match} | prm
    epochs, tested = [[(inputs, targets)] * steps] * (steps > 0), (inputs, targets)
    return call(framework, train_both, of(name, framework), framework, twin, prm, epochs, tested)


def trained(framework, epochs, tested, match, **prm):
    prm = {
        "optimizer": "sgd",
        "lr": 0.05,
        "momentum": 0.9,
        "activation": "relu",
        "match": match,
    } | prm
    return call(framework, train_both, of("MLP", framework), framework, MLP, prm, epochs, tested)


# The convention, the twin and the framework that show it, what is measured, and the least gap.
GAPS = [
    ("batch-norm-momentum", "VGG-mini-BN", "jax", "buffers", 1e-2),
    ("batch-norm-variance", "VGG-mini-BN", "jax", "buffers", 1e-4),
    ("gelu", "MLP", "jax", "outputs", 1e-5),
    ("group-norm-epsilon", "VGG-mini-GN", "jax", "outputs", 1e-5),
    ("layer-norm-epsilon", "MLP", "jax", "outputs", 1e-6),
    ("padding", "ResNet50", "jax", "outputs", 1e-5),
    ("batch-norm-epsilon", "VGG-mini-BN", "tensorflow", "outputs", 1e-6),
    ("batch-norm-momentum", "VGG-mini-BN", "tensorflow", "buffers", 1e-2),
    ("batch-norm-variance", "VGG-mini-BN", "tensorflow", "buffers", 1e-4),
    ("group-norm-epsilon", "VGG-mini-GN", "tensorflow", "outputs", 1e-5),
    ("layer-norm-epsilon", "MLP", "tensorflow", "outputs", 1e-4),
    ("padding", "ResNet50", "tensorflow", "outputs", 1e-5),
]


@pytest.mark.parametrize(("name", "twin", "framework", "field", "least"), GAPS)
def test_convention_opens_a_gap(name, twin, framework, field, least):
    prm = {"activation": "gelu"} if twin == "MLP" else {}
    pair = apart(twin, framework, f"all-but-{name}", steps=int(field == "buffers"), **prm)
    assert getattr(pair, field) > least


def test_default_epsilon_of_adam_opens_a_gap():
    # A relative difference of 9e-8 / gradient, in a step of the size of the learning rate.
    prm = {"optimizer": "adam", "activation": "relu", "lr": 0.1}
    own = apart("MLP", "tensorflow", "all-but-adam-epsilon", steps=1, **prm)
    assert own.parameters > 1e-5
    matched = apart("MLP", "tensorflow", "all", steps=1, **prm)
    assert matched.parameters < own.parameters / 10


def test_slope_of_leaky_relu_opens_a_gap():
    prm = {"activation": "leaky_relu"}
    assert apart("MLP", "tensorflow", "all", **prm).outputs < 1e-6
    assert apart("MLP", "tensorflow", "all-but-leaky-relu-slope", **prm).outputs > 1e-2


def test_flattened_order_is_part_of_the_weight_map():
    # Each order has its own map, so the nets compute the same.
    assert apart("MLP", "tensorflow", "all-but-flatten").outputs < 1e-6


def test_epsilon_hat_costs_accuracy(digits):
    batches, tested = digits
    prm = {"optimizer": "adam", "adam_epsilon": 0.5, "activation": "tanh"}
    own = trained("tensorflow", [batches], tested, "all-but-adam-epsilon-hat", **prm)
    assert own.accuracies[0] - own.accuracies[1] > 0.05
    matched = trained("tensorflow", [batches], tested, "all", **prm)
    assert matched.parameters < 1e-6
    assert matched.accuracies[0] == matched.accuracies[1]


def test_momentum_buffer_differs_once_the_learning_rate_changes(digits):
    batches, tested = digits
    prm = {"scheduler": "exponential", "gamma": 0.1}
    epochs = [batches[:5], batches[5:10]]
    assert trained("tensorflow", epochs, tested, "all", **prm).parameters < 1e-6
    own = trained("tensorflow", epochs, tested, "all-but-momentum-buffer", **prm)
    assert own.parameters > 1e-3
    constant = trained("tensorflow", epochs, tested, "all-but-momentum-buffer")
    assert constant.parameters < 1e-6


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay_is_coupled_in_pytorch_alone(digits, optimizer):
    batches, tested = digits
    prm = {"optimizer": optimizer, "weight_decay": 0.1, "lr": 0.01, "adam_epsilon": 1e-3}
    epochs = [batches[:10]]
    assert trained("tensorflow", epochs, tested, "all", **prm).parameters < 1e-5
    own = trained("tensorflow", epochs, tested, "all-but-weight-decay", **prm)
    assert own.parameters > 1e-3


@pytest.mark.parametrize("framework", ["jax", "tensorflow"])
def test_adamw_has_another_default_decay(digits, framework):
    batches, tested = digits
    prm = {"optimizer": "adamw", "weight_decay": "default", "adam_epsilon": 1e-3, "lr": 0.01}
    epochs = [batches[:5]]
    assert trained(framework, epochs, tested, "all", **prm).parameters < 1e-5
    own = trained(framework, epochs, tested, "all-but-adamw-decay", **prm)
    assert own.parameters > 1e-4


def test_loss_of_clipped_probabilities_has_no_gradient(digits):
    # On TensorFlow, Keras finds the logits behind a softmax; on PyTorch and JAX it clips.
    (images, classes), tested = digits[0][0], digits[1]
    epochs = [[(images * np.float32(1e4), classes)]]
    prm = {"activation": "relu", "width": 16, "lr": 1e-3, "momentum": 0.0}
    twin = replace(TWINS["VGG-mini"].twin, prm={"width": 4, "hidden": 8})
    nets = of("VGG-mini", "keras-torch")
    apart = {
        match: call(
            "keras-torch",
            train_both,
            nets,
            "keras-torch",
            twin,
            prm | {"match": match},
            epochs,
            tested,
        )
        for match in ("all", "all-but-loss")
    }
    assert apart["all"].parameters < 1e-2 * apart["all-but-loss"].parameters


def test_every_convention_is_shown():
    elsewhere = {"adam-epsilon-hat", "momentum-buffer", "weight-decay", "adamw-decay", "loss"}
    elsewhere |= {"adam-epsilon", "flatten", "leaky-relu-slope", "initialisers"}
    assert {name for name, *_ in GAPS} | elsewhere == {*CONVENTIONS}


def test_table_of_the_documentation_is_that_of_the_code():
    page = Path(__file__).parents[3] / "docs" / "twins.md"
    if not page.is_file():
        pytest.skip("only the plugin is here")
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    for convention in CONVENTIONS.values():
        cells = (f"`{convention.name}`", convention.about, convention.pytorch, convention.jax)
        assert f"| {' | '.join((*cells, convention.keras))} |" in rows


def test_match_names_conventions():
    some = Conventions("tensorflow", "all-but-loss+flatten")
    assert not some.matches("loss")
    assert some.matches("padding")
    assert Conventions("pytorch", "none").matches("loss")
    assert Conventions("jax", "none").batch_norm_momentum == 0.99
    with pytest.raises(UnknownNameError) as caught:
        Conventions("jax", "adam-epsilon-hut")
    assert "unknown convention 'adam-epsilon-hut'. Did you mean 'adam-epsilon-hat'" in str(
        caught.value
    )


def test_defaults_are_the_frameworks_own():
    """The numbers of the frameworks' documentation, in the frameworks themselves."""
    import inspect

    import torch

    adamw = inspect.signature(torch.optim.AdamW).parameters
    settings = OptimizerSettings.of({"lr": 1, "optimizer": "adamw"}, Conventions("pytorch", "none"))
    assert (settings.weight_decay, settings.epsilon) == (
        adamw["weight_decay"].default,
        adamw["eps"].default,
    )
    optax = pytest.importorskip("optax", reason="optax is not installed")
    own = inspect.signature(optax.adamw).parameters
    settings = OptimizerSettings.of({"lr": 1, "optimizer": "adamw"}, Conventions("jax", "none"))
    assert (settings.weight_decay, settings.epsilon) == (
        own["weight_decay"].default,
        own["eps"].default,
    )
