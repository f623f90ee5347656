"""Detectors with one fault each; a class stands for a net's module."""

import torch
from torch import nn

from lemur_core.kinds.detector import Detector
from lemur_core.kinds.net import TRAINING


class Good(Detector):
    """Detects one object in each image, with box and score linear in the mean features."""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.conv = nn.Conv2d(in_shape[1], 4, 3)
        self.place, self.score = nn.Linear(4, 4), nn.Linear(4, 1)

    def means(self, images):
        return self.conv(images).mean((2, 3))

    def boxes(self, images):
        parts = images.shape[-1] / 2 * self.place(self.means(images)).sigmoid()
        return torch.cat([parts[:, :2], parts[:, :2] + parts[:, 2:]], 1)

    def detected(self, images):
        scores = self.score(self.means(images)).sigmoid()
        label = torch.ones(1, dtype=torch.int64)
        return [
            (box[None], label, score) for box, score in zip(self.boxes(images), scores, strict=True)
        ]

    def detections(self, images):
        names = ("boxes", "labels", "scores")
        return [dict(zip(names, parts, strict=True)) for parts in self.detected(images)]

    def losses(self, images, targets):
        true = torch.stack([target["boxes"].sum(0) for target in targets])
        there = torch.tensor([[float(len(target["boxes"]) > 0)] for target in targets])
        return {
            "place": (self.boxes(images) - true).square().mean(),
            "score": (self.score(self.means(images)).sigmoid() - there).square().mean(),
        }


class Module:
    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"place_weight": 1.0, "score_weight": 1.0}


class finds_in_all_at_once(Module):
    class Net(Good):
        def detections(self, images):
            return super().detections(images)[0]


class finds_in_some(Module):
    class Net(Good):
        def detections(self, images):
            return super().detections(images)[:1]


class finds_pairs(Module):
    class Net(Good):
        def detections(self, images):
            return self.detected(images)


class finds_without_scores(Module):
    class Net(Good):
        def detections(self, images):
            return [{"boxes": box, "labels": label} for box, label, _ in self.detected(images)]


class finds_more_boxes_than_labels(Module):
    class Net(Good):
        def detected(self, images):
            return [(box.repeat(2, 1), *rest) for box, *rest in super().detected(images)]


class finds_outside(Module):
    class Net(Good):
        def detected(self, images):
            return [(box - 40, *rest) for box, *rest in super().detected(images)]


class finds_by_centre(Module):
    class Net(Good):
        def detected(self, images):
            return [(box[:, [2, 3, 0, 1]], *rest) for box, *rest in super().detected(images)]


class finds_unknown_class(Module):
    class Net(Good):
        def detected(self, images):
            return [(box, label + 9, score) for box, label, score in super().detected(images)]


class finds_more_than_surely(Module):
    class Net(Good):
        def detected(self, images):
            return [(box, label, score + 1) for box, label, score in super().detected(images)]


class no_losses(Module):
    class Net(Good):
        def forward(self, images, targets=None):
            if targets is None:
                return self.detections(images)
            return list(self.losses(images, targets).values())

        def batch_loss(self, inputs, targets):
            return torch.stack(self(inputs, targets)).sum()

    @staticmethod
    def supported_hyperparameters():
        return TRAINING


class unlearned_score(Module):
    class Net(Good):
        def losses(self, images, targets):
            return {"place": super().losses(images, targets)["place"]}

    @staticmethod
    def supported_hyperparameters():
        return TRAINING | {"place_weight": 1.0}


class finds_at_random(Module):
    class Net(Good):
        def __init__(self, in_shape, out_shape, prm, device):
            super().__init__(in_shape, out_shape, prm, device)
            self.threshold = prm["threshold"]

        def detected(self, images):
            detections = super().detected(images)
            if self.threshold > 0.9:
                return [(box[:0], label[:0], score[:0]) for box, label, score in detections]
            return [(box, label, torch.rand(1)) for box, label, _ in detections]

    @staticmethod
    def supported_hyperparameters():
        return Module.supported_hyperparameters() | {"threshold": "0.01..1.99"}


class losses_elsewhere(Module):
    class Net(Good):
        seen = 0

        def learn(self, train_data):
            self.seen += 1
            return super().learn(train_data)

        def losses(self, images, targets):
            return {
                name: loss + self.seen for name, loss in super().losses(images, targets).items()
            }
