"""Random numbers of an epoch depend only on the trial's seed, the epoch and the sample."""

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lemur_core.composition import compose
from lemur_core.entry import entry_of_file
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.kinds.transform import Normalisation
from lemur_core.pattern import Pattern
from lemur_core.train import checkpoint
from lemur_core.train.batches import batches
from lemur_core.train.training import run_trial
from lemur_core.trial import Trial

CPU = torch.device("cpu")
COUNT = 128

NET = """
import random
import numpy
import torch
from torch import nn
from lemur_core.kinds.net import TRAINING, Classifier

def supported_hyperparameters():
    return TRAINING

class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.norm = nn.BatchNorm1d(16)
        self.end = nn.Linear(16, *out_shape)

    def forward(self, images):
        features = self.norm(images.flatten(1))
        if self.training:
            noise = torch.rand(1).item() + random.random() + numpy.random.rand()
            features = nn.functional.dropout(features + noise, 0.3)
        return self.end(features)
"""


class InFile:
    """Images and targets in a file, each read on access."""

    def __init__(self, path, targets):
        self.path, self.targets = path, targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        pixels = np.fromfile(self.path, np.uint8, 16, offset=16 * index)
        return torch.from_numpy(pixels).reshape(1, 4, 4), int(self.targets[index])


class Noisy(nn.Module):
    """Add noise from each of the three global generators to training images."""

    def __init__(self, normalisation):
        super().__init__()

    def forward(self, images):
        pixels = images / 255
        if not self.training:
            return pixels
        noise = random.random() + np.random.rand() + torch.rand(len(images), 1, 1, 1)
        return pixels + 0.1 * noise


class TorchNoisy(Noisy):
    """Add noise from torch's generator only, as the contract demands."""

    def forward(self, images):
        return images / 255 + 0.1 * torch.rand(len(images), 1, 1, 1)


class NoisyMix(Noisy):
    """Mix each training batch too."""

    def mix(self, inputs, targets, out_shape):
        share, order = random.random() * torch.rand(1), torch.randperm(len(inputs))
        one_hot = nn.functional.one_hot(targets, *out_shape).float()
        return tuple(share * tensor + (1 - share) * tensor[order] for tensor in (inputs, one_hot))


class NoisyPair(Noisy):
    """The same noise for images whose targets are transformed with them."""

    def pair(self, image, target):
        return self(image[None])[0], target


def arrays(count):
    targets = torch.arange(count) % 2
    noise = torch.randint(0, 200, (count, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    return (noise + 50 * targets[:, None, None, None]).to(torch.uint8), targets


@pytest.fixture
def in_file(tmp_path):
    """Return samples in a new file."""

    def write(count):
        images, targets = arrays(count)
        path = tmp_path / f"{count}.bin"
        path.write_bytes(images.numpy().tobytes())
        return InFile(path, targets)

    return write


@pytest.fixture
def processes(monkeypatch):
    """Set the number of processes that load training and validation samples."""
    return lambda count: monkeypatch.setattr(
        "lemur_core.train.batches._loading_processes", lambda samples: count
    )


@pytest.fixture
def trial(toys, tmp_path, monkeypatch):
    monkeypatch.setattr("lemur_toy.data.Plain", NoisyMix)
    file = tmp_path / "Drawing.py"
    file.write_text(NET)
    with_drawing = toys.with_entries("file", "net", [entry_of_file(file)])
    [made] = compose(with_drawing, [Pattern.parse("img-classification_blobs_hits_Drawing")])
    prm = {"lr": 0.05, "batch": 32, "transform": "plain", "momentum": 0.9, "weight_decay": 0.0}
    return Trial(made, 1, {**prm, "optimizer": "sgd", "scheduler": "constant"}, 3, 3)


@pytest.fixture
def bundle(in_file):
    normalisation = Normalisation((0.5,), (0.5,))
    return DataBundle(in_file(COUNT), in_file(10), (2,), 0.5, normalisation, validation=in_file(12))


def numbers(epochs):
    return [(epoch.number, epoch.loss, epoch.validation, epoch.accuracy) for epoch in epochs]


def interrupted(trial, bundle, folder, after):
    """Train until an epoch has ended, then resume as another process would."""
    trial = replace(trial, checkpoint=folder)
    list(itertools.islice(run_trial(trial, bundle), after))
    done = tuple(checkpoint.saved_epochs(folder))
    assert len(done) == after
    # Random numbers drawn in the process since then must not matter.
    random.random(), np.random.rand(), torch.rand(3)
    return [*done, *run_trial(replace(trial, done=done), bundle)]


def test_loading_processes_do_not_change_results(trial, bundle, processes):
    results = []
    for count in (0, 1, 2):
        processes(count)
        results.append(numbers(run_trial(trial, bundle)))
    assert results[0] == results[1] == results[2]
    assert len({loss for _, loss, *_ in results[0]}) == 3


@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 0), (0, 2)])
def test_a_resumed_trial_has_the_results_of_an_uninterrupted_one(
    trial, bundle, processes, tmp_path, before, after
):
    processes(after)
    whole = numbers(run_trial(trial, bundle))
    processes(before)
    trial = replace(trial, checkpoint=tmp_path / "state")
    list(itertools.islice(run_trial(trial, bundle), 1))
    done = tuple(checkpoint.saved_epochs(trial.checkpoint))
    processes(after)
    resumed = run_trial(replace(trial, done=done), bundle)
    assert numbers([*done, *resumed]) == whole


