"""Scores within epochs do not affect training."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from lemur_core.composition import compose
from lemur_core.entry import entry_of_file
from lemur_core.kinds.loader import InMemory
from lemur_core.pattern import Pattern
from lemur_core.train.data import Bundles
from lemur_core.train.part_scorer import PartScorer
from lemur_core.train.training import run_trial
from lemur_core.trial import Trial

# A net that draws random numbers in training and has modes that matter: dropout, and a layer
# that its author keeps in evaluation mode.
NET = """
import torch
from torch import nn
from lemur_core.kinds.net import TRAINING, Classifier

def supported_hyperparameters():
    return TRAINING

class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.norm = nn.BatchNorm1d(16)
        self.frozen = nn.BatchNorm1d(16)
        self.end = nn.Linear(16, *out_shape)

    def train(self, mode=True):
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, images):
        return self.end(nn.functional.dropout(self.frozen(self.norm(images.flatten(1))), 0.3,
                                              self.training))
"""


class Noisy(torch.nn.Module):
    """Draws random numbers in training only, a mode which is set once per epoch."""

    def __init__(self, normalisation):
        super().__init__()

    def forward(self, images):
        noise = torch.randn(images.shape) if self.training else 0
        return images / 255 + noise


def drawing_compute(hits):
    """Draw random numbers in scoring, as a loader with processes does."""
    torch.rand(1)
    return hits.hits / hits.count


@pytest.fixture
def trial(toys, tmp_path, monkeypatch):
    monkeypatch.setattr("lemur_toy.data.Plain", Noisy)
    monkeypatch.setattr("lemur_toy.data.Hits.compute", drawing_compute)
    file = tmp_path / "Drawing.py"
    file.write_text(NET)
    with_drawing = toys.with_entries("file", "net", [entry_of_file(file)])
    [made] = compose(with_drawing, [Pattern.parse("img-classification_blobs_hits_Drawing")])
    prm = {"lr": 0.05, "batch": 8, "transform": "plain", "momentum": 0.9, "weight_decay": 0.0}
    return Trial(made, 1, {**prm, "optimizer": "sgd", "scheduler": "constant"}, 3, 3)


def epochs(trial, tmp_path):
    return list(run_trial(trial, Bundles(tmp_path).get(trial.pipeline)))


@pytest.mark.parametrize("parts", [2, 3, 50])
def test_parts_do_not_affect_training(trial, tmp_path, parts):
    whole = epochs(trial, tmp_path)
    cut = epochs(replace(trial, parts=parts), tmp_path)
    assert [(epoch.loss, epoch.validation) for epoch in cut] == [
        (epoch.loss, epoch.validation) for epoch in whole
    ]
    assert {epoch.within for epoch in whole} == {()}
    # 58 training images are eight batches.
    assert [len(epoch.within) for epoch in cut] == [min(parts, 8) - 1] * 3


def test_each_part_states_the_fraction_of_the_epoch(trial, tmp_path):
    cut = epochs(replace(trial, parts=4), tmp_path)
    assert [trained for trained, _ in cut[1].within] == [1.25, 1.5, 1.75]
    assert all(0 <= validation <= 1 for epoch in cut for _, validation in epoch.within)


def test_a_part_ends_after_training_on_its_batches():
    batches = [(torch.full((1,), number), None) for number in range(5)]
    learned, seen = [], []
    scorer = PartScorer(batches, 2, lambda: seen.append(list(learned)) or 0.5, nullcontext)
    for inputs, _ in scorer:
        learned.append(int(inputs))
    assert seen == [[0, 1]]
    assert scorer.scores == [(0.5, 0.5)]
    assert len(scorer) == 5


def test_a_single_part_is_not_scored():
    samples = InMemory(torch.zeros(4, 1, 1, 1, dtype=torch.uint8), torch.zeros(4).long())
    scorer = PartScorer([samples[0]] * 4, 1, pytest.fail, nullcontext)
    assert len(list(scorer)) == 4
