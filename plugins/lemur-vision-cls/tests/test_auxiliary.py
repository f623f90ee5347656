"""Auxiliary heads that are only used in training, and their part of the loss."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from .references import REFERENCES
from .test_nets import as_trained, build

# The weight of an auxiliary head's loss in each net, and the positions of the heads in the outputs
# of torchvision's net, in the order of ours.
SHARES = {"GoogLeNet": (0.3, (2, 1)), "InceptionV3-2": (0.4, (1,))}


def in_training(name):
    """Return our net and torchvision's with the same weights, without dropout."""
    reference = REFERENCES[name]
    theirs = as_trained(reference.build(10)).train()
    ours = build(name, size=reference.size).train()
    state = zip(ours.state_dict(), theirs.state_dict().values(), strict=True)
    ours.load_state_dict(dict(state))
    for net in (ours, theirs):
        for module in net.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    return ours, theirs


@pytest.mark.parametrize("name", SHARES)
def test_heads_equal_torchvisions_in_training(name):
    torch.manual_seed(0)
    ours, theirs = in_training(name)
    size = 299 if name == "InceptionV3-2" else 64
    images, targets = torch.randn(2, 3, size, size), torch.tensor([3, 7])
    with torch.no_grad():
        outputs, expected = ours(images), theirs(images)
    share, places = SHARES[name]
    assert len(outputs) == 1 + len(places)
    for output, place in zip(outputs, (0, *places), strict=True):
        torch.testing.assert_close(output, expected[place], rtol=1e-4, atol=1e-4)
    aside = sum(cross_entropy(expected[place], targets) for place in places)
    loss = cross_entropy(expected[0], targets) + share * aside
    torch.testing.assert_close(ours.loss(outputs, targets), loss, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SHARES)
def test_evaluation_only_returns_the_main_output(name):
    net = build(name, size=299).eval()
    assert net(torch.randn(1, 3, 299, 299)).shape == (1, 10)
