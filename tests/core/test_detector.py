"""The base class of detectors: the objects that they learn from, and the sum of their losses."""

import math

import pytest
import torch
from torch import nn

from lemur_core.kinds.detector import Detector, to_learn
from lemur_core.kinds.net import TRAINING
from lemur_core.space import net_space
from lemur_core.values import smallest

CPU = torch.device("cpu")


def objects(*boxes, **more):
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.arange(1, len(boxes) + 1),
        **more,
    }


class Toy(Detector):
    """Learns a number; its losses are the squared distances to 1 and to the number of objects."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.number = nn.Parameter(torch.zeros(()))
        self.seen = []

    def losses(self, images, targets):
        self.seen.append(targets)
        count = sum(len(target["labels"]) for target in targets)
        return {"one": (self.number - 1) ** 2, "count": (self.number - count) ** 2}

    def detections(self, images):
        return [objects() for _ in images]


def toy(**given):
    weights = {"one_weight": 1.0, "count_weight": 1.0}
    prm = smallest(net_space(TRAINING)) | {"lr": 0.1, "momentum": 0.0} | weights | given
    net = Toy((1, 3, 8, 8), (4,), prm, CPU)
    net.train_setup(prm)
    return net


def test_crowds_are_not_learned_from():
    target = objects((0, 0, 2, 2), (1, 1, 3, 3), iscrowd=torch.tensor([1, 0]))
    learned = to_learn(target, CPU)
    assert learned["boxes"].tolist() == [[1, 1, 3, 3]]
    assert learned["labels"].tolist() == [2]


@pytest.mark.parametrize(
    "box", [(1, 1, 1, 3), (1, 3, 2, 3), (2, 0, 1, 3), (0, 0, math.inf, 1), (math.nan, 0, 1, 1)]
)
def test_boxes_without_a_finite_area_are_not_learned_from(box):
    assert to_learn(objects(box, (0, 0, 4, 2)), CPU)["labels"].tolist() == [2]


def test_masks_are_selected_with_their_objects():
    masks = torch.stack([torch.zeros(4, 4), torch.ones(4, 4)]).to(torch.uint8)
    target = objects((0, 0, 0, 0), (0, 0, 4, 4), masks=masks, area=torch.ones(2), image_id=7)
    learned = to_learn(target, CPU)
    assert set(learned) == {"boxes", "labels", "masks"}
    assert learned["masks"].tolist() == [[[1] * 4] * 4]


def test_bounding_boxes_of_torchvision_become_plain_tensors():
    tv_tensors = pytest.importorskip("torchvision.tv_tensors")
    target = objects((0, 0, 2, 2))
    target["boxes"] = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=(8, 8))
    # Even if torchvision is set to preserve the type.
    with tv_tensors.set_return_type("TVTensor"):
        assert type(to_learn(target, CPU)["boxes"]) is torch.Tensor


def test_losses_are_weighted_by_hyperparameters():
    net = toy(one_weight=0.5, count_weight=3.0)
    images, targets = torch.zeros(2, 3, 8, 8), [objects((0, 0, 1, 1)), objects((0, 0, 2, 2))]
    # At 0, the distance to 1 is 1 and the distance to the two objects is 2.
    assert net.batch_loss(images, targets).item() == pytest.approx(0.5 * 1 + 3 * 4)


def test_an_epoch_returns_the_mean_loss_of_its_images():
    # With a learning rate of 0, the losses are 1 + 1 for three images and 1 + 4 for two.
    net = toy(lr=0.0)
    batches = [
        (torch.zeros(3, 3, 8, 8), [objects((0, 0, 1, 1)), objects(), objects()]),
        (torch.zeros(2, 3, 8, 8), [objects((0, 0, 1, 1)), objects((0, 0, 1, 1))]),
    ]
    assert net.learn(batches) == pytest.approx((3 * 2 + 2 * 5) / 5)


def test_gradients_are_clipped():
    # The gradient at 0 is -2 * 100; clipped to 3, a learning rate of 0.1 gives a step of 0.3.
    net = toy(one_weight=100.0, count_weight=0.0)
    net.learn([(torch.zeros(1, 3, 8, 8), [objects()])])
    assert net.number.item() == pytest.approx(0.3, abs=1e-4)


def test_a_detector_returns_detections_without_targets_and_losses_with_them():
    net = toy().eval()
    images = torch.zeros(2, 3, 8, 8)
    assert len(net(images)) == 2
    assert set(net(images, [objects(), objects()])) == {"one", "count"}
