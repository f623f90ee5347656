"""Maps of weights are derived from layouts, and say which layer has no counterpart."""

import numpy as np
import pytest
import torch
from torch import nn

from lemur_twins.backends.layouts import flattened_inputs, layouts_of
from lemur_twins.weights import ArrayLayout, WeightMap, WeightMapError

CONV = {"conv.weight": ArrayLayout("OIHW", (5, 4, 3, 2))}


def test_kernels_are_transposed():
    kernel = np.random.default_rng(0).random((5, 4, 3, 2))
    to_jax = WeightMap(CONV, {"conv.weight": ArrayLayout("HWIO", (3, 2, 4, 5))}, ("a", "b"))
    mapped = to_jax({"conv.weight": kernel})["conv.weight"]
    assert np.array_equal(mapped, kernel.transpose(2, 3, 1, 0))
    assert np.array_equal(to_jax.inverse()({"conv.weight": mapped})["conv.weight"], kernel)


def test_features_are_reordered_as_images_are_flattened():
    images = torch.rand(6, 4, 3, 2)
    linear = nn.Linear(24, 5)
    with torch.no_grad():
        expected = linear(images.flatten(1))
    axes = (("C", 4), ("H", 3), ("W", 2))
    each = {"linear.weight": ArrayLayout("OI", (5, 24), axes)}
    other = {"linear.weight": ArrayLayout("IO", (24, 5), (*axes[1:], axes[0]))}
    weight = linear.weight.detach().numpy()
    mapped = WeightMap(each, other, ("a", "b"))({"linear.weight": weight})["linear.weight"]
    flat = images.permute(0, 2, 3, 1).flatten(1)
    actual = flat @ torch.from_numpy(mapped) + linear.bias.detach()
    torch.testing.assert_close(actual, expected)
    # Without the order of the images, the net would be another one.
    assert (flat @ linear.weight.detach().T + linear.bias.detach() - expected).abs().max() > 0.01


def test_flattened_inputs_are_found_in_the_net():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.ReLU(), nn.Linear(4 * 6 * 5, 2))
    assert flattened_inputs(net, (1, 3, 8, 7)) == {"3": (4, 6, 5)}
    assert layouts_of(net, {"3": (4, 6, 5)})["3.weight"].flattened == (
        ("C", 4),
        ("H", 6),
        ("W", 5),
    )


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({}, "layer 'conv': PyTorch has its weight, but in jax it is not there"),
        (
            {"conv.bias": ArrayLayout("O", (5,))},
            "layer 'conv': PyTorch has its weight, but in jax it has no weight there",
        ),
        (
            {"conv.weight": ArrayLayout("HWIO", (3, 2, 4, 6))},
            "layer 'conv': its weight is 5x4x3x2 (OIHW) in PyTorch and 3x2x4x6 (HWIO) in jax",
        ),
        (
            CONV | {"norm.weight": ArrayLayout("O", (5,))},
            "layer 'norm': jax has its weight, but in PyTorch it is not there",
        ),
    ],
)
def test_missing_counterparts_and_other_shapes_name_the_layer(other, message):
    with pytest.raises(WeightMapError) as caught:
        WeightMap(CONV, other, ("PyTorch", "jax"))
    assert str(caught.value) == message


def test_weights_of_another_shape_are_refused():
    with pytest.raises(WeightMapError) as caught:
        WeightMap(CONV, CONV, ("a", "b"))({"conv.weight": np.zeros((5, 4, 3, 3))})
    assert str(caught.value) == "layer 'conv': its weight is 5x4x3x3; expected 5x4x3x2"


def test_layers_that_cannot_be_mapped_are_named():
    with pytest.raises(WeightMapError) as caught:
        layouts_of(nn.Sequential(nn.Bilinear(2, 2, 2)), {})
    assert str(caught.value).startswith("layer '0': is a Bilinear, whose weights cannot be mapped")
