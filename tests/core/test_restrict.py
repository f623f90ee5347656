"""Restricting datasets to some classes and samples."""

from dataclasses import replace

import pytest
import torch
from torch.utils.data import Subset

from lemur_core.chosen_classes import chosen_classes
from lemur_core.errors import LabelError, MisfitError, PatternError
from lemur_core.kinds.loader import DataBundle, InMemory, Normalisation
from lemur_core.restriction import Restriction
from lemur_core.train.restrict import restrict, targets_of

# Class 0 has 60 samples, class 1 has 30, class 2 has 10.
TARGETS = torch.tensor([0, 1, 0, 2, 0, 1, 0, 0, 1, 0] * 10)


class Listed:
    """Samples read one at a time; the reads are counted."""

    def __init__(self, samples):
        self.samples, self.targets, self.reads = samples, samples.targets.tolist(), 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.reads += 1
        return self.samples[index]


def samples():
    """Images whose only pixel is their index."""
    return InMemory(torch.arange(100, dtype=torch.uint8)[:, None, None, None], TARGETS)


def bundle(kind=lambda samples: samples, **options):
    train, test = kind(samples()), kind(samples())
    return DataBundle(train, test, (3,), 0.6, Normalisation((0.5,), (0.25,)), **options)


def contents(split):
    return [(int(image), int(target)) for image, target in (split[i] for i in range(len(split)))]


