"""RetinaNet on ResNet-50 with a feature pyramid: anchors are told apart densely, by focal loss.

Lin, Goyal, Girshick, He, Dollár: Focal Loss for Dense Object Detection, ICCV 2017 (section 4).
Kept: nine anchors at each place of five resolutions, two towers of four convolutions that all
share. Changed: the convolutions of the towers are each followed by group normalisation; the two
coarsest maps are made of the pyramid's and not of the backbone's; boxes learn by their distance
and not its smoothed form; each image's objects count as much as any other's; batch normalisation
is trained, for the backbone starts from nothing.
32,306,842 parameters for 3 channels and 6 classes.
"""

import math
from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torch.nn.functional import l1_loss, pad
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import (
    Conv2dNormActivation,
    FeaturePyramidNetwork,
    batched_nms,
    box_iou,
    clip_boxes_to_image,
    sigmoid_focal_loss,
)
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from lemur_core.kinds.detector import Detector
from lemur_core.kinds.net import TRAINING
from lemur_core.kinds.pretrained import load_backbone

# torchvision's weights of ImageNet.
WEIGHTS = "resnet50-0676ba61.pth"
# Of each stage: width within, blocks, stride.
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
# Sides of the least anchors at strides of 8, 16, 32, 64 and 128 pixels; others are so many times
# as large.
ANCHORS = (32, 64, 128, 256, 512)
OCTAVE = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
CHANNELS = 256
# What is said of each anchor and class before anything is learned: most are background.
PRIOR = 0.01


def supported_hyperparameters():
    return TRAINING | {
        "lr": "1e-3..3e-2 log",
        "batch": "2^1..2^4",
        "bn_momentum": 0.1,
        "pretrained": 0,
        # Factor of the anchors' sides; beside squares they are so many times as high as wide, and
        # as wide as high.
        "anchor_scale": 1.0,
        "anchor_ratio": 2.0,
        # Overlaps with an object from which an anchor is one, and below which it is none.
        "fg_iou_thresh": 0.5,
        "bg_iou_thresh": 0.4,
        # Overlap of two detections of which the better one stays.
        "nms_thresh": 0.5,
        "score_thresh": 0.05,
        # Of each resolution, and in all.
        "topk_candidates": 1000,
        "detections_per_img": 300,
        "focal_alpha": 0.25,
        "focal_gamma": 2.0,
        "classification_weight": 1.0,
        "bbox_regression_weight": 1.0,
    }


class Bottleneck(nn.Module):
    """Narrow, convolve, widen four times; beside a shortcut, projected where the shape changes."""

    def __init__(self, channels_in, width, stride, bn_momentum):
        super().__init__()
        channels = 4 * width
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, momentum=bn_momentum)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width, momentum=bn_momentum)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels, momentum=bn_momentum)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.downsample.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(channels, momentum=bn_momentum))

    def forward(self, x):
        branch = self.relu(self.bn1(self.conv1(x)))
        branch = self.relu(self.bn2(self.conv2(branch)))
        return self.relu(self.bn3(self.conv3(branch)) + self.downsample(x))


