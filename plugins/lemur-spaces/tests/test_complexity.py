"""Formulas and counts equal those of torchvision's nets and the published tables."""

from random import Random

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lemur_core import Entry
from lemur_spaces import anynet, cnn, regnet
from lemur_spaces.complexity import Complexity, Images
from lemur_spaces.counting import build, count, count_design
from lemur_spaces.regnet import Line

ANYNET = Entry("AnyNet", "lemur_spaces.nets.AnyNet")
CNN = Entry("CNN-10", "lemur_spaces.nets.CNN-10")
# Radosavovic et al., Designing Network Design Spaces, tables 3 and 4 and appendix: the numbers of
# each RegNet; and of the authors' table of trained nets, multiply-adds (billions), parameters
# (millions) and activations (millions).
REGNETS = {
    "regnet_x_400mf": (Line(22, 24, 24.48, 2.54, 16), 0.0, (0.4, 5.2, 3.1)),
    "regnet_x_800mf": (Line(16, 56, 35.73, 2.28, 16), 0.0, (0.8, 7.3, 5.1)),
    "regnet_x_1_6gf": (Line(18, 80, 34.01, 2.25, 24), 0.0, (1.6, 9.2, 7.9)),
    "regnet_x_3_2gf": (Line(25, 88, 26.31, 2.25, 48), 0.0, (3.2, 15.3, 11.4)),
    "regnet_x_8gf": (Line(23, 80, 49.56, 2.88, 120), 0.0, (8.0, 39.6, 14.1)),
    "regnet_x_16gf": (Line(22, 216, 55.59, 2.1, 128), 0.0, (15.9, 54.3, 25.5)),
    "regnet_x_32gf": (Line(23, 320, 69.86, 2.0, 168), 0.0, (31.7, 107.8, 36.3)),
    "regnet_y_400mf": (Line(16, 48, 27.89, 2.09, 8), 0.25, (0.4, 4.3, 3.9)),
    "regnet_y_800mf": (Line(14, 56, 38.84, 2.4, 16), 0.25, (0.8, 6.3, 5.2)),
    "regnet_y_1_6gf": (Line(27, 48, 20.71, 2.65, 24), 0.25, (1.6, 11.2, 8.0)),
    "regnet_y_3_2gf": (Line(21, 80, 42.63, 2.66, 24), 0.25, (3.2, 19.4, 11.3)),
    "regnet_y_8gf": (Line(17, 192, 76.82, 2.19, 56), 0.25, (8.0, 39.2, 18.0)),
    "regnet_y_16gf": (Line(18, 200, 106.23, 2.48, 112), 0.25, (15.9, 83.6, 23.0)),
    "regnet_y_32gf": (Line(20, 232, 115.89, 2.53, 232), 0.25, (32.3, 145.0, 30.3)),
}


def residual(depths, widths, ratio, group):
    """Return the design of a residual net for ImageNet, whose first stage keeps the size."""
    design = {"stem": "imagenet", "stem_width": 64, "stride_1": 1}
    for stage, depth, width in zip(anynet.STAGES, depths, widths, strict=True):
        inner = width // ratio
        design |= {f"depth_{stage}": depth, f"width_{stage}": width}
        design |= {f"bottleneck_{stage}": ratio, f"group_{stage}": min(group, inner)}
    return design


RESIDUAL = (256, 512, 1024, 2048)


