"""Batches, data bundles, scores, and LEMUR's published forms of loaders, metrics and nets."""

import math
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from lemur_core import data, run
from lemur_core.errors import ContractError, ShapeError
from lemur_core.kinds.loader import (
    DataBundle,
    InMemory,
    as_bundle,
    majority_share,
    normalisation_of,
)
from lemur_core.kinds.metric import as_metric
from lemur_core.kinds.net import as_net, build_optimizer, build_scheduler
from lemur_core.kinds.transform import Normalisation, as_transform
from lemur_core.train.batches import batches, mixed
from lemur_core.train.scoring import score
from lemur_core.train.training import NotFiniteError, check_weights, seed_everything

CPU = torch.device("cpu")


def numbered(count):
    """Images whose only pixel is their index, which is also their target."""
    index = torch.arange(count)
    return InMemory(index.to(torch.uint8)[:, None, None, None], index)


class Listed:
    """The same samples, one at a time, as a foreign dataset returns them."""

    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def flat(lists):
    return [item for items in lists for item in items]


KINDS_OF_SAMPLES = [lambda count: numbered(count), lambda count: Listed(numbered(count))]


@pytest.mark.parametrize("samples", KINDS_OF_SAMPLES)
def test_scoring_sees_every_sample_once_in_order(samples):
    loaded = batches(samples(10), nn.Identity(), 4, CPU, training=False)
    seen = [(inputs.flatten().tolist(), targets.tolist()) for inputs, targets in loaded]
    assert [len(targets) for _, targets in seen] == [4, 4, 2]
    assert len(loaded) == 3
    assert flat(inputs for inputs, _ in seen) == list(range(10))
    assert flat(targets for _, targets in seen) == list(range(10))


def test_cudnn_is_deterministic(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    seed_everything(0)
    assert torch.backends.cudnn.deterministic


@pytest.mark.parametrize("samples", KINDS_OF_SAMPLES)
def test_training_shuffles_each_epoch_and_keeps_inputs_with_their_targets(samples):
    seed_everything(0)
    loaded = batches(samples(50), nn.Identity(), 8, CPU, training=True)
    epochs = [[(i.flatten().tolist(), t.tolist()) for i, t in loaded] for _ in range(2)]
    orders = [flat(targets for _, targets in epoch) for epoch in epochs]
    assert all(inputs == targets for epoch in epochs for inputs, targets in epoch)
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(50))
    assert orders[0] != orders[1] != list(range(50))


@pytest.mark.parametrize("samples", KINDS_OF_SAMPLES)
@pytest.mark.parametrize(("count", "sizes"), [(9, [4, 4]), (10, [4, 4, 2]), (1, [1])])
def test_a_last_batch_of_one_is_left_out_of_training(samples, count, sizes):
    loaded = batches(samples(count), nn.Identity(), 4, CPU, training=True)
    assert [len(targets) for _, targets in loaded] == sizes
    assert len(loaded) == len(sizes)


@pytest.mark.parametrize("samples", KINDS_OF_SAMPLES)
@pytest.mark.parametrize("training", [True, False])
def test_the_transform_is_in_training_mode_for_training_only(samples, training):
    transform = nn.Dropout(1.0)
    inputs, _ = next(iter(batches(samples(4), _Float(transform), 4, CPU, training=training)))
    assert inputs.any() == (not training)


