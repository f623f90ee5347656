"""The FCNs on VGG-16: their features are torchvision's, their skips those of the paper."""

import pytest
import torch
from torch.nn.functional import interpolate
from torchvision.models.vgg import cfgs, make_layers

from .test_nets import as_trained, build

# The poolings whose scores are joined in each net: channels, and the factor by which the map is
# smaller.
SKIPS = {"FCN32s-3": {}, "FCN16s": {4: (512, 16)}, "FCN8s": {4: (512, 16), 3: (256, 8)}}


@pytest.mark.parametrize("name", SKIPS)
def test_features_equal_those_of_torchvisions_vgg_16(name):
    theirs = as_trained(make_layers(cfgs["D"]))
    ours = build(name)[0].features
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(1, 3, 70, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images))


def seen(net, images):
    """Return the outputs, and the input and output of each part of the net."""
    seen = {}
    for name, part in net.named_children():
        part.register_forward_hook(
            lambda module, given, gives, name=name: seen.update({name: (given[0], gives)})
        )
    with torch.inference_mode():
        return net(images), seen


@pytest.mark.parametrize("name", SKIPS)
@pytest.mark.parametrize("size", [(64, 96), (95, 47)])
def test_scores_of_skips_are_added_at_the_right_resolution(name, size):
    """The sum is then upsampled bilinearly, by the factor in the net's name."""
    net = as_trained(build(name)[0])
    images = torch.randn(1, 3, *size)
    outputs, parts = seen(net, images)
    scores = parts["classifier"][1]
    assert scores.shape[2:] == tuple(side // 32 for side in size)
    for level, (channels, stride) in SKIPS[name].items():
        pooled, skip = parts[f"score{level}"]
        assert pooled.shape[1:] == (channels, *(side // stride for side in size))
        # The map of the first convolutions has two poolings less.
        last = [at for at, part in enumerate(net.features) if type(part).__name__ == "MaxPool2d"]
        with torch.inference_mode():
            torch.testing.assert_close(pooled, net.features[: last[level - 1] + 1](images))
        coarse, doubled = parts[f"up{level}"]
        torch.testing.assert_close(coarse, scores)
        scores = skip + doubled
    expected = interpolate(scores, size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(outputs, expected)


@pytest.mark.parametrize(("name", "part"), [("FCN16s", "up4"), ("FCN8s", "up4"), ("FCN8s", "up3")])
def test_scores_are_initially_upsampled_bilinearly(name, part):
    doubling = getattr(build(name)[0], part)
    scores = torch.randn(1, 6, 5, 7)
    with torch.inference_mode():
        doubled = doubling(scores, (10, 14))
        odd = doubling(scores, (11, 15))
    expected = interpolate(scores, scale_factor=2, mode="bilinear", align_corners=False)
    # At the border, one of them sees zeros and the other repeats the last pixel.
    torch.testing.assert_close(doubled[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
    torch.testing.assert_close(odd[..., :-1, :-1], doubled)
