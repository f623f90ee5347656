"""A small FCOS, which a CPU trains in minutes: residual blocks, two resolutions, short towers.

Tian, Shen, Chen, He: FCOS: A Simple and Strong Anchor-Free Object Detector, TPAMI 2022. Kept: no
anchors; of an object the places about its centre learn, and how central each is, which beside the
class's probability is its score; boxes learn by generalised overlap, their distances through an
exponential. Changed: a backbone of three residual blocks, whose maps at strides of 8 and 16 pixels
are joined from above and have 64 channels; two convolutions in each tower; each object is of the
resolution of its longer side, so that for images of 128 pixels both are used.
543,451 parameters for 3 channels and 6 classes.
"""

import math
from collections import OrderedDict

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad
from torchvision.models.detection._utils import BoxLinearCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import (
    FeaturePyramidNetwork,
    batched_nms,
    box_area,
    clip_boxes_to_image,
    generalized_box_iou_loss,
    sigmoid_focal_loss,
)

from lemur_core.kinds.detector import Detector
from lemur_core.kinds.net import TRAINING

# Channels and blocks of the stages of strides 4, 8 and 16.
STAGES = ((32, 1), (64, 1), (128, 1))
STRIDES = (8, 16)
CHANNELS = 64
# What is said of each place and class before anything is learned: most are background.
PRIOR = 0.01


