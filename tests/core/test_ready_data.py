"""Datasets of inputs other than images: no normalisation, no transform, their own collate."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import Subset

from lemur_core import Entry, data
from lemur_core.campaign.run import campaign
from lemur_core.composition import compose
from lemur_core.errors import MisfitError
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.kinds.transform import Untouched, identity
from lemur_core.pattern import Pattern
from lemur_core.settings import Settings
from lemur_core.testing import PluginContract
from lemur_core.train.batches import batches

CPU = torch.device("cpu")
TASK = "txt-classification"


class Negated(nn.Module):
    def forward(self, images):
        return -images.float()


class NegatedPair(nn.Module):
    def pair(self, image, target):
        return -image.float(), -target


def both(samples):
    # A dataset in memory, and the same dataset read one sample at a time.
    return [samples, Subset(samples, range(len(samples)))]


@pytest.mark.parametrize("transform", [Negated(), NegatedPair()], ids=["whole", "pair"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_inputs_other_than_images_are_left_unchanged(dtype, transform):
    inputs = torch.arange(12, dtype=dtype).reshape(4, 3)
    for samples in both(InMemory(inputs, torch.arange(4))):
        [(loaded, targets)] = batches(samples, transform, 4, CPU, training=False)
        assert torch.equal(loaded, inputs)
        assert targets.tolist() == [0, 1, 2, 3]


def test_images_go_through_the_transform_in_memory_and_from_files():
    images = torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1)
    for samples in both(InMemory(images, torch.arange(4))):
        [(loaded, _)] = batches(samples, Negated(), 4, CPU, training=False)
        assert loaded.flatten().tolist() == [0, -1, -2, -3]


def test_a_dataset_can_collate_its_batches():
    from lemur_toy.texts import Sentences, padded

    [(loaded, targets)] = batches(Sentences(3), Untouched(None), 3, CPU, training=False,
                                 collate=padded)  # fmt: skip
    assert loaded.tolist() == [[1, 2, 0, 0], [4, 5, 6, 0], [1, 2, 3, 1]]
    assert targets.tolist() == [0, 1, 0]


def test_collated_batches_are_equal_in_memory_and_from_files():
    images = torch.arange(5, dtype=torch.uint8).reshape(5, 1, 1, 1)

    def doubled(samples):
        inputs, targets = zip(*samples, strict=True)
        return {"pixels": 2 * torch.stack(inputs)}, (torch.tensor(targets), len(samples))

    for samples in both(InMemory(images, torch.arange(5))):
        loaded = batches(samples, Negated(), 3, CPU, training=True, seed=3, collate=doubled)
        passed = [(batch["pixels"].flatten().tolist(), targets) for batch, targets in loaded]
        assert [count for _, (_, count) in passed] == [3, 2]
        for pixels, (targets, _) in passed:
            assert pixels == [-2 * target for target in targets.tolist()]
    orders = [
        [targets.tolist() for _, (targets, _) in batches(samples, Negated(), 3, CPU, training=True,
                                                         seed=3, collate=doubled)]
        for samples in both(InMemory(images, torch.arange(5)))
    ]  # fmt: skip
    assert orders[0] == orders[1]


def test_images_of_a_bundle_without_normalisation_are_left_unchanged():
    images = InMemory(torch.zeros(2, 3, 1, 1, dtype=torch.uint8), torch.arange(2))
    assert DataBundle(images, images, (2,), 0.5).scale == identity(3)
    texts = InMemory(torch.zeros(2, 3, dtype=torch.int64), torch.arange(2))
    assert DataBundle(texts, texts, (2,), 0.5).scale == identity(1)


def drawn(samples):
    inputs, targets = padded_batch(samples)
    return inputs + torch.randint(9, (1,)), targets


def alone(samples):
    return padded_batch(samples)[0]


def padded_batch(samples):
    from lemur_toy.texts import padded

    return padded(samples)


def _bundle(monkeypatch, collate):
    from lemur_toy import texts

    whole = texts.sentences(None, TASK)
    monkeypatch.setattr(texts, "sentences", lambda folder, task: replace(whole, collate=collate))
    return Entry("sentences", "lemur_toy.texts:sentences", (TASK,), ready=True)


@pytest.mark.parametrize(
    ("collate", "message"),
    [
        (drawn, "gives different batches for the same samples"),
        (alone, "gives Tensor; expected (inputs, targets)"),
        (lambda samples: padded_batch(samples), "cannot be sent to a process that loads samples"),
    ],
    ids=["draws", "gives no pair", "is a lambda"],
)
def test_the_contract_detects_invalid_batches(collate, message, monkeypatch, tmp_path):
    loader = _bundle(monkeypatch, collate)
    with pytest.raises((AssertionError, pytest.fail.Exception)) as raised:
        PluginContract().test_loader_makes_the_same_batch_twice(loader, tmp_path)
    assert f"loader 'sentences': collate {message}" in str(raised.value)


def test_a_loader_of_texts_meets_the_contract(tmp_path):
    loader = Entry("sentences", "lemur_toy.texts:sentences", (TASK,), ready=True)
    for name in dir(PluginContract):
        if name.startswith("test_loader_"):
            getattr(PluginContract(), name)(loader, tmp_path)


@pytest.fixture
def texts(toys):
    """Datasets, a metric and a net of a task that no plugin registers."""
    module = "lemur_toy.texts"
    entries = {
        "loader": [
            Entry("sentences", f"{module}:sentences", (TASK,), ready=True),
            Entry("pairs", f"{module}:in_memory", (TASK,), ready=True),
        ],
        "net": [Entry("Bag", module, (TASK,))],
        "metric": [Entry("hits2", "lemur_toy.data:Hits", (TASK,))],
    }
    for kind, kind_entries in entries.items():
        toys = toys.with_entries(f"texts-{kind}", kind, kind_entries)
    return toys


@pytest.mark.parametrize("dataset", ["sentences", "pairs"])
def test_a_net_of_texts_is_trained_and_recorded(dataset, texts, tmp_path):
    db = str(tmp_path / "r.db")
    settings = {"patterns": (f"{TASK}_{dataset}_hits2_Bag",), "trials": 1, "epochs": 3}
    more = {"prm": {"batch": 4}, "db": db, "in_process": True}
    summary = campaign(Settings.of(settings | more), texts, lambda event: None)
    assert summary.exit_status == 0
    rows = data(db=db)
    assert {prm["transform"] for prm in rows["prm"]} == {"none"}
    # Two words distinguish the classes, so a linear net learns them perfectly.
    assert rows["accuracy"].iloc[-1] == 1.0


def test_a_dataset_of_ready_inputs_accepts_no_other_transform(texts):
    with pytest.raises(MisfitError) as raised:
        compose(texts, [Pattern.parse(f"{TASK}_sentences_hits2_Bag")], ["plain"])
    assert str(raised.value) == (
        f"'{TASK}_sentences_hits2_Bag': nets receive the inputs of dataset 'sentences' "
        "unchanged; use transform 'none', or name no transform"
    )
    for transforms in ([], ["*"], ["none"]):
        [pipeline] = compose(texts, [Pattern.parse(f"{TASK}_pairs_hits2_Bag")], transforms)
        assert [*pipeline.transforms] == ["none"]


def test_images_are_left_unchanged_on_request(toys):
    pattern = [Pattern.parse("img-classification_blobs_hits_Linear")]
    assert "none" not in compose(toys, pattern)[0].transforms
    assert [*compose(toys, pattern, ["*"])[0].transforms] == ["plain", "double"]
    assert [*compose(toys, pattern, ["none"])[0].transforms] == ["none"]
