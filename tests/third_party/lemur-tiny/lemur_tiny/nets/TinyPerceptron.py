"""TinyPerceptron: one hidden layer, written to LEMUR's template without lemur's base class."""

import math

import torch
from torch import nn


def supported_hyperparameters():
    return {"lr", "momentum", "dropout"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(in_shape[1:]), 32),
            nn.ReLU(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(32, out_shape[0]),
        )

    def train_setup(self, prm):
        self.to(self.device)
        self.criteria = (nn.CrossEntropyLoss().to(self.device),)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=prm["momentum"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            loss = self.criteria[0](self(inputs.to(self.device)), labels.to(self.device))
            loss.backward()
            self.optimizer.step()

    def forward(self, images):
        return self.layers(images)