def supported_hyperparameters():
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-3..4e-3 log",
        "batch": "2^3..2^5",
        "momentum": 0.9,
        "weight_decay": 0.01,
        "bn_momentum": 0.1,
        # Longer side, in pixels, from which objects are of the coarser resolution.
        "coarse_from": 40.0,
        # Strides that a place may be from an object's centre, across and down, to learn it.
        "center_sampling_radius": 1.5,
        # Overlap of two detections of which the better one stays.
        "nms_thresh": 0.6,
        "score_thresh": 0.05,
        # Of each resolution, and in all.
        "topk_candidates": 300,
        "detections_per_img": 100,
        "focal_alpha": 0.25,
        "focal_gamma": 2.0,
        "classification_weight": 1.0,
        "bbox_regression_weight": 1.0,
        "bbox_ctrness_weight": 1.0,
    }


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, projected where the shape changes."""

    def __init__(self, channels_in, channels, stride, bn_momentum):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels, momentum=bn_momentum)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels, momentum=bn_momentum)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.downsample.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(channels, momentum=bn_momentum))

    def forward(self, x):
        branch = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(branch)) + self.downsample(x))


class Pyramid(nn.Module):
    """The maps of the last two stages, the coarse one added to the fine one."""

    def __init__(self, channels_in, bn_momentum):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels_in, 16, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(16, momentum=bn_momentum),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleList()
        channels = 16
        for width, blocks in STAGES:
            stage = nn.Sequential(Block(channels, width, 2, bn_momentum))
            for _ in range(blocks - 1):
                stage.append(Block(width, width, 1, bn_momentum))
            self.stages.append(stage)
            channels = width
        self.fpn = FeaturePyramidNetwork([width for width, _ in STAGES[1:]], CHANNELS)

    def forward(self, x):
        coarse, *fine = self.stages
        x = coarse(self.stem(x))
        maps = OrderedDict()
        for stride, stage in zip(STRIDES, fine, strict=True):
            maps[str(stride)] = x = stage(x)
        # Of lower precision are layers only, no boxes.
        return [each.float() for each in self.fpn(maps).values()]


def tower():
    convs = nn.Sequential()
    for _ in range(2):
        convs.append(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False))
        convs.append(nn.GroupNorm(8, CHANNELS))
        convs.append(nn.ReLU(inplace=True))
    return convs


def score(channels, bias=0.0):
    conv = nn.Conv2d(CHANNELS, channels, 3, padding=1)
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.constant_(conv.bias, bias)
    return conv


def by_place(maps):
    """Return (batch, places, columns) of all maps (batch, columns, height, width)."""
    return torch.cat([each.flatten(2).mT for each in maps], dim=1).float()


class ClassificationHead(nn.Module):
    """How probable each class is at each place, as logits."""

    def __init__(self, classes):
        super().__init__()
        self.conv = tower()
        self.cls_logits = score(classes, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, maps):
        return by_place([self.cls_logits(self.conv(each)) for each in maps])


class RegressionHead(nn.Module):
    """How far the sides of the object are from each place, and how central that is, a logit."""

    def __init__(self):
        super().__init__()
        self.conv = tower()
        # Before anything is learned, objects are four strides wide.
        self.bbox_reg, self.bbox_ctrness = score(4, math.log(2)), score(1)

    def forward(self, maps):
        seen = [self.conv(each) for each in maps]
        # No side is farther than a thousand strides.
        distances = by_place([self.bbox_reg(each) for each in seen]).clamp(max=7).exp()
        return distances, by_place([self.bbox_ctrness(each) for each in seen])[..., 0]


class Net(Detector):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.backbone = Pyramid(in_shape[1], prm["bn_momentum"])
        # A square about each place, whose side is the unit of its distances.
        self.places = AnchorGenerator(tuple((stride,) for stride in STRIDES), ((1.0,),) * 2)
        self.head = nn.ModuleDict(
            {
                "classification_head": ClassificationHead(out_shape[0]),
                "regression_head": RegressionHead(),
            }
        )
        self.coder = BoxLinearCoder(normalize_by_size=True)
        self.coarse_from, self.radius = prm["coarse_from"], prm["center_sampling_radius"]
        self.alpha, self.gamma = prm["focal_alpha"], prm["focal_gamma"]
        self.score_thresh, self.nms_thresh = prm["score_thresh"], prm["nms_thresh"]
        self.candidates, self.most = prm["topk_candidates"], prm["detections_per_img"]

    def losses(self, images, targets):
        logits, distances, central, places, sizes = self._heads(images)
        rows = torch.stack([self._matched(places, each["boxes"], sizes) for each in targets])
        is_object = rows >= 0
        # Where there is no object, the last row will do, which is none's.
        labels = torch.stack(
            [pad(each["labels"], (0, 1))[row] for each, row in zip(targets, rows, strict=True)]
        )
        boxes = torch.stack(
            [pad(each["boxes"], (0, 0, 0, 1))[row] for each, row in zip(targets, rows, strict=True)]
        )
        labels, boxes = labels[is_object], boxes[is_object]
        places = places.expand(len(images), -1, -1)[is_object]
        truth = torch.zeros_like(logits)
        truth[is_object, labels] = 1
        predicted = self.coder.decode(distances[is_object], places)
        losses = {
            "classification": sigmoid_focal_loss(logits, truth, self.alpha, self.gamma).sum(),
            "bbox_regression": generalized_box_iou_loss(predicted, boxes).sum(),
            "bbox_ctrness": binary_cross_entropy_with_logits(
                central[is_object], centrality(self.coder.encode(places, boxes)), reduction="sum"
            ),
        }
        count = is_object.sum().clamp(min=1)
        return {name: each / count for name, each in losses.items()}

    def detections(self, images):
        logits, distances, central, places, sizes = self._heads(images)
        # Column 0 is the background's, which is never found.
        scores = (logits.sigmoid() * central.sigmoid()[..., None]).sqrt()[..., 1:]
        size = images.shape[-2:]
        return [
            self._best(each.split(sizes), far.split(sizes), places.split(sizes), size)
            for each, far in zip(scores, distances, strict=True)
        ]

    def _heads(self, images):
        maps = self.backbone(images)
        listed = ImageList(images[:1], [tuple(images.shape[-2:])])
        # Of each image they are the same.
        [places] = self.places(listed, maps)
        sizes = [each.shape[-2] * each.shape[-1] for each in maps]
        distances, central = self.head["regression_head"](maps)
        return self.head["classification_head"](maps), distances, central, places, sizes

    def _matched(self, places, boxes, sizes):
        """Return the object that each place learns, int64, -1 for none."""
        if len(boxes) == 0:
            return torch.full((len(places),), -1, device=places.device)
        unit = places[:, 2] - places[:, 0]
        middle, centre = ((each[:, :2] + each[:, 2:]) / 2 for each in (places, boxes))
        off = (middle[:, None] - centre).abs().amax(2)
        sides = torch.cat([middle[:, None] - boxes[:, :2], boxes[:, 2:] - middle[:, None]], dim=2)
        is_coarse = torch.arange(len(places), device=places.device) >= sizes[0]
        longer = (boxes[:, 2:] - boxes[:, :2]).amax(1)
        suits = (off < self.radius * unit[:, None]) & (sides.amin(2) > 0)
        suits &= is_coarse[:, None] == (longer >= self.coarse_from)
        # Of several objects a place learns the smallest.
        area, row = torch.where(suits, box_area(boxes), math.inf).min(1)
        return torch.where(area.isfinite(), row, -1)

    def _best(self, scores, distances, places, size):
        """Return the objects of one image, given what is said of it at each resolution."""
        levels = zip(scores, distances, places, strict=True)
        boxes, scores, labels = map(torch.cat, zip(*map(self._candidates, levels), strict=True))
        boxes = clip_boxes_to_image(boxes, size)
        kept = batched_nms(boxes, scores, labels, self.nms_thresh)[: self.most]
        return {"boxes": boxes[kept], "labels": labels[kept], "scores": scores[kept]}

    def _candidates(self, level):
        scores, distances, places = level
        classes = scores.shape[1]
        scores, where = scores.flatten().topk(min(self.candidates, scores.numel()))
        where = where[scores > self.score_thresh]
        rows = where // classes
        boxes = self.coder.decode(distances[rows], places[rows])
        return boxes, scores[: len(where)], where % classes + 1


def centrality(distances):
    """Return how central places are, 0 to 1, given the distances of the sides, (n, 4)."""
    across, down = distances[:, 0::2], distances[:, 1::2]
    shares = [each.amin(1) / each.amax(1) for each in (across, down)]
    return (shares[0] * shares[1]).sqrt()
