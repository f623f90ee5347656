"""A resumed net has its state other than weights restored."""

import itertools
from dataclasses import replace

import pytest
import torch

from lemur_core.composition import compose
from lemur_core.entry import entry_of_file
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.kinds.transform import Normalisation
from lemur_core.pattern import Pattern
from lemur_core.train import checkpoint
from lemur_core.train.training import run_trial
from lemur_core.trial import Trial

NET = """
import torch
from torch import nn

def supported_hyperparameters():
    return {"lr"}

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, features):
        self.calls += self.training
        return features / self.calls if self.calls else features

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        first, last = nn.Linear(16, 8), nn.Linear(8, *out_shape)
        self.layers = nn.Sequential(nn.Flatten(), first, Scaled(), last)

    def train_setup(self, prm):
        make = lambda layer: torch.optim.Adam(layer.parameters(), lr=prm["lr"])
        self.optimizers = [make(self.layers[1]), make(self.layers[3])]
        self.schedules = {"decay": torch.optim.lr_scheduler.ExponentialLR(self.optimizers[0], 0.5)}
        self.averages = (torch.zeros(8),)
        self.history = []
        self._steps = 0
        self.draws = torch.Generator().manual_seed(5)

    def forward(self, images):
        return self.layers(images)

    def learn(self, train_data):
        for inputs, targets in train_data:
            self._steps += 1
            noise = torch.randn(len(targets), 2, generator=self.draws) / self._steps
            loss = nn.functional.cross_entropy(self(inputs) + noise, targets)
            loss = loss + self.averages[0].sum() + sum(self.history[-2:])
            for optimizer in self.optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in self.optimizers:
                optimizer.step()
            self.averages[0].mul_(0.9).add_(self.layers[1].bias.detach(), alpha=0.1)
            self.history.append(loss.detach() / 9)
        self.schedules["decay"].step()
        return loss.item()
"""


@pytest.fixture
def trial(toys, tmp_path):
    file = tmp_path / "Keeping.py"
    file.write_text(NET)
    with_keeping = toys.with_entries("file", "net", [entry_of_file(file)])
    [made] = compose(with_keeping, [Pattern.parse("img-classification_blobs_hits_Keeping")])
    return Trial(made, 1, {"lr": 0.01, "batch": 16, "transform": "plain"}, 3, 4)


@pytest.fixture
def bundle():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (64, 1, 4, 4), generator=generator, dtype=torch.uint8)
    samples = InMemory(images, torch.randint(2, (64,), generator=generator))
    return DataBundle(samples, samples, (2,), 0.5, Normalisation((0.5,), (0.5,)), samples)


def numbers(epochs):
    return [(epoch.number, epoch.loss, epoch.validation, epoch.accuracy) for epoch in epochs]


@pytest.mark.parametrize("after", [1, 3])
def test_the_state_other_than_weights_is_restored(trial, bundle, tmp_path, after):
    whole = numbers(run_trial(trial, bundle))
    trial = replace(trial, checkpoint=tmp_path / "state")
    list(itertools.islice(run_trial(trial, bundle), after))
    done = tuple(checkpoint.saved_epochs(trial.checkpoint))
    assert numbers([*done, *run_trial(replace(trial, done=done), bundle)]) == whole