@pytest.mark.parametrize("after", [1, 2])
def test_trials_on_samples_in_memory_resume_with_the_same_results(trial, tmp_path, after):
    train, test = InMemory(*arrays(130)), InMemory(*arrays(20))
    bundle = DataBundle(train, test, (2,), 0.5, Normalisation((0.5,), (0.5,)), test)
    whole = numbers(run_trial(trial, bundle))
    assert numbers(interrupted(trial, bundle, tmp_path / "state", after)) == whole


def test_scores_within_epochs_do_not_change_results_on_samples_in_files(trial, bundle, processes):
    processes(2)
    whole, cut = (list(run_trial(replace(trial, parts=parts), bundle)) for parts in (1, 3))
    assert numbers(cut) == numbers(whole)
    assert [len(epoch.within) for epoch in cut] == [2, 2, 2]


def passes(loader, epochs):
    """Return the batches of one pass in each of these epochs."""
    for epoch in epochs:
        loader.begin(epoch)
        yield [(inputs.clone(), targets) for inputs, targets in loader]


def same(first_batches, second_batches):
    return all(
        torch.equal(inputs, others) and torch.equal(targets, other_targets)
        for (inputs, targets), (others, other_targets) in zip(
            first_batches, second_batches, strict=True
        )
    )


@pytest.mark.parametrize("kind", ["memory", "pairs", "files"])
def test_each_epoch_draws_other_numbers_and_a_repeated_epoch_the_same(kind, in_file):
    samples = in_file(50) if kind == "files" else InMemory(*arrays(50))
    transform = {"memory": TorchNoisy, "pairs": NoisyPair, "files": Noisy}[kind](None)
    loader = batches(samples, transform, 8, CPU, training=True, seed=5)
    first, second, again = passes(loader, [1, 2, 1])
    assert same(first, again)
    assert not any(
        torch.equal(noise, other_noise)
        for (noise, _), (other_noise, _) in zip(first, second, strict=True)
    )
    # A net may iterate over its data twice in an epoch.
    assert not same(first, [(inputs.clone(), targets) for inputs, targets in loader])
    [other] = passes(batches(samples, transform, 8, CPU, training=True, seed=6), [1])
    assert not same(first, other)


def test_each_sample_draws_other_numbers(in_file):
    loader = batches(in_file(50), Noisy(None), 8, CPU, training=True)
    plain, _ = arrays(50)
    [noisy_batches] = passes(loader, [1])
    [order] = passes(batches(in_file(50), nn.Identity(), 8, CPU, training=True), [1])
    # All pixels of an image have the same noise.
    noise = torch.cat(
        [noisy - image / 255 for (noisy, _), (image, _) in zip(noisy_batches, order, strict=True)]
    )
    assert len(noise[:, 0, 0, 0].unique()) == 50 == len(plain)
    assert torch.allclose(noise, noise[:, :, :1, :1].expand_as(noise), atol=1e-6)


def test_pairs_in_memory_and_in_files_draw_the_same_numbers(in_file):
    transform = NoisyPair(None)
    memory, files = (
        next(passes(batches(samples, transform, 8, CPU, training=True, seed=5), [3]))
        for samples in (InMemory(*arrays(50)), in_file(50))
    )
    assert same(memory, files)


def test_the_net_draws_the_same_numbers_wherever_samples_are_loaded(in_file, processes):
    results = []
    for count in (0, 2):
        processes(count)
        loader = batches(in_file(COUNT), Noisy(None), 32, CPU, training=True, seed=5)
        results.append([(torch.rand(1).item(), random.random(), np.random.rand()) for _ in loader])
    assert results[0] == results[1]
    assert len(set(results[0])) == 4


def test_a_pass_for_scoring_draws_the_same_numbers_each_time(in_file):
    class Careless(Noisy):
        """Draw random numbers in scoring too."""

        def train(self, mode=True):
            return super().train(True)

    loader = batches(in_file(20), Careless(None), 8, CPU, training=False)
    assert same(*([(inputs.clone(), targets) for inputs, targets in loader] for _ in range(2)))
