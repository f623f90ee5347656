"""Each net compared with the published parameter counts and an independent implementation."""

import pytest
import torch
from torch import nn

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.net import as_net
from lemur_core.space import net_space
from lemur_core.values import smallest
from lemur_seg.plugin import lemur_register_nets

from .references import REFERENCES

ENTRIES = {entry.name: entry for entry in lemur_register_nets()}
# Tested in test_unets.py and test_fcn.py.
ALONE = {"FCN16s", "FCN32s-3", "FCN8s", "UNet++", "UNet-1", "UNet-2", "UNet-S"}
# LEMUR's Table 1, millions, 6 classes.
PUBLISHED = {
    "DeepLabV3-1": 39.64,
    "DeepLabV3-2": 58.63,
    "FCN16s": 15.31,
    "FCN32s-1": 32.95,
    "FCN32s-2": 51.94,
    "FCN32s-3": 15.31,
    "FCN8s": 15.31,
    "LRASPP": 3.22,
    "UNet-1": 31.04,
    "UNet-2": 17.26,
}


def build(name, *, channels=3, classes=6, size=64, **prm):
    module = as_net(ENTRIES[name].load(), name)
    prm = smallest(net_space(module.hyperparameters())) | prm
    torch.manual_seed(0)
    return module.net((1, channels, size, size), (classes,), prm, torch.device("cpu")), prm


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


def on_meta(name, **options):
    with torch.device("meta"):
        return build(name, **options)[0]


def as_trained(net):
    """Give layers statistics and weights as after training, because fresh ones hide errors.

    Scales and biases that are initialised to 0 or 1 are changed too, whatever the layer.
    """
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, nn.Linear):
            # With small weights, attention is the same everywhere.
            nn.init.normal_(module.weight, std=0.2)
    for parameter in net.parameters():
        if parameter.numel() > 1 and (parameter == parameter.flatten()[0]).all():
            nn.init.uniform_(parameter, 0.1, 0.9)
    return net.eval()


def with_the_same_weights(name):
    """Return our net and the reference with the same weights, without dropout."""
    torch.manual_seed(1)
    theirs = as_trained(REFERENCES[name].build(6))
    ours = build(name, **REFERENCES[name].prm)[0].eval()
    tensors, state = list(theirs.state_dict().values()), ours.state_dict()
    assert [value.shape for value in tensors] == [value.shape for value in state.values()]
    ours.load_state_dict(dict(zip(state, tensors, strict=True)))
    for module in theirs.modules():
        # In transformers' net, the layers that drop branches are not instances of Dropout.
        for rate in {"p", "drop_prob"} & vars(module).keys():
            setattr(module, rate, 0.0)
    return ours, theirs


def test_every_net_is_tested():
    assert set(ENTRIES) == set(REFERENCES) | ALONE


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameter_count_equals_the_published_one(name):
    assert parameters(on_meta(name)) == pytest.approx(PUBLISHED[name] * 1e6, abs=0.005e6)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_net_file_states_the_parameter_count(name):
    statement = f"{parameters(on_meta(name)):,} parameters for 3 channels and 6 classes"
    assert statement in ENTRIES[name].load().__doc__


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("classes", [2, 21])
def test_the_parameter_count_equals_the_references(name, classes):
    with torch.device("meta"):
        theirs = REFERENCES[name].build(classes)
    assert parameters(on_meta(name, classes=classes)) == parameters(theirs)


@pytest.mark.parametrize("name", REFERENCES)
def test_scores_and_losses_equal_the_references_with_the_same_weights(name):
    reference = REFERENCES[name]
    ours, theirs = with_the_same_weights(name)
    # In the last size, a dilation of 36 on a map of an eighth still sees other pixels.
    for height, width in ((64, 64), (97, 75), (310, 33)):
        images = torch.randn(2, 3, height, width)
        with torch.inference_mode():
            expected = reference.scores(theirs, images)
            assert expected.std() > 1e-3, "whatever the pixel, the scores are nearly the same"
            torch.testing.assert_close(ours(images), expected, rtol=1e-4, atol=1e-4)
    targets = torch.randint(0, 6, (3, 65, 65))
    targets[:, 40:] = IGNORED
    images = torch.randn(3, 3, 65, 65)
    with torch.no_grad():
        expected = reference.loss(theirs.train(), images, targets)
        loss = ours.loss(ours.train()(images), targets)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_output_has_the_size_of_the_input(name):
    net, _ = build(name)
    with torch.inference_mode():
        for height, width in ((32, 32), (65, 97), (47, 80)):
            outputs = net.eval()(torch.randn(1, 3, height, width))
            assert outputs.shape == (1, 6, height, width)


def test_a_net_learns_which_pixels_are_bright():
    net, prm = build("UNet-S", classes=2, size=32)
    prm |= {"lr": 1e-2, "batch": 8}
    net.train_setup(prm)
    images = torch.randn(8, 3, 32, 32)
    targets = (images.mean(1) > 0).long()
    targets[:, :4] = IGNORED
    losses = [net.learn([(images, targets)]) for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]
