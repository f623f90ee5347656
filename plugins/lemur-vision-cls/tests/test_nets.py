"""Each net against torchvision's, which is not used outside of these tests."""

import pytest
import torch
from torchvision import models

from lemur_core import entries_in
from lemur_core.kinds.net import as_net
from lemur_core.space import of_net, smallest
from lemur_vision_cls.plugin import MIN_SIZE

TORCHVISIONS = {
    "AlexNet": models.alexnet,
    "ResNet": models.resnet18,
    "ShuffleNet": models.shufflenet_v2_x1_0,
    "SqueezeNet-1": models.squeezenet1_0,
}
ENTRIES = {entry.name: entry for entry in entries_in("lemur_vision_cls.nets")}
CPU = torch.device("cpu")


def build(name, *, channels=3, size=64, classes=10, seed=0):
    module = as_net(ENTRIES[name].load(), name)
    prm = smallest(of_net(module.hyperparameters()))
    torch.manual_seed(seed)
    return module.net((1, channels, size, size), (classes,), prm, CPU)


def test_every_net_is_compared():
    assert set(ENTRIES) == set(TORCHVISIONS)


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_with_torchvisions_weights_the_output_is_torchvisions(name):
    torch.manual_seed(1)
    theirs = TORCHVISIONS[name](weights=None, num_classes=10).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # As after training: with the statistics of a fresh net an error in them would hide.
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    ours = build(name).eval()
    given, taken = theirs.state_dict(), ours.state_dict()
    assert [value.shape for value in given.values()] == [value.shape for value in taken.values()]
    ours.load_state_dict(dict(zip(taken, given.values(), strict=True)))
    # At 256 px AlexNet pools 7x7 to 6x6: at its usual 224 there is nothing to average.
    for size in (64, 97, 256):
        images = torch.randn(2, 3, size, size)
        with torch.inference_mode():
            torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "millions"),
    [("AlexNet", 57.04), ("ResNet", 11.18), ("ShuffleNet", 1.26), ("SqueezeNet-1", 0.74)],
)
def test_it_has_the_papers_parameters(name, millions):
    count = sum(parameter.numel() for parameter in build(name).parameters())
    assert count == pytest.approx(millions * 1e6, abs=0.005e6)
    assert f"{count:,} parameters for 3 channels" in ENTRIES[name].load().__doc__


@pytest.mark.parametrize("name", TORCHVISIONS)
@pytest.mark.parametrize("classes", [10, 1000])
def test_it_has_as_many_parameters_as_torchvisions(name, classes):
    theirs = TORCHVISIONS[name](weights=None, num_classes=classes)
    assert sum(p.numel() for p in build(name, classes=classes).parameters()) == sum(
        p.numel() for p in theirs.parameters()
    )


@pytest.mark.parametrize("name", TORCHVISIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_it_works_from_its_smallest_input_with_1_or_3_channels(name, channels):
    size = MIN_SIZE.get(name, 32)
    net = build(name, channels=channels, size=size).eval()
    assert net(torch.randn(2, channels, size, size)).shape == (2, 10)


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_it_learns_to_tell_two_classes_apart(name):
    size = MIN_SIZE.get(name, 32)
    net = build(name, size=size)
    torch.manual_seed(0)
    images, targets = torch.randn(8, 3, size, size), torch.tensor([3, 7] * 4)
    # By SGD: a step of Adam takes AlexNet ten times as long.
    net.train_setup({"lr": 0.1 if name == "ShuffleNet" else 0.01, "momentum": 0.9})
    losses = []
    # Who knows the two classes and guesses has a loss of ln 2, 0.69.
    while len(losses) < 30 and min(losses, default=1) > 0.3:
        losses.append(net.train().learn([(images, targets)]))
    assert losses[-1] < 0.3, losses