KINDS = [lambda samples: samples, Listed, lambda samples: Subset(Listed(samples), range(100))]


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_a_part_in_which_each_class_keeps_its_share(kind):
    part = restrict(bundle(kind), Restriction(samples=20), "toy")
    pairs = contents(part.train)
    assert len(pairs) == len(set(pairs)) == 20
    assert set(pairs) < set(contents(samples()))
    targets = torch.tensor([target for _, target in pairs])
    assert torch.bincount(targets).tolist() == [12, 6, 2]
    assert len(part.test) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_smaller_subsets_are_nested_and_depend_on_the_seed(kind):
    def selected(**limits):
        return set(contents(restrict(bundle(kind), Restriction(**limits), "toy").train))

    assert selected(samples=10) < selected(samples=20) < selected(samples=21)
    assert selected(samples=20) == selected(samples=20)
    assert selected(samples=20) != selected(samples=20, seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_selected_classes_are_complete_and_renumbered_in_order(kind):
    part = restrict(bundle(kind), Restriction(classes=2), "toy")
    assert part.out_shape == (2,)
    pairs = {(int(TARGETS[image]), target) for image, target in contents(part.train)}
    olds = sorted(old for old, _ in pairs)
    assert pairs == set(zip(olds, (0, 1), strict=True))
    count = int(torch.isin(TARGETS, torch.tensor(olds)).sum())
    assert len(part.train) == len(part.test) == count
    share = max((old == TARGETS).sum().item() for old in olds) / count
    assert part.chance == pytest.approx(share)


def test_different_seeds_choose_different_classes():
    chosen = {
        tuple(sorted({int(TARGETS[image]) for image, _ in contents(part.train)}))
        for seed in range(20)
        for part in [restrict(bundle(), Restriction(classes=2, seed=seed), "toy")]
    }
    assert chosen == {(0, 1), (0, 2), (1, 2)}


@pytest.mark.parametrize("seed", [0, 1, 17, 2**40 + 3])
@pytest.mark.parametrize(("classes", "count"), [(10, 2), (10, 10), (1000, 100), (3, 2)])
def test_the_chosen_classes_are_the_first_of_a_random_permutation(classes, count, seed):
    order = torch.randperm(classes, generator=torch.Generator().manual_seed(seed))
    assert chosen_classes(classes, count, seed) == sorted(order[:count].tolist())


def test_chosen_classes_are_nested():
    assert {*chosen_classes(1000, 10)} < {*chosen_classes(1000, 100)} < {*range(1000)}


@pytest.mark.parametrize("kind", KINDS)
def test_chosen_classes_keep_their_names_or_their_numbers_in_all_splits(kind):
    named = restrict(
        bundle(kind, class_names=("ant", "bee", "cat"), validation=kind(samples())),
        Restriction(classes=2, seed=1),
        "toy",
    )
    numbered = restrict(bundle(kind), Restriction(classes=2, seed=1), "toy")
    assert numbered.class_names == tuple(str(["ant", "bee", "cat"].index(name))
                                         for name in named.class_names)  # fmt: skip
    for split in (named.train, named.validation, named.test):
        for image, target in contents(split):
            assert named.class_names[target] == ("ant", "bee", "cat")[TARGETS[image]]


@pytest.mark.parametrize("kind", KINDS)
def test_balanced_cuts_the_largest_class_of_the_training_split_only(kind):
    whole = bundle(kind, validation=kind(samples()), class_names=("ant", "bee", "cat"))
    part = restrict(whole, Restriction(balanced=True), "toy")
    assert torch.bincount(targets_of(part.train)).tolist() == [30, 30, 10]
    assert set(contents(part.train)) < set(contents(samples()))
    assert contents(part.test) == contents(part.validation) == contents(samples())
    assert part.class_names == whole.class_names
    again = restrict(whole, Restriction(balanced=True), "toy")
    assert contents(again.train) == contents(part.train)
    others = restrict(whole, Restriction(balanced=True, seed=1), "toy")
    assert contents(others.train) != contents(part.train)


def test_classes_are_chosen_before_they_are_balanced_and_samples_after():
    # Of 30 and 10 samples.
    two = Restriction(classes=2, seed=1)
    assert chosen_classes(3, 2, 1) == [1, 2]
    cut = restrict(bundle(), replace(two, balanced=True), "toy")
    assert torch.bincount(targets_of(cut.train)).tolist() == [10, 10]
    few = restrict(bundle(), replace(two, balanced=True, samples=6), "toy")
    assert torch.bincount(targets_of(few.train)).tolist() == [3, 3]
    assert set(contents(few.train)) < set(contents(cut.train))
    with pytest.raises(PatternError, match="has 20 samples; ask for no more"):
        restrict(bundle(), replace(two, balanced=True, samples=21), "toy")


def test_classes_of_one_size_are_balanced():
    even = InMemory(torch.zeros(6, 1, 1, 1, dtype=torch.uint8), torch.tensor([0, 1, 2] * 2))
    whole = DataBundle(even, even, (3,), 1 / 3, Normalisation((0.5,), (0.25,)))
    assert len(restrict(whole, Restriction(balanced=True), "toy").train) == 6


def test_only_labels_that_are_classes_can_be_balanced():
    wrong = InMemory(torch.zeros(3, 1, 1, 1, dtype=torch.uint8), torch.tensor([0, 1, 7]))
    whole = replace(bundle(), train=wrong)
    with pytest.raises(LabelError, match="is of class 7; expected 0 to 2"):
        restrict(whole, Restriction(balanced=True), "toy")


def test_values_that_are_not_classes_cannot_be_balanced():
    values = InMemory(torch.zeros(3, 1, 1, 1, dtype=torch.uint8), torch.tensor([0.5, 1, 2]))
    with pytest.raises(PatternError, match="its targets are not classes"):
        restrict(replace(bundle(), train=values), Restriction(balanced=True), "toy")


def test_an_empty_training_split_is_balanced():
    empty = InMemory(torch.zeros(0, 1, 1, 1, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
    whole = replace(bundle(), train=empty)
    assert len(restrict(whole, Restriction(balanced=True), "toy").train) == 0


def test_a_loaders_validation_split_loses_the_same_classes():
    part = restrict(bundle(validation=samples()), Restriction(classes=2, samples=10), "toy")
    assert len(part.validation) == len(part.test)
    assert set(targets_of(part.validation).tolist()) == {0, 1}


def test_fewer_test_samples_are_selected_on_request():
    part = restrict(bundle(), Restriction(test=10), "toy")
    assert (len(part.train), len(part.test)) == (100, 10)
    assert torch.bincount(targets_of(part.test)).tolist() == [6, 3, 1]


def test_samples_with_known_targets_are_selected_without_reading():
    whole = bundle(Listed)
    restrict(whole, Restriction(classes=2, samples=10, test=5), "toy")
    assert whole.train.reads == whole.test.reads == 0


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"samples": 101}, "its training split has 100 samples; ask for no more"),
        ({"test": 101}, "its test split has 100 samples; ask for no more"),
        ({"classes": 4}, "it has 3 classes; ask for no more"),
    ],
)
def test_a_subset_larger_than_the_dataset_is_an_error(limits, message):
    with pytest.raises(PatternError) as caught:
        restrict(bundle(), Restriction(**limits), "toy")
    assert str(caught.value) == f"dataset 'toy': {message}"


