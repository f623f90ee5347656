"""Nets that no other library has, compared with their papers, and further properties."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from lemur_core.kinds.net import as_net
from lemur_core.space import net_space
from lemur_core.values import smallest

from .test_nets import ALONE, ENTRIES, build, parameters

# The image sizes that nets were designed for, if not 32 pixels.
SIZES = {"CNN-S": 28}


def conv(channels_in, channels, kernel):
    """Return the parameters of a convolution and its bias."""
    return channels * (channels_in * kernel**2 + 1)


def unet(channels, classes):
    """Count figure 1: pairs of 3x3 convolutions, 2x2 up-convolutions, and the last layer."""
    widths = [64, 128, 256, 512, 1024]
    down = [
        conv(before, after, 3) + conv(after, after, 3)
        for before, after in zip([channels, *widths], widths, strict=False)
    ]
    up = [
        conv(2 * width, width, 2) + conv(2 * width, width, 3) + conv(width, width, 3)
        for width in widths[:-1]
    ]
    return sum(down) + sum(up) + conv(64, classes, 1)


def complexnet(channels, classes):
    """Count table 1's WS; a complex weight is two parameters, a complex norm five."""
    stages = [(12, 16, 0), (24, 15, 12), (48, 15, 24)]
    count = 2 * 9 * channels * 12 + 5 * 12
    for width, blocks, doubled in stages:
        count += blocks * 2 * (2 * 9 * width**2 + 5 * width)
        count += 2 * (2 * 9 * doubled**2 + 5 * doubled) + 2 * doubled**2
    return count + (2 * 48 + 1) * classes


COUNTED = {
    # Twice, for means and deviations.
    "BayesianNet-1": 2
    * (
        conv(3, 64, 11)
        + conv(64, 192, 5)
        + conv(192, 384, 3)
        + conv(384, 256, 3)
        + conv(256, 128, 3)
        + conv(128, 10, 1)
    ),
    "BayesianNet-2": 2
    * (conv(3, 6, 5) + conv(6, 16, 5) + conv(400, 120, 1) + conv(120, 84, 1) + conv(84, 10, 1)),
    "BayesianNet-3": 2
    * (
        conv(3, 32, 5)
        + conv(32, 64, 5)
        + conv(64, 128, 5)
        + conv(512, 1000, 1)
        + conv(1000, 1000, 1)
        + conv(1000, 10, 1)
    ),
    # These three are in the paper's table 4.
    "CNN-M": 10_853,
    "CNN-S": 2_864,
    "ComplexNet": complexnet(3, 10),
    "UNet2D": unet(3, 10),
}


def shapes(net, images):
    """Return the shapes of the layers' outputs in order of computation, without the batch."""
    seen = []
    layers = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    for module in net.modules():
        if isinstance(module, layers) or type(module).__name__ == "Bayesian":
            module.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:])))
    with torch.inference_mode():
        net(images)
    return seen


@pytest.mark.parametrize("name", sorted(ALONE))
def test_the_parameter_count_equals_a_count_by_hand(name):
    count = parameters(build(name, size=SIZES.get(name, 32)))
    assert count == COUNTED[name]
    assert f"{count:,} parameters for 3 channels and 10 classes" in ENTRIES[name].load().__doc__


@pytest.mark.parametrize("size", [28, 32])
def test_cnn_s_has_the_papers_parameters_for_one_channel(size):
    assert parameters(build("CNN-S", channels=1, size=size)) == 2_464


def test_cnn_s_layers_have_the_papers_sizes():
    seen = shapes(build("CNN-S", size=28).eval(), torch.randn(1, 3, 28, 28))
    assert seen == [(8, 24, 24), (6, 8, 8), (4, 3, 3), (20,), (10,)]


def test_cnn_m_layers_have_the_papers_sizes():
    seen = shapes(build("CNN-M", size=32).eval(), torch.randn(1, 3, 32, 32))
    assert seen == [(16, 30, 30), (32, 13, 13), (15, 4, 4), (20,), (10,)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "BayesianNet-1",
            [(64, 8, 8), (192, 4, 4), (384, 2, 2), (256, 2, 2), (128, 2, 2), (10,)],
        ),
        ("BayesianNet-2", [(6, 28, 28), (16, 10, 10), (120,), (84,), (10,)]),
        ("BayesianNet-3", [(32, 32, 32), (64, 15, 15), (128, 5, 5), (1000,), (1000,), (10,)]),
    ],
)
def test_bayesian_layers_have_the_published_sizes(name, expected):
    # In training, outputs are computed once, not once per sample.
    assert shapes(build(name, size=32).train(), torch.randn(2, 3, 32, 32)) == expected