def with_groups_of(design, groups):
    inner = [design[f"width_{i}"] // design[f"bottleneck_{i}"] for i in anynet.STAGES]
    return design | {f"group_{i}": n // groups for i, n in zip(anynet.STAGES, inner, strict=True)}


RESNETS = {
    "resnet50": with_groups_of(residual((3, 4, 6, 3), RESIDUAL, 4, 1), 1),
    "resnet152": with_groups_of(residual((3, 8, 36, 3), RESIDUAL, 4, 1), 1),
    "resnext50_32x4d": with_groups_of(residual((3, 4, 6, 3), RESIDUAL, 2, 1), 32),
}


def counted_by_torch(net, px):
    """Return the complexity of a net: multiply-adds as torch's own counter has them."""
    shapes = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.MaxPool2d):
            module.register_forward_hook(lambda module, given, out: shapes.append(out.numel()))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, 3, px, px, device="meta"))
    # torch counts two operations for each multiply-add, and none for a bias.
    biases = sum(
        module.bias.numel()
        for module in net.modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None
    )
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return Complexity(parameters, counter.get_total_flops() // 2 + biases, sum(shapes))


def adjusted(line, se):
    return anynet.adjust(regnet.design_of(line, se))


def torchvisions(name, monkeypatch):
    """Return a RegNet of torchvision without values, and its design.

    torchvision rounds the widths of some nets up where the authors round them down.
    """
    plain, given = torchvision.models.regnet.RegNet, []

    def on_meta(params, *arguments, **options):
        given.append(params)
        with torch.device("meta"):
            return plain(params, *arguments, **options)

    monkeypatch.setattr(torchvision.models.regnet, "RegNet", on_meta)
    net, [params] = getattr(torchvision.models, name)(), given
    design = {"se": params.se_ratio or 0.0}
    numbers = zip(anynet.STAGES, params.depths, params.widths, params.group_widths, strict=True)
    for stage, depth, width, group in numbers:
        design |= {f"depth_{stage}": depth, f"width_{stage}": width}
        design |= {f"bottleneck_{stage}": 1, f"group_{stage}": group}
    return net, design


@pytest.mark.parametrize("name", REGNETS)
def test_formula_of_a_regnet_equals_torchvisions_net(name, monkeypatch):
    net, design = torchvisions(name, monkeypatch)
    for px in (224, 97):
        assert anynet.complexity(design, Images(px)) == counted_by_torch(net, px)


@pytest.mark.parametrize("name", REGNETS)
def test_formula_of_a_regnet_equals_the_published_table(name):
    line, se, published = REGNETS[name]
    complexity = anynet.complexity(adjusted(line, se), Images(224))
    units = zip(
        (complexity.macs / 1e9, complexity.parameters / 1e6, complexity.activations / 1e6),
        published,
        strict=True,
    )
    assert all(round(value, 1) == expected for value, expected in units)


@pytest.mark.parametrize("name", RESNETS)
def test_formula_of_a_residual_net_equals_torchvisions_net(name):
    with torch.device("meta"):
        net = getattr(torchvision.models, name)()
    assert anynet.complexity(RESNETS[name], Images(224)) == counted_by_torch(net, 224)


def test_net_computes_what_torchvisions_regnet_does():
    line, se, _ = REGNETS["regnet_y_400mf"]
    numbers = (line.depth, line.start, line.slope, line.ratio, line.group, 1, se)
    params = torchvision.models.regnet.BlockParams.from_init_params(*numbers)
    theirs = torchvision.models.regnet.RegNet(params, num_classes=5).eval()
    ours = build(ANYNET, adjusted(line, se), Images(32, classes=5)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # Both nets have their layers in the same order.
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(torch.randn(other.shape, generator=generator) * 0.1)
            mine.copy_(other)
        images = torch.randn(2, 3, 32, 32, generator=generator)
        torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("stem", ["simple", "imagenet", "cifar"])
@pytest.mark.parametrize("se", [0.0, 0.25])
def test_counts_of_sampled_designs_equal_formulas(stem, se):
    rng = Random(1)
    for px in (224, 32, 7, 1):
        images = Images(px, channels=1, classes=10)
        design = {**anynet.adjust(anynet.draw(rng)), "stem": stem, "se": se}
        design["stride_1"] = rng.choice((1, 2))
        formula = anynet.complexity(design, images)
        assert count_design(anynet.SPACE, ANYNET, design, images) == formula
        with torch.device("meta"):
            net = build(ANYNET, design, images)
        assert count(net, images) == formula


def test_missing_stages_count_nothing():
    design = {**anynet.adjust(anynet.draw(Random(4))), "depth_4": 0}
    images = Images(32, classes=10)
    counted = count_design(anynet.SPACE, ANYNET, design, images)
    assert counted == anynet.complexity(design, images)
    other = {**design, "width_4": 8, "group_4": 3}
    assert anynet.complexity(other, images) == counted


def test_counts_of_plain_cnns_equal_formulas():
    rng, images, tested = Random(2), Images(28, 1, 10), 0
    while tested < 20:
        design = cnn.draw(rng)
        if _fits(design, images):
            counted = count_design(cnn.SPACE, CNN, design, images)
            assert counted == cnn.complexity(design, images)
            tested += 1


def _fits(design, images):
    side = images.px
    for layer in cnn.layers_of(design):
        side = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
        if side < 1:
            return False
    return True
