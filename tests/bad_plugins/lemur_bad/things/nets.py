"""Nets with one fault each; a class stands for a net's module."""

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


class some_widths_only:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"width": "4..64 int"}

    class Net(Good):
        def __init__(self, in_shape, out_shape, prm, device):
            super().__init__(in_shape, out_shape, prm, device)
            width = prm["width"]
            if width % 4:
                raise ValueError("embed_dim must be divisible by num_heads")
            self.conv = nn.Sequential(nn.Conv2d(in_shape[1], width, 3), nn.Conv2d(width, 4, 1))


class wide_in_the_middle:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"stride": "1,2,4"}

    class Net(Good):
        def __init__(self, in_shape, out_shape, prm, device):
            super().__init__(in_shape, out_shape, prm, device)
            self.stride = prm["stride"]

        def forward(self, images):
            outputs = super().forward(images[:, :, :: self.stride])
            return outputs[:, :, None] if self.stride == 2 else outputs


class no_such_activation:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"activation": "relu,swich"}

    class Net(Good):
        def __init__(self, in_shape, out_shape, prm, device):
            super().__init__(in_shape, out_shape, prm, device)
            self.activation = getattr(functional, prm["activation"])

        def forward(self, images):
            return self.activation(super().forward(images))


class no_such_optimizer:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"optimizer": "sgd,lyon"}

    class Net(Good):
        pass


class overflows_when_large:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"gain": "1..1e30 log"}

    class Net(Good):
        def __init__(self, in_shape, out_shape, prm, device):
            super().__init__(in_shape, out_shape, prm, device)
            self.gain = prm["gain"]

        def forward(self, images):
            return super().forward(images) * self.gain
