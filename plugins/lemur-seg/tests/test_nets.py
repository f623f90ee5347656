"""The nets by the counts that were published, and by the shapes of their papers."""

import pytest
import torch

from lemur_core.kinds.net import as_net
from lemur_core.space import of_net, smallest
from lemur_seg.plugin import lemur_register_nets

ENTRIES = {entry.name: entry for entry in lemur_register_nets()}
# LEMUR's Table 1, millions, 6 classes.
PUBLISHED = {"UNet-1": 31.04, "UNet-2": 17.26}
# Channels of the maps of the contracting path, each half as high and wide as the one before.
WIDTHS = {
    "UNet-1": {"down1": 64, "down2": 128, "down3": 256, "down4": 512, "bottom": 1024},
    "UNet-2": {"down1": 64, "down2": 128, "down3": 256, "down4": 512, "bottom": 512},
    "UNet-S": {"down1": 16, "down2": 32, "down3": 64, "bottom": 128},
}


def build(name, *, channels=3, classes=6, size=64):
    module = as_net(ENTRIES[name].load(), name)
    prm = smallest(of_net(module.hyperparameters()))
    torch.manual_seed(0)
    return module.net((1, channels, size, size), (classes,), prm, torch.device("cpu")), prm


def parameters(name, **options):
    with torch.device("meta"):
        return sum(each.numel() for each in build(name, **options)[0].parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_has_the_published_parameters(name):
    assert parameters(name) == pytest.approx(PUBLISHED[name] * 1e6, abs=0.005e6)


@pytest.mark.parametrize("name", ENTRIES)
def test_its_file_says_how_many_parameters_it_has(name):
    said = f"{parameters(name):,} parameters for 3 channels and 6 classes"
    assert said in ENTRIES[name].load().__doc__


@pytest.mark.parametrize("name", WIDTHS)
def test_a_unets_maps_have_the_papers_channels_and_half_the_size_each_time(name):
    net, _ = build(name)
    seen = {}

    def see(module, given, map_):
        # Pooling comes back at each resolution; of the others each comes once.
        seen[module] = map_.shape

    for module in net.children():
        module.register_forward_hook(see)
    with torch.inference_mode():
        net.eval()(torch.randn(1, 3, 64, 96))
    for level, (part, channels) in enumerate(WIDTHS[name].items()):
        assert seen[getattr(net, part)] == (1, channels, 64 >> level, 96 >> level)
    assert seen[net.up1][2:] == (64, 96)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_output_has_the_inputs_size_whatever_that_is(name):
    net, _ = build(name)
    with torch.inference_mode():
        for height, width in ((32, 32), (65, 97), (47, 80)):
            outputs = net.eval()(torch.randn(1, 3, height, width))
            assert outputs.shape == (1, 6, height, width)


@pytest.mark.parametrize("name", WIDTHS)
def test_each_resolution_is_joined(name):
    """What the contracting path saw at full size is not only known through the bottom."""
    net, _ = build(name, size=32)
    net.eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        net.bottom.register_forward_hook(lambda module, given, map_: torch.zeros_like(map_))
        one = net(images)
        other = net(images + torch.randn(images.shape))
    assert not torch.allclose(one, other, atol=1e-3)


def test_a_net_learns_which_pixels_are_bright():
    net, prm = build("UNet-S", classes=2, size=32)
    prm |= {"lr": 1e-2, "batch": 8}
    net.train_setup(prm)
    images = torch.randn(8, 3, 32, 32)
    targets = (images.mean(1) > 0).long()
    targets[:, :4] = -100
    losses = [net.learn([(images, targets)]) for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]
