"""Nets to check, and checkers for them."""

import sys

import pytest

from lemur_check.check import checker
from lemur_check.check_settings import CheckSettings
from lemur_check.sandbox import Limits

SOURCE = '''"""A small net, in LEMUR's template."""

import torch
from torch import nn


def supported_hyperparameters():
    return {"lr", "momentum"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 8, 3, stride=2), nn.ReLU(), nn.Flatten(),
            nn.LazyLinear(out_shape[0]),
        )

    def forward(self, x):
        return self.layers(x)

    def train_setup(self, prm):
        self.to(self.device)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"], momentum=prm["momentum"])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self(inputs), labels)
            loss.backward()
            self.optimizer.step()
'''
LIMITS = Limits(seconds=60, memory_bytes=2 * 2**30, processes=16, scratch_bytes=64 * 2**20)
FEW = CheckSettings(dataset="digits[samples=200]")


@pytest.fixture(scope="session")
def source():
    """Return the source of a small net that learns."""
    return SOURCE


@pytest.fixture(scope="session")
def doing():
    """Return a function that makes a net which executes statements when it learns."""

    def make(statements):
        lines = [f"        {line}" for line in statements.strip().splitlines()]
        learn = "    def learn(self, train_data):\n"
        return SOURCE.replace(learn, "\n".join([learn.rstrip(), *lines, ""]))

    return make


@pytest.fixture(scope="module")
def walls():
    """Return a checker behind walls that the tests of a module share and that saves nothing."""
    with checker(FEW, limits=LIMITS, threads=1, save=False) as check:
        yield check


@pytest.fixture(scope="module")
def trusting():
    """Return a checker that trusts nets."""
    with checker(FEW, limits=LIMITS, threads=1, save=False, trust=True) as check:
        yield check


@pytest.fixture
def lemur(capsys, monkeypatch, tmp_path):
    """Return a function that runs the command line and returns its status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        from lemur_core.cli import main

        monkeypatch.setattr(sys, "argv", ["lemur", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            main()
        return exited.value.code, *capsys.readouterr()

    return call