def test_classes_of_a_dataset_without_classes_cannot_be_selected():
    boxes = [(torch.zeros(1, 1, 1, dtype=torch.uint8), torch.zeros(3, 4))] * 5
    whole = DataBundle(boxes, boxes, (3,), 0.0, Normalisation((0.5,), (0.25,)))
    with pytest.raises(PatternError, match="its targets are not classes, so none can be selected"):
        restrict(whole, Restriction(classes=2), "toy")
    with pytest.raises(PatternError, match="its targets are not classes, so they cannot be balan"):
        restrict(whole, Restriction(balanced=True), "toy")
    assert len(restrict(whole, Restriction(samples=3), "toy").train) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_samples_that_are_only_scored_join_the_validation_split(kind):
    whole = bundle(kind, scored_only=kind(samples()))
    held_out = whole.held_out()
    assert (len(held_out.train), len(held_out.validation), len(held_out.test)) == (90, 20, 100)
    assert held_out.held_out() is held_out
    # Their number stays proportional to that of the training samples.
    part = restrict(whole, Restriction(samples=20), "toy").held_out()
    assert (len(part.train), len(part.validation)) == (18, 4)
    part = restrict(whole, Restriction(samples=50, classes=2), "toy").held_out()
    assert {target for _, target in contents(part.validation)} <= {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_the_share_for_validation_can_be_chosen(kind):
    whole = bundle(kind)
    shares = {share: whole.held_out("toy", share) for share in (None, 0.1, 0.2, 0.001)}
    sizes = {share: (len(bundle.train), len(bundle.validation)) for share, bundle in shares.items()}
    assert sizes == {None: (90, 10), 0.1: (90, 10), 0.2: (80, 20), 0.001: (99, 1)}
    held = {
        share: {image for image, _ in contents(bundle.validation)}
        for share, bundle in shares.items()
    }
    assert held[0.001] < held[None] == held[0.1] < held[0.2]
    assert not held[0.2] & {image for image, _ in contents(shares[0.2].train)}


def test_a_share_for_validation_is_taken_of_the_selected_samples():
    part = restrict(bundle(), Restriction(samples=50, validation=0.2), "toy").held_out("toy", 0.2)
    assert (len(part.train), len(part.validation)) == (40, 10)


def test_a_share_for_validation_needs_samples_and_no_other_validation_split():
    with pytest.raises(MisfitError) as caught:
        bundle(validation=samples()).held_out("toy", 0.2)
    assert str(caught.value) == (
        "dataset 'toy': it has a validation split of its own; leave out validation=0.2"
    )
    few = restrict(bundle(), Restriction(samples=3), "toy")
    with pytest.raises(MisfitError) as caught:
        few.held_out("toy", 0.9)
    assert str(caught.value) == (
        "dataset 'toy': validation=0.9 leaves none of 3 training samples; use a smaller share"
    )
