"""Differences between what torchvision and keras.applications call by the same name."""

import sys

import numpy as np
import pytest

from lemur_core import installed
from lemur_core.cli import main
from lemur_twins.definitions import define, differences
from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.layers import LayerDefinition, initial_weights, name_initialisers
from lemur_twins.processes import call
from lemur_twins.twins import TWINS

KERAS = "keras-torch"


def of_libraries(name):
    """Return the difference of each setting of two nets: values, and the number of layers."""
    if missing := FRAMEWORKS[KERAS].missing():
        pytest.skip(f"{missing} is not installed")
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    twin = TWINS[f"{name}-library"].twin
    nets = (installed().get("net", twin.nets[framework]) for framework in ("pytorch", KERAS))
    defined = [
        call(KERAS, define, net, framework, twin)
        for net, framework in zip(nets, ("pytorch", KERAS), strict=True)
    ]
    counts = {(d.kind, d.setting, *d.values): len(d.layers) for d in differences(*defined)}
    return *defined, counts


def test_resnet50_of_keras_is_not_torchvisions():
    pytorch, keras, counts = of_libraries("ResNet50")
    # As counted by others, running statistics included.
    assert pytorch.parameters + pytorch.buffers == 23_581_642
    assert keras.parameters + keras.buffers == 23_608_202
    # The first bottleneck of three stages has its stride on another convolution.
    assert counts["conv", "stride", "1x1", "2x2"] == 3
    assert counts["conv", "stride", "2x2", "1x1"] == 3
    assert counts["conv", "bias", "False", "True"] == 53
    assert counts["norm", "epsilon", "1e-05", "1.001e-05"] == 53
    assert counts["norm", "momentum", "0.9", "0.99"] == 53
    he, glorot = (
        "normal, variance 2/outputs (He)",
        "uniform, variance 2/(inputs + outputs) (Glorot)",
    )
    assert counts["conv", "initial weights", he, glorot] == 53
    assert not [key for key in counts if key[1] in ("layer", "kernel", "padding")]


def test_vgg16_of_keras_has_another_head():
    pytorch, keras, counts = of_libraries("VGG16")
    assert pytorch.parameters == 134_301_514
    assert keras.parameters == 33_638_218
    assert counts["adaptive average pool", "layer", "yes", "none"] == 1
    assert counts["dropout", "layer", "yes", "none"] == 2


def test_initialisers_are_told_by_their_weights():
    draws = np.random.default_rng(0)
    limit = (6 / (40 + 60)) ** 0.5
    glorot = initial_weights(draws.uniform(-limit, limit, (40, 60)), 40, 60)
    assert glorot.formulas() == ["uniform, variance 2/(inputs + outputs) (Glorot)"]
    he = initial_weights(draws.normal(0, (2 / 40) ** 0.5, (40, 60)), 40, 60)
    assert he.formulas() == ["normal, variance 2/inputs (He)"]
    assert initial_weights(np.zeros(10), 5, 2) is None
    # With as many inputs as outputs, the other layers decide.
    square = initial_weights(draws.normal(0, 0.2, (50, 50)), 50, 50)
    layers = [LayerDefinition("a", "conv", {"initial weights": value}) for value in (he, square)]
    assert {layer.settings["initial weights"] for layer in name_initialisers(layers)} == {
        "normal, variance 2/inputs (He)"
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "CNN-X"), "unknown twin 'CNN-X'. Did you mean"),
        (
            ("compare", "CNN-S", "--framework", "pytorch"),
            "--framework pytorch: is what others are compared with; expected one of jax, "
            "tensorflow, keras-torch, keras-jax",
        ),
        (
            ("compare", "VGG16-library", "--framework", "jax"),
            "twin 'VGG16-library' has no net in jax; it has pytorch, tensorflow, keras-torch, "
            "keras-jax",
        ),
        (("compare", "CNN-S", "--match", "los"), "unknown convention 'los'. Did you mean 'loss'"),
        (("conventions", "gelo"), "unknown convention 'gelo'. Did you mean 'gelu'"),
    ],
)
def test_bad_input_is_one_line(here, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["lemur", "twins", *arguments])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith(f"lemur: error: {message}")
    assert err.count("\n") == 1


def test_conventions_are_listed(here, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lemur", "twins", "conventions", "gelu"])
    with pytest.raises(SystemExit) as exited:
        main()
    assert not exited.value.code
    assert "  JAX      approximated by tanh" in capsys.readouterr().out.splitlines()