@pytest.mark.parametrize(
    ("name", "size"),
    [("CNN-S", 28), ("CNN-M", 32), *((f"BayesianNet-{which}", 32) for which in (1, 2, 3))],
)
def test_the_last_pooling_has_no_effect_at_the_designed_size(name, size):
    net = build(name, size=size).eval()
    (pool,) = (module for module in net.modules() if isinstance(module, nn.AdaptiveAvgPool2d))
    seen = []
    pool.register_forward_hook(lambda _, inputs, output: seen.append((*inputs, output)))
    net(torch.randn(2, 3, size, size))
    assert seen
    assert all(torch.equal(inputs, pooled) for inputs, pooled in seen)


@pytest.mark.parametrize("name", ["CNN-S", "CNN-M"])
def test_the_activation_follows_every_layer_but_the_last(name):
    kinds = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
    for activation, kind in kinds.items():
        net = with_prm(name, activation=activation)
        assert [type(layer) for layer in net.layers if type(layer) in kinds.values()] == [kind] * 4
        assert isinstance(net.layers[-1], nn.Linear)


@pytest.mark.parametrize("name", ["CNN-S", "CNN-M"])
def test_initial_weights_are_the_zoos_and_biases_are_0_01(name):
    def weights(init):
        net = with_prm(name, init=init)
        pairs = [(layer.weight, layer.bias) for layer in net.layers if hasattr(layer, "weight")]
        assert all((bias == 0.01).all() for _, bias in pairs)
        # In the first layer the smallest and greatest weights are near the ends of the uniform
        # range.
        return pairs[0][0].detach()

    fan_in = weights("normal")[0].numel()
    assert weights("uniform").min() >= 0
    assert weights("uniform").max() == pytest.approx(1, abs=0.05)
    assert weights("normal").std() == pytest.approx(1, rel=0.15)
    assert weights("kaiming_uniform").abs().max() == pytest.approx((6 / fan_in) ** 0.5, rel=0.05)
    assert weights("kaiming_normal").std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.15)


@pytest.mark.parametrize(("name", "layers"), [("CNN-S", 3), ("CNN-M", 4), ("UNet2D", 2)])
def test_dropout_is_only_active_in_training(name, layers):
    images = torch.randn(2, 3, 32, 32)
    for dropout in (0.0, 0.5):
        net = with_prm(name, dropout=dropout)
        dropped = [module.p for module in net.modules() if isinstance(module, nn.Dropout)]
        assert dropped == [dropout] * layers
        with torch.no_grad():
            first, second = net.train()(images), net(images)
            assert torch.equal(first, second) == (dropout == 0)
            assert torch.equal(net.eval()(images), net(images))


def test_icnet_has_dropout_after_the_pyramid():
    net = with_prm("ICNet", dropout=0.25)
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.25]


@pytest.mark.parametrize("size", [32, 45])
def test_unet_computes_figure_1(size):
    net = build("UNet2D", size=size).eval()
    images = torch.randn(2, 3, size, size)
    weights = iter(net.state_dict().values())

    def twice(x):
        for _ in range(2):
            x = functional.conv2d(x, next(weights), next(weights), padding=1).relu()
        return x

    skips, x = [], twice(images)
    for _ in range(4):
        skips.append(x)
        x = twice(functional.max_pool2d(x, 2))
    for skip in reversed(skips):
        x = functional.conv_transpose2d(x, next(weights), next(weights), stride=2).relu()
        x = twice(torch.cat([skip[:, :, : x.shape[2], : x.shape[3]], x], dim=1))
    expected = functional.conv2d(x, next(weights)[:, :, None, None], next(weights)).mean((2, 3))
    torch.testing.assert_close(net(images), expected, rtol=1e-5, atol=1e-5)


def test_unets_signal_keeps_its_magnitude_between_layers():
    """He initialisation: each layer preserves the mean square of its input."""
    net, squares = build("UNet2D", size=32), []
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(
                lambda _, __, output: squares.append(output.relu().square().mean())
            )
    with torch.no_grad():
        net(torch.randn(4, 3, 32, 32))
    assert all(0.2 < square < 5 for square in squares), squares


def test_the_receptive_field_of_bagnet_17_is_17_by_17_pixels():
    net = build("BagNet", size=48).eval()
    images = torch.randn(1, 3, 48, 48, requires_grad=True)
    net.stages(net.stem(images))[0, :, 1, 1].sum().backward()
    rows, columns = images.grad.abs().sum((0, 1)).nonzero().unbind(1)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (17, 17)


@pytest.mark.parametrize("name", ["AirNet", "AirNext", "ICNet"])
def test_sizes_that_the_reference_does_not_support(name):
    # The sizes are rounded up and down at each halving, so joined maps may differ by a pixel.
    images = torch.randn(2, 3, 75, 97)
    assert build(name, size=97).eval()(images).shape == (2, 10)


def with_prm(name, **prm):
    """Build a net for 32 pixels with its smallest values, except for the given ones."""
    module = as_net(ENTRIES[name].load(), name)
    least = smallest(net_space(module.hyperparameters()))
    assert set(prm) <= set(least)
    torch.manual_seed(0)
    return module.net((1, 3, 32, 32), (10,), least | prm, torch.device("cpu"))
