"""Nets that are right but for one thing; each class stands for a net's module."""

import torch
from torch import nn
from torch.nn import functional

from lemur_core.kinds.net import TRAINING, Classifier


class Good(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.conv = nn.Conv2d(in_shape[1], 4, 3)
        self.linear = nn.Linear(4, *out_shape)

    def forward(self, images):
        return self.linear(self.conv(images).mean((2, 3)))


class Module:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING


class wrong_shape(Module):
    class Net(Good):
        def forward(self, images):
            return super().forward(images)[:, :, None]

        def loss(self, outputs, targets):
            return super().loss(outputs[:, :, 0], targets)


class frozen_parameter(Module):
    class Net(Good):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.unused = nn.Parameter(torch.zeros(3))


class infinite_gradient(Module):
    class Net(Good):
        def forward(self, images):
            # The slope of a square root at 0 is infinite.
            return super().forward(images) + (0 * self.linear.bias).sqrt()

        def learn(self, train_data):
            with torch.no_grad():
                self.linear.bias += 1
            return 0.5


class learns_nothing(Module):
    class Net(Good):
        def learn(self, train_data):
            return 0.5


class infinite_loss(Module):
    class Net(Good):
        def learn(self, train_data):
            super().learn(train_data)
            return float("inf")


class state_elsewhere(Module):
    class Net(Good):
        seen = 0

        def learn(self, train_data):
            self.seen += 1
            return super().learn(train_data)

        def forward(self, images):
            return super().forward(images) + self.seen


class seed_of_its_own(Module):
    class Net(Good):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            nn.init.normal_(self.linear.bias, generator=_unseeded)


_unseeded = torch.Generator()
_unseeded.seed()


class branches_on_values(Module):
    class Net(Good):
        def forward(self, images):
            outputs = super().forward(images)
            return outputs if outputs.sum() > 0 else -outputs


class differs_when_scored_again(Module):
    class Net(Good):
        scored = 0

        def forward(self, images):
            self.scored += not self.training
            return super().forward(images) + self.scored


class drops_out_when_scored(Module):
    class Net(Good):
        def __init__(self, in_shape, out_shape, prm, device):
            super().__init__(in_shape, out_shape, prm, device)
            self.dropout = prm["dropout"]

        def forward(self, images):
            return functional.dropout(super().forward(images), self.dropout)

    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"dropout": "0..0.5"}


class undeclared_hyperparameter(Module):
    class Net(Good):
        def train_setup(self, prm):
            super().train_setup(prm)
            self.gain = prm["gain"]


class unread_hyperparameter(Module):
    Net = Good

    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"depth": "1..4 int"}


class for_another_task(Module):
    Net = Good


class unreadable_range(Module):
    Net = Good

    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"lr": "1..0"}
