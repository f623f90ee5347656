"""U-Nets compared with the figures and equations of their papers."""

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, cross_entropy, max_pool2d

from .test_nets import as_trained, build, on_meta, parameters

# Channels of the maps in the contracting path, each half as high and wide as the previous one.
WIDTHS = {
    "UNet-1": {"down1": 64, "down2": 128, "down3": 256, "down4": 512, "bottom": 1024},
    "UNet-2": {"down1": 64, "down2": 128, "down3": 256, "down4": 512, "bottom": 512},
    "UNet-S": {"down1": 16, "down2": 32, "down3": 64, "down4": 128, "bottom": 256},
}


@pytest.mark.parametrize("name", WIDTHS)
def test_maps_have_the_papers_channels_and_halve_in_size(name):
    net, _ = build(name)
    seen = {}

    def see(module, given, map_):
        # The pooling layer is called at each resolution, the others once.
        seen[module] = map_.shape

    for module in net.children():
        module.register_forward_hook(see)
    with torch.inference_mode():
        net.eval()(torch.randn(1, 3, 64, 96))
    for level, (part, channels) in enumerate(WIDTHS[name].items()):
        assert seen[getattr(net, part)] == (1, channels, 64 >> level, 96 >> level)
    assert seen[net.up1][2:] == (64, 96)


@pytest.mark.parametrize("name", WIDTHS)
def test_paths_are_joined_at_each_resolution(name):
    """The full resolution of the contracting path does not only pass through the bottom."""
    net, _ = build(name, size=32)
    net.eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        net.bottom.register_forward_hook(lambda module, given, map_: torch.zeros_like(map_))
        outputs = net(images)
        other = net(images + torch.randn(images.shape))
    assert not torch.allclose(outputs, other, atol=1e-3)


class Nested:
    """The nodes of UNet++ by equation 1 of its paper, with the weights of a net."""

    def __init__(self, net, images):
        self.state, self.images = net.state_dict(), images

    def twice(self, name, x):
        for conv, norm in ((0, 1), (3, 4)):
            x = conv2d(x, self.state[f"{name}.{conv}.weight"], padding=1)
            scale, shift, mean, variance = (
                self.state[f"{name}.{norm}.{kind}"]
                for kind in ("weight", "bias", "running_mean", "running_var")
            )
            x = batch_norm(x, mean, variance, scale, shift).relu()
        return x

    def node(self, i, j):
        """Return x^{i,j}, at depth i and position j along the skips."""
        if j == 0:
            above = max_pool2d(self.node(i - 1, 0), 2) if i else self.images
            return self.twice(f"down.{i}", above)
        name = f"nodes.{j - 1}.{i}"
        up = (self.state[f"{name}.up.{kind}"] for kind in ("weight", "bias"))
        below = conv_transpose2d(self.node(i + 1, j - 1), *up, stride=2)
        skips = [self.node(i, k) for k in range(j)]
        return self.twice(f"{name}.convs", torch.cat([*skips, below], dim=1))

    def scores(self, number, j):
        head = (self.state[f"heads.{number}.{kind}"] for kind in ("weight", "bias"))
        return conv2d(self.node(0, j), *head)


@pytest.fixture
def nested():
    torch.manual_seed(0)
    net = as_trained(build("UNet++")[0])
    images = torch.randn(1, 3, 32, 48)
    return net, images, [Nested(net, images).scores(j - 1, j) for j in range(1, 5)]


def test_unetplusplus_averages_the_probabilities_of_its_four_heads(nested):
    net, images, scores = nested
    expected = torch.stack([logits.softmax(1) for logits in scores]).mean(0)
    with torch.inference_mode():
        torch.testing.assert_close(net(images).softmax(1), expected, rtol=1e-4, atol=1e-5)


def test_unetplusplus_trains_its_four_heads_alike(nested):
    net, images, scores = nested
    targets = torch.randint(0, 6, (1, 32, 48))
    # In evaluation mode, so that the running statistics are used in the equation too.
    for module in net.modules():
        module.training = module is net
    loss = net.loss(net(images), targets)
    expected = sum(cross_entropy(logits, targets) for logits in scores) / 4
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)


def test_without_deep_supervision_unetplusplus_has_the_scores_of_its_last_node():
    net = as_trained(build("UNet++", deep_supervision=0)[0])
    images = torch.randn(1, 3, 32, 48)
    with torch.inference_mode():
        probabilities = net(images).softmax(1)
    torch.testing.assert_close(
        probabilities, Nested(net, images).scores(0, 4).softmax(1), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("deep_supervision", [0, 1])
def test_unetplusplus_has_the_papers_parameters_except_batch_normalisation(deep_supervision):
    # The shifts of batch normalisation replace the biases of convolutions; its scales are
    # additional.
    net = on_meta("UNet++", channels=1, classes=1, deep_supervision=deep_supervision)
    scales = sum(
        module.weight.numel()
        for module in net.modules()
        if isinstance(module, torch.nn.BatchNorm2d)
    )
    assert parameters(net) - scales == pytest.approx(9.04e6, abs=0.005e6)
