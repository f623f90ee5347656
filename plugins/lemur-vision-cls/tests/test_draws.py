"""Nets in training: random draws of dropout and stochastic depth, and batch statistics."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lemur_core.kinds.net import as_net
from lemur_core.space import net_space
from lemur_core.values import smallest

from .references import REFERENCES, maxvit, of_pytorchcv, of_timm, torchvision
from .test_nets import ENTRIES, as_trained


def mixer(classes):
    """Build timm's net, with drop rates that rise as in the paper instead of equal ones."""
    options = {"img_size": 32, "proj_drop_rate": 0.1, "drop_path_rate": 0.3}
    net = of_timm("mixer_s16_224", **options)(classes)
    for layer, block in enumerate(net.blocks):
        block.drop_path.drop_prob = 0.3 * layer / 7
    return net


def vision_transformer(classes):
    """Build torchvision's net, with contiguous attention outputs for the dropout to draw over."""
    options = {"image_size": 32, "dropout": 0.1, "attention_dropout": 0.2}
    net = torchvision("vit_b_16", **options)(classes)
    for layer in net.encoder.layers:
        layer.self_attention.register_forward_hook(
            lambda _, inputs, outputs: (outputs[0].contiguous(), None)
        )
    return net


def wide(classes):
    """Build pytorchcv's net, with the paper's dropout between the convolutions added."""
    net = of_pytorchcv("wrn28_10_cifar10")(classes)
    for stage in (net.features.stage1, net.features.stage2, net.features.stage3):
        for unit in stage:
            unit.body.conv2.activ = nn.Sequential(unit.body.conv2.activ, nn.Dropout(0.3))
    return net


def trained(name, theirs=None, size=32, **prm):
    """Return the reference of ``name`` for another size, with our random layers enabled."""
    row = REFERENCES[name]
    return replace(row, build=theirs or row.build, size=size, prm=row.prm | prm)


ROWS = {
    "ConvNeXtV2": trained(
        "ConvNeXtV2",
        of_timm("convnextv2_atto", drop_path_rate=0.3),
        stochastic_depth_prob=0.3,
    ),
    "DPN68": trained("DPN68"),
    "DarkNet": trained("DarkNet"),
    "DeiT": trained(
        "DeiT",
        of_timm("deit_tiny_patch16_224", img_size=32, drop_path_rate=0.3),
        stochastic_depth_prob=0.3,
    ),
    "MLP-Mixer": trained("MLP-Mixer", mixer, dropout=0.1, stochastic_depth_prob=0.3),
    "MaxVit": trained(
        "MaxVit",
        maxvit(64, mlp_dropout=0.1, attention_dropout=0.2, stochastic_depth_prob=0.3),
        size=64,
        dropout=0.1,
        attention_dropout=0.2,
        stochastic_depth_prob=0.3,
    ),
    "MobileNetV4": trained(
        "MobileNetV4", of_timm("mobilenetv4_conv_small", drop_rate=0.3), dropout=0.3
    ),
    "RepVGG": trained("RepVGG"),
    "SwinTransformer": trained(
        "SwinTransformer",
        torchvision("swin_t", dropout=0.1, attention_dropout=0.2),
        size=64,
        dropout=0.1,
        attention_dropout=0.2,
        stochastic_depth_prob=0.2,
    ),
    "VisionTransformer": trained(
        "VisionTransformer", vision_transformer, dropout=0.1, attention_dropout=0.2
    ),
    "WideResNet-28-10": trained("WideResNet-28-10", wide, dropout=0.3),
}
DROPPING = [name for name in ROWS if "stochastic_depth_prob" in ROWS[name].prm]


def build(name, size, prm):
    """Build our net for images of 3 channels and a height and width."""
    module = as_net(ENTRIES[name].load(), name)
    prm = smallest(net_space(module.hyperparameters())) | prm
    return module.net((1, 3, *size), (10,), prm, torch.device("cpu"))


def step(net, images):
    """Return a batch's logits and their gradient, with a fixed seed."""
    torch.manual_seed(2)
    outputs = net.train()(images)
    loss = cross_entropy(outputs, torch.arange(len(images)))
    return outputs.detach(), torch.autograd.grad(loss, images)[0]


@pytest.mark.parametrize("name", ROWS)
def test_training_draws_and_learns_as_the_reference(name):
    row = ROWS[name]
    torch.manual_seed(1)
    theirs = as_trained(row.build(10))
    ours = build(name, (row.size, row.size), row.prm)
    ours.load_state_dict(dict(zip(ours.state_dict(), row.state(theirs.state_dict()), strict=True)))
    images = torch.randn(4, 3, row.size, row.size, requires_grad=True)
    (logits, gradient), expected = step(ours, images), step(theirs, images)
    torch.testing.assert_close(logits, expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, expected[1], rtol=1e-3, atol=1e-6)
    for given, learned in zip(
        ours.state_dict().values(), row.state(theirs.state_dict()), strict=True
    ):
        torch.testing.assert_close(given, learned)
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", DROPPING)
def test_stochastic_depth_drops_whole_images_and_keeps_their_mean(name):
    depth = ENTRIES[name].load().StochasticDepth
    images = torch.ones(10_000, 2, 3)
    dropped = depth(0.25)(images)
    kept = dropped[:, 0, 0] > 0
    assert torch.equal(dropped, images * kept[:, None, None] / 0.75)
    # Five standard deviations of the mean of this many draws.
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.022)
    assert torch.equal(depth(1.0)(images), torch.zeros_like(images))
    assert torch.equal(depth(0.0)(images), images)
    assert torch.equal(depth(0.25).eval()(images), images)
