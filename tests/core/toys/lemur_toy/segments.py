"""Tells the classes by their greys; all but in the second epoch, one too high."""

import torch

from lemur_toy.scenes import GREY, Aging


def supported_hyperparameters():
    return {"lr"}


class Net(Aging):
    def forward(self, inputs):
        greys = 255 * (0.5 * inputs + 0.25) / GREY
        numbers = (greys + ~self.right).clamp(max=2)
        return torch.cat([-(numbers - number).abs() for number in range(3)], 1)
