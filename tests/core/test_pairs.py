"""Targets that are transformed together with their image."""

import pytest
import torch
from torch import nn

from lemur_core.errors import PatternError
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.kinds.transform import Normalisation
from lemur_core.restriction import Restriction
from lemur_core.train.batches import batches
from lemur_core.train.restrict import restrict, targets_of

CPU = torch.device("cpu")


class Mirrored(nn.Module):
    """Mirror image and mask in training, either always or never."""

    def pair(self, image, target):
        if not self.training:
            return image.float(), target
        return image.float().flip(-1), target if isinstance(target, dict) else target.flip(-1)


class Listed:
    """Samples read one at a time; ``read`` counts the reads."""

    def __init__(self, images, targets):
        self.images, self.targets_, self.read = images, targets, 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.read += 1
        return self.images[index], self.targets_[index]


def scenes(count=7):
    """Images whose mask equals their only channel, with distinct pixels in each row."""
    masks = torch.arange(count * 6).reshape(count, 2, 3)
    return masks.to(torch.uint8)[:, None], masks


@pytest.mark.parametrize("kind", [InMemory, Listed])
@pytest.mark.parametrize("training", [True, False])
def test_a_mask_is_moved_with_its_image(kind, training):
    images, masks = scenes()
    loaded = list(batches(kind(images, masks), Mirrored(), 3, CPU, training=training))
    assert [len(inputs) for inputs, _ in loaded] == ([3, 3] if training else [3, 3, 1])
    for inputs, targets in loaded:
        assert inputs.dtype == torch.float32
        assert targets.dtype == torch.int64
        assert torch.equal(inputs[:, 0].long(), targets)
    rows = torch.cat([targets for _, targets in loaded])
    order = rows[:, :, 0] > rows[:, :, 2]
    assert order.all() if training else not order.any()


def test_objects_are_a_list_with_one_dictionary_for_each_image():
    images, _ = scenes(5)
    objects = [
        {"boxes": torch.zeros(count, 4), "labels": torch.arange(count), "image_id": count}
        for count in range(5)
    ]
    [(inputs, targets)] = batches(Listed(images, objects), Mirrored(), 5, CPU, training=False)
    assert inputs.shape == (5, 1, 2, 3)
    assert [len(objects["labels"]) for objects in targets] == [0, 1, 2, 3, 4]
    assert [objects["image_id"] for objects in targets] == [0, 1, 2, 3, 4]


def bundle(kind):
    train, test = kind(*scenes(9)), kind(*scenes(4))
    return DataBundle(train, test, (54,), 0.25, Normalisation((0.5,), (0.5,)))


@pytest.mark.parametrize("kind", [InMemory, Listed])
def test_samples_cannot_be_selected_by_masks(kind):
    part = restrict(bundle(kind), Restriction(samples=5), "toy")
    assert len(part.train) == 5
    assert part.chance == 0.25
    with pytest.raises(PatternError, match="its targets are not classes, so none can be selected"):
        restrict(bundle(kind), Restriction(classes=2), "toy")


def test_one_mask_is_read_to_find_that_targets_are_not_classes():
    samples = Listed(*scenes())
    assert targets_of(samples) is None
    assert samples.read == 1