class _Float(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(images + 1.0)


def bundle(train, validation=None):
    return DataBundle(train, numbered(4), (10,), 0.1, Normalisation((0.5,), (0.5,)), validation)


@pytest.mark.parametrize("samples", KINDS_OF_SAMPLES)
def test_validation_is_the_same_tenth_of_train_each_time(samples):
    splits = []
    for _ in range(2):
        held = bundle(samples(100)).held_out()
        parts = [held.train, held.validation]
        splits.append([[int(part[i][1]) for i in range(len(part))] for part in parts])
    (train, validation), again = splits
    assert (len(train), len(validation)) == (90, 10)
    assert sorted(train + validation) == list(range(100))
    assert again == [train, validation]


def test_a_loaders_validation_split_is_used():
    validation = numbered(3)
    assert bundle(numbered(20), validation).held_out().validation is validation


def test_normalisation_is_that_of_the_pixels():
    images = torch.randint(0, 256, (7, 3, 5, 4), dtype=torch.uint8)
    mean, std = normalisation_of(images)
    scaled = images.double() / 255
    assert mean == pytest.approx(scaled.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(scaled.std((0, 2, 3), correction=0).tolist(), abs=1e-12)


def test_chance_is_the_share_of_the_most_frequent_class():
    assert majority_share(torch.tensor([0, 1, 1, 2])) == 0.5


def test_inputs_and_targets_must_have_the_same_length():
    with pytest.raises(ShapeError, match="^3 inputs but 2 targets$"):
        InMemory(torch.zeros(3, 1, 1, 1, dtype=torch.uint8), torch.zeros(2))


class Mixes(nn.Identity):
    def mix(self, inputs, targets, out_shape):
        return inputs.flip(0), nn.functional.one_hot(targets.flip(0), *out_shape).float()


@pytest.mark.parametrize("samples", KINDS_OF_SAMPLES)
def test_a_mixing_transform_receives_training_batches_with_targets(samples):
    plain = batches(samples(10), nn.Identity(), 4, CPU, training=True)
    assert mixed(plain, nn.Identity(), (10,)) is plain
    mixed_batches = mixed(plain, Mixes(), (10,))
    assert len(mixed_batches) == 3
    for inputs, targets in mixed_batches:
        assert targets.shape == (len(inputs), 10)
        assert inputs.flatten().tolist() == targets.argmax(1).tolist()


def test_the_score_of_a_perfect_net_is_one(toys):
    hits = as_metric(toys.get("metric", "hits").load(), (10,), "hits")
    oracle = _Oracle()
    scored = batches(numbered(10), _Float(nn.Identity()), 4, CPU, training=False)
    assert score(oracle, scored, {"hits": hits}) == {"hits": 1.0}
    assert not oracle.training


class _Oracle(nn.Module):
    def forward(self, images):
        return nn.functional.one_hot((images - 1).long().flatten(), 10).float()


def published_metric(out_shape):
    metric = SimpleNamespace(total=0)
    metric.reset = lambda: setattr(metric, "total", 0)
    metric.result = lambda: metric.total / 10

    class Callable(SimpleNamespace):
        def __call__(self, outputs, targets):
            metric.total += len(targets)

    return Callable(reset=metric.reset, result=metric.result)


def test_lemurs_published_form_of_a_metric_is_accepted():
    module = ModuleType("metric")
    module.create_metric = published_metric
    metric = as_metric(module, (10,), "published")
    metric.reset()
    metric.update(torch.zeros(4, 10), torch.zeros(4))
    assert metric.compute() == 0.4


def test_lemurs_published_form_of_a_loader_is_accepted(tmp_path):
    module = ModuleType("loader")
    arguments = {}

    def loader(transform_fn, task):
        transform = transform_fn(((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
        arguments["task"] = task
        train = [(transform(_Picture()), target) for target in range(20)]
        return (20,), 0.05, train, train[:4]

    module.loader = loader
    made = as_bundle(module, tmp_path, "img-classification", "published").held_out()
    assert arguments["task"] == "img-classification"
    assert (made.out_shape, made.chance) == ((20,), 0.05)
    assert made.normalisation == Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    image, _ = made.train[0]
    assert (image.dtype, image.shape) == (torch.uint8, (3, 6, 5))
    assert image[:, 0, 0].tolist() == [255, 0, 7]
    assert (len(made.train), len(made.validation), len(made.test)) == (18, 2, 4)


class _Picture:
    """An array like that of a PIL image: height, width, channels."""

    def __array__(self, dtype=None, copy=None):
        return np.full((6, 5, 3), (255, 0, 7), dtype)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            lambda: as_net(ModuleType("m"), "X"),
            "net 'X': its module has no class Net; "
            "its module has no function supported_hyperparameters()",
        ),
        (
            lambda: as_net(SimpleNamespace(Net=dict), "X"),
            "net 'X': its module has no function supported_hyperparameters(); "
            "Net has no method train_setup(); Net has no method learn()",
        ),
        (
            lambda: as_net(SimpleNamespace(Net=dict, supported_hyperparameters=set), "X"),
            "net 'X': Net has no method train_setup(); Net has no method learn()",
        ),
        (
            lambda: as_metric(lambda shape: SimpleNamespace(reset=print, update=print), (1,), "X"),
            "metric 'X': it has no method compute()",
        ),
        (
            lambda: as_metric(3, (1,), "X"),
            "metric 'X': its target cannot be called with out_shape",
        ),
        (
            lambda: as_transform(lambda normalisation: 3, Normalisation((), ()), "X"),
            "transform 'X': gives int; expected a torch.nn.Module",
        ),
        (
            lambda: as_bundle(lambda folder, task: 3, None, "t", "X"),
            "loader 'X': gives int; expected a DataBundle",
        ),
        (
            lambda: as_bundle(ModuleType("m"), None, "t", "X"),
            "loader 'X': its module has no function loader()",
        ),
    ],
)
def test_a_violated_contract_is_reported(check, message):
    with pytest.raises(ContractError) as caught:
        check()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("prm", "kind", "momentum"),
    [
        ({"lr": 0.1}, torch.optim.SGD, 0.9),
        ({"lr": 0.1, "momentum": 0}, torch.optim.SGD, 0),
        ({"lr": 0.1, "optimizer": "adam", "momentum": 0.5}, torch.optim.Adam, 0.5),
        ({"lr": 0.1, "optimizer": "adamw"}, torch.optim.AdamW, 0.9),
    ],
)
def test_the_optimizer_is_the_one_in_prm(prm, kind, momentum):
    optimizer = build_optimizer([nn.Parameter(torch.zeros(1))], prm)
    assert type(optimizer) is kind
    [group] = optimizer.param_groups
    assert group["lr"] == 0.1
    assert (
        group.get("momentum", None) if kind is torch.optim.SGD else group["betas"][0]
    ) == momentum


def rates(optimizer, scheduler, epochs):
    for _ in range(epochs):
        optimizer.step()
        yield optimizer.param_groups[0]["lr"]
        scheduler.step()


def scheduled(epochs, **prm):
    optimizer = build_optimizer([nn.Parameter(torch.zeros(1))], {"lr": 1.0})
    return list(rates(optimizer, build_scheduler(optimizer, prm), epochs))


def test_the_cosine_schedule_falls_to_zero_over_its_epochs():
    factors = scheduled(5, scheduler="cosine", scheduler_epochs=4)
    assert factors == pytest.approx([(1 + math.cos(math.pi * k / 4)) / 2 for k in range(5)])


def test_one_cycle_equals_torchs_at_the_middle_of_each_epoch():
    optimizer = build_optimizer([nn.Parameter(torch.zeros(1))], {"lr": 1.0, "momentum": 0.9})
    # Each phase ends one step before its share of the total number of steps.
    steps, start = 2_000, 1e-9
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, steps, anneal_strategy="cos", div_factor=1 / start, cycle_momentum=False
    )
    falling = list(rates(optimizer, torchs, steps))[50::100]
    factors = scheduled(22, scheduler="onecycle", scheduler_epochs=20)
    assert factors[6:20] == pytest.approx(falling[6:], abs=2e-3)
    assert factors[:6] == pytest.approx([(k + 0.5) / 6 for k in range(6)])
    assert factors[20:] == factors[19:20] * 2


