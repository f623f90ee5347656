"""Members that are computed together have the class scores that each has alone in torch."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from lemur_zoo.engine.together import class_scores, loss_and_accuracy
from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool
from lemur_zoo.members import SplitArrays
from lemur_zoo.modules import flat, net_of

CHAINS = {
    "convolutions": (
        *(Conv(4, 3, padding=1), MaxPool(2), Activation("tanh"), Dropout()),
        *(Conv(3, 2, stride=2, bias=False), Activation("gelu"), Flatten()),
        *(Linear(6), Activation("relu"), Linear(5, bias=False)),
    ),
    "vectors": (Flatten(), Linear(7), Activation("sigmoid"), Linear(5)),
    "pooled first": (MaxPool(2), Flatten(), Linear(5)),
}
SHAPE = (2, 8, 8)


@pytest.fixture(params=CHAINS)
def layers(request):
    return CHAINS[request.param]


def nets(layers, count):
    torch.manual_seed(0)
    return [net_of(layers, SHAPE).eval() for _ in range(count)]


def rows(members):
    return torch.stack([flat(list(net.parameters())) for net in members]).detach()


@pytest.mark.parametrize("count", [1, 3])
def test_class_scores_are_those_of_each_net(layers, count):
    members, images = nets(layers, count), torch.randn(6, *SHAPE)
    scores = class_scores(layers, rows(members), images)
    assert scores.shape == (count, 6, 5)
    for net, outputs in zip(members, scores, strict=True):
        torch.testing.assert_close(outputs, net(images))


def test_losses_and_accuracies_are_those_of_each_net_whatever_their_number(layers):
    members = nets(layers, 18)
    images, targets = torch.randn(7, *SHAPE), torch.randint(5, (7,))
    split = SplitArrays(images.numpy(), targets.numpy())
    losses, accuracies = loss_and_accuracy(layers, rows(members).numpy(), split)
    for net, loss, accuracy in zip(members, losses, accuracies, strict=True):
        outputs = net(images)
        assert loss.item() == pytest.approx(functional.cross_entropy(outputs, targets).item())
        assert accuracy == np.mean(outputs.argmax(1).numpy() == targets.numpy())