def resnet(channels_in, bn_momentum):
    """Return the backbone; its parts are named as those of the weights."""
    parts = OrderedDict(
        conv1=nn.Conv2d(channels_in, 64, 7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(64, momentum=bn_momentum),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    channels = 64
    for number, (width, blocks, stride) in enumerate(STAGES, 1):
        stage = nn.Sequential(Bottleneck(channels, width, stride, bn_momentum))
        channels = 4 * width
        for _ in range(blocks - 1):
            stage.append(Bottleneck(channels, width, 1, bn_momentum))
        parts[f"layer{number}"] = stage
    body = nn.Sequential(parts)
    for module in body.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return body


class Pyramid(nn.Module):
    """The maps of the last three stages, those above added, and two more of the last."""

    def __init__(self, channels_in, bn_momentum):
        super().__init__()
        self.body = resnet(channels_in, bn_momentum)
        widths = [4 * width for width, _, _ in STAGES[1:]]
        self.fpn = FeaturePyramidNetwork(widths, CHANNELS, LastLevelP6P7(CHANNELS, CHANNELS))

    def forward(self, x):
        maps = OrderedDict()
        for name, part in self.body.named_children():
            x = part(x)
            if name in ("layer2", "layer3", "layer4"):
                maps[name] = x
        # Of lower precision are layers only, no boxes.
        return [each.float() for each in self.fpn(maps).values()]


def tower():
    norm = partial(nn.GroupNorm, 32)
    convs = nn.Sequential(
        *(Conv2dNormActivation(CHANNELS, CHANNELS, norm_layer=norm) for _ in range(4))
    )
    for module in convs.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.01)
    return convs


def score(channels, bias):
    conv = nn.Conv2d(CHANNELS, channels, 3, padding=1)
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.constant_(conv.bias, bias)
    return conv


def by_anchor(map_, columns):
    """Return (batch, anchors, columns) of (batch, anchors of a place * columns, height, width)."""
    return map_.unflatten(1, (-1, columns)).permute(0, 3, 4, 1, 2).flatten(1, 3).float()


class ClassificationHead(nn.Module):
    """How probable each class is at each anchor, as logits."""

    def __init__(self, anchors, classes):
        super().__init__()
        self.conv, self.classes = tower(), classes
        self.cls_logits = score(anchors * classes, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, maps):
        scores = [self.cls_logits(self.conv(each)) for each in maps]
        return torch.cat([by_anchor(each, self.classes) for each in scores], dim=1)


class RegressionHead(nn.Module):
    """Where each anchor is to be moved."""

    def __init__(self, anchors):
        super().__init__()
        self.conv, self.bbox_reg = tower(), score(anchors * 4, 0.0)

    def forward(self, maps):
        return torch.cat([by_anchor(self.bbox_reg(self.conv(each)), 4) for each in maps], dim=1)


class Net(Detector):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.backbone = Pyramid(in_shape[1], prm["bn_momentum"])
        if prm["pretrained"]:
            load_backbone(self.backbone.body, WEIGHTS)
        ratio, scale = prm["anchor_ratio"], prm["anchor_scale"]
        self.anchors = AnchorGenerator(
            tuple(tuple(int(scale * side * part) for part in OCTAVE) for side in ANCHORS),
            ((1 / ratio, 1.0, ratio),) * len(ANCHORS),
        )
        [self.at_a_place] = set(self.anchors.num_anchors_per_location())
        self.head = nn.ModuleDict(
            {
                "classification_head": ClassificationHead(self.at_a_place, out_shape[0]),
                "regression_head": RegressionHead(self.at_a_place),
            }
        )
        self.coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
        self.matcher = Matcher(
            prm["fg_iou_thresh"], prm["bg_iou_thresh"], allow_low_quality_matches=True
        )
        self.alpha, self.gamma = prm["focal_alpha"], prm["focal_gamma"]
        self.score_thresh, self.nms_thresh = prm["score_thresh"], prm["nms_thresh"]
        self.candidates, self.most = prm["topk_candidates"], prm["detections_per_img"]

    def losses(self, images, targets):
        logits, deltas, anchors, _ = self._heads(images)
        matched = torch.stack([self._matched(anchors, each["boxes"]) for each in targets])
        is_object = matched >= 0
        # Where there is no object, any row will do.
        rows = matched.clamp(min=0)
        labels = torch.stack(
            [pad(each["labels"], (0, 1))[row] for each, row in zip(targets, rows, strict=True)]
        )
        boxes = torch.stack(
            [pad(each["boxes"], (0, 0, 0, 1))[row] for each, row in zip(targets, rows, strict=True)]
        )
        # Of each image, so that one of many objects counts no more than others.
        share = 1 / is_object.sum(1).clamp(min=1)
        truth = torch.zeros_like(logits)
        truth[is_object, labels[is_object]] = 1
        focal = sigmoid_focal_loss(logits, truth, self.alpha, self.gamma).sum(2)
        focal = focal * (matched != self.matcher.BETWEEN_THRESHOLDS)
        goals = self.coder.encode_single(
            boxes[is_object], anchors.expand(len(images), -1, -1)[is_object]
        )
        distance = l1_loss(deltas[is_object], goals, reduction="none").sum(1)
        return {
            "classification": (focal.sum(1) * share).mean(),
            "bbox_regression": (distance * share[is_object.nonzero()[:, 0]]).sum() / len(images),
        }

    def detections(self, images):
        logits, deltas, anchors, sizes = self._heads(images)
        # Column 0 is the background's, which is never found.
        scores = logits.sigmoid()[..., 1:]
        size = images.shape[-2:]
        return [
            self._best(each.split(sizes), moves.split(sizes), anchors.split(sizes), size)
            for each, moves in zip(scores, deltas, strict=True)
        ]

    def _heads(self, images):
        maps = self.backbone(images)
        listed = ImageList(images[:1], [tuple(images.shape[-2:])])
        # Of each image they are the same.
        [anchors] = self.anchors(listed, maps)
        sizes = [self.at_a_place * each.shape[-2] * each.shape[-1] for each in maps]
        logits = self.head["classification_head"](maps)
        return logits, self.head["regression_head"](maps), anchors, sizes

    def _matched(self, anchors, boxes):
        if len(boxes) == 0:
            return torch.full((len(anchors),), self.matcher.BELOW_LOW_THRESHOLD).to(boxes.device)
        return self.matcher(box_iou(boxes, anchors))

    def _best(self, scores, deltas, anchors, size):
        """Return the objects of one image, given what is said of it at each resolution."""
        levels = zip(scores, deltas, anchors, strict=True)
        boxes, scores, labels = map(torch.cat, zip(*map(self._candidates, levels), strict=True))
        boxes = clip_boxes_to_image(boxes, size)
        kept = batched_nms(boxes, scores, labels, self.nms_thresh)[: self.most]
        return {"boxes": boxes[kept], "labels": labels[kept], "scores": scores[kept]}

    def _candidates(self, level):
        scores, deltas, anchors = level
        classes = scores.shape[1]
        scores, where = scores.flatten().topk(min(self.candidates, scores.numel()))
        where = where[scores > self.score_thresh]
        rows = where // classes
        boxes = self.coder.decode_single(deltas[rows], anchors[rows])
        return boxes, scores[: len(where)], where % classes + 1