TEMPLATE = """
import torch
import torch.nn as nn


def supported_hyperparameters():
    return {'lr', 'momentum', 'dropout'}


class Net(nn.Module):

    def train_setup(self, prm):
        self.to(self.device)
        self.criteria = (nn.CrossEntropyLoss().to(self.device),)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm['lr'], momentum=prm['momentum'])

    def learn(self, train_data):
        for inputs, labels in train_data:
            inputs, labels = inputs.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            outputs = self(inputs)
            loss = self.criteria[0](outputs, labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 3)
            self.optimizer.step()

    def __init__(self, in_shape: tuple, out_shape: tuple, prm: dict, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.flat = nn.Flatten()
        self.dropout = nn.Dropout(prm['dropout'])
        self.out = nn.Linear(in_shape[1] * in_shape[2] * in_shape[3], out_shape[0])

    def forward(self, x):
        return self.out(self.dropout(self.flat(x)))
"""


def test_a_file_with_lemurs_template_runs_unmodified(tmp_path):
    file = tmp_path / "Foreign.py"
    file.write_text(TEMPLATE)
    db = str(tmp_path / "results.db")
    summary = run(
        "img-classification_blobs", net=str(file), trials=2, epochs=2, lr=0.1, momentum="0..1",
        dropout=0, db=db, in_process=True,
    )  # fmt: skip
    assert summary.exit_status == 0
    frame = data(db=db)
    assert set(frame["nn_code"]) == {TEMPLATE}
    # It returns no loss.
    assert frame["loss"].isna().all()
    assert all(prm["dropout"] == 0 for prm in frame["prm"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_weight_that_is_not_finite_is_detected(dtype, value):
    weights = torch.ones(5, dtype=dtype)
    net = torch.nn.ParameterList([torch.ones(2), weights, torch.ones(2, dtype=torch.complex64)])
    check_weights(net)
    with torch.no_grad():
        net[1][2] = value
    with pytest.raises(NotFiniteError, match="parameter 1 is not finite"):
        check_weights(net)


def test_infinities_of_opposite_sign_do_not_cancel_out():
    with pytest.raises(NotFiniteError):
        check_weights(torch.nn.ParameterList([torch.tensor([float("inf"), -float("inf")])]))


def test_finite_weights_may_have_an_infinite_sum():
    check_weights(torch.nn.ParameterList([torch.full((9,), 3e38)]))
    check_weights(torch.nn.ParameterList([]))
