"""One cycle of the learning rate, changed images, and nets with batch normalisation."""

import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional

from lemur_core import installed
from lemur_zoo import Zoo, draws
from lemur_zoo.augmentation import PADDING, augmented
from lemur_zoo.embedding.sampling import compare
from lemur_zoo.images import load_images
from lemur_zoo.making import begin, training_of
from lemur_zoo.members import SplitArrays
from lemur_zoo.nets import ZooNet
from lemur_zoo.schedule import factors_of, one_cycle
from lemur_zoo.spec.read import read_spec
from lemur_zoo.storage.header import ZooError

from .conftest import run, run_with_error

RESNET = """
[zoo]
dataset = "digits[samples=40,test=20]"
net = "ResNet-18"
px = 16
width = 4
epochs = 2
augment = ["crop", "flip"]
[factors]
optimizer = "sgd"
schedule = "onecycle"
lr = 0.05
weight_decay = 5e-4
activation = "gelu"
batch = 16
[members]
repeats = 2
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    file = tmp_path_factory.mktemp("resnet") / "resnet.toml"
    file.write_text(RESNET)
    return file


@pytest.mark.parametrize("steps", [2, 3, 7, 11, 100])
def test_a_cycle_is_that_of_torch(steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.05, total_steps=steps)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            cycle.step()
    np.testing.assert_allclose(0.05 * one_cycle(steps), rates, rtol=1e-9, atol=1e-12)


def test_epochs_are_parts_of_the_cycle():
    parts = [factors_of("onecycle", epoch, 3, 4) for epoch in (1, 2, 3)]
    np.testing.assert_array_equal(np.concatenate(parts), one_cycle(12))
    assert factors_of("constant", 1, 3, 4) is None


@pytest.fixture
def images():
    inputs = np.random.default_rng(0).standard_normal((40, 2, 6, 6)).astype(np.float32)
    return SplitArrays(inputs, np.arange(40))


def test_images_are_moved_and_mirrored(images):
    black = np.array([-1.0, -2.0], np.float32)
    inputs, targets = augmented(images, black, ("crop", "flip"), seed=3, epoch=2)
    np.testing.assert_array_equal(targets, images.targets)
    size = 6 + 2 * PADDING
    padded = np.broadcast_to(black[:, None, None], (40, 2, size, size)).copy()
    padded[..., PADDING:-PADDING, PADDING:-PADDING] = images.inputs
    seen = []
    for given, result in zip(padded, inputs, strict=True):
        [place] = [
            (down, right, mirrored)
            for down in range(2 * PADDING + 1)
            for right in range(2 * PADDING + 1)
            for mirrored in (False, True)
            if np.array_equal(
                given[:, down : down + 6, right : right + 6][..., :: -1 if mirrored else 1], result
            )
        ]
        seen.append(place)
    rows, columns, mirrored = map(set, zip(*seen, strict=True))
    assert min(len(rows), len(columns)) >= 7
    assert mirrored == {False, True}
    only = augmented(images, black, ("flip",), seed=3, epoch=2).inputs
    for (_, _, is_mirrored), given, result in zip(seen, images.inputs, only, strict=True):
        np.testing.assert_array_equal(result, given[..., :: -1 if is_mirrored else 1])


def test_images_depend_on_the_seed_and_the_epoch(images):
    black = np.zeros(2, np.float32)
    first, again, other, later = (
        augmented(images, black, ("crop",), seed, epoch).inputs
        for seed, epoch in ((3, 2), (3, 2), (4, 2), (3, 3))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, later)


def test_the_net_has_the_papers_parameters():
    net = ZooNet(installed().get("net", "ResNet-18"), (1, 3, 32, 32), 10, width=64)
    values = {"init": "kaiming_uniform", "activation": "relu", "dropout": 0.0}
    with torch.device("meta"):
        parameters = net.parameters(values)
    assert sum(item.elements for item in parameters) == 11_173_962


def plain(zoo, images, number):
    """Train a member in a plain loop, and return the states and accuracies after each epoch."""
    member = zoo.population[number]
    net = zoo._net.build(member.values, member.seed)
    rate = float(np.float32(0.05))
    optimizer = torch.optim.SGD(net.parameters(), momentum=0.9, weight_decay=5e-4, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=6, cycle_momentum=False
    )
    states, targets = [net.state_dict()], torch.from_numpy(images.train.targets)
    states = [{name: value.clone() for name, value in net.state_dict().items()}]
    accuracies = [np.nan]
    for epoch in (1, 2):
        changed = augmented(images.train, images.black, ("crop", "flip"), member.seed, epoch)
        inputs = torch.from_numpy(changed.inputs)
        net.train()
        for chosen in torch.from_numpy(draws.order(member.seed, epoch, 36)).split(16):
            optimizer.zero_grad()
            functional.cross_entropy(net(inputs[chosen]), targets[chosen]).backward()
            optimizer.step()
            # The last step of the scheduler is that after the training.
            with warnings.catch_warnings(action="ignore"):
                cycle.step() if cycle.last_epoch < 5 else None
        states.append({name: value.clone() for name, value in net.state_dict().items()})
        with torch.no_grad():
            predicted = net.eval()(torch.from_numpy(images.test.inputs)).argmax(1).numpy()
        accuracies.append((predicted == images.test.targets).mean())
    return states, accuracies


def test_a_zoo_of_resnets_is_that_of_a_plain_loop_also_if_it_is_interrupted(spec, tmp_path):
    path = tmp_path / "zoo"
    images = load_images(read_spec(spec), None)
    begin(read_spec(spec), path, images)
    assert training_of(path, None).run(1)
    output = run("extend", path, "--db", tmp_path / "lemur.db")
    assert "engine one-by-one" in output
    zoo = Zoo(path)
    assert [len(group) for group in zoo.header.groups] == [1, 1]
    for number in (0, 1):
        states, accuracies = plain(zoo, images, number)
        for epoch, expected in enumerate(states):
            ours = zoo.state_dict(number, epoch)
            assert ours.keys() == expected.keys()
            for name, value in expected.items():
                assert ours[name].dtype == value.dtype
                torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5)
        assert zoo.scores[number, 1:, 2, 1] == pytest.approx(accuracies[1:])
        net = zoo.net(number)
        with torch.no_grad():
            predicted = net(torch.from_numpy(images.test.inputs)).argmax(1).numpy()
        assert (predicted == images.test.targets).mean() == zoo.scores[number, 2, 2, 1]
    with pytest.raises(ZooError, match=r"have running statistics, such as stem.1.running_mean,"):
        compare(zoo, None, images, count=1, epochs=1)
    other = tmp_path / "other.toml"
    other.write_text(RESNET.replace("[factors]", f"start = '{path}'\n[factors]"))
    run("make", other, "--out", tmp_path / "after", "--db", tmp_path / "lemur.db", "--time", "0s")
    begun = training_of(tmp_path / "after", None)._initial(1)
    np.testing.assert_array_equal(begun.parameters[0], zoo.weights(1))
    np.testing.assert_array_equal(begun.buffers[0], zoo.buffers_at(2, [1])[0])
    run("extend", path, "--members", "1", "--db", tmp_path / "lemur.db")
    assert Zoo(path).state_dict(2)["stem.1.num_batches_tracked"] == 6
    with pytest.raises(ZooError) as caught:
        run_with_error("extend", path, "--epochs", "1", "--db", tmp_path / "lemur.db")
    assert str(caught.value) == (
        "zoo 'resnet': the cycle of its learning rate has 2 epochs, and none can be added to it; "
        "make another zoo of more epochs"
    )


def test_a_width_is_refused_by_a_net_that_has_none():
    entry = installed().get("net", "CNN-S")
    with pytest.raises(ValueError, match=r"net 'CNN-S' has no hyperparameter width; leave it out"):
        ZooNet(entry, (1, 1, 28, 28), 10, width=8)
