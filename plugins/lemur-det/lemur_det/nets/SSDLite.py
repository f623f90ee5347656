"""SSDLite on MobileNetV3-Large: default boxes on six maps, told apart and moved.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam: Searching for
MobileNetV3, ICCV 2019 (section 6.3); Liu, Anguelov, Erhan, Szegedy, Reed, Fu, Berg: SSD: Single
Shot MultiBox Detector, ECCV 2016. Kept: the first map is that within the thirteenth block, the
second the last of the backbone, whose last blocks are a half as wide as in classification; four
more are made by strides; each has six default boxes at each place, for which convolutions of
single channels score; of the background only the hardest boxes learn. Changed: the boxes' sizes
are torchvision's; with pretrained weights the last blocks are as wide as these.
2,261,960 parameters for 3 channels and 6 classes.
"""

from functools import partial

import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad, smooth_l1_loss
from torchvision.models.detection._utils import BoxCoder, SSDMatcher
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import (
    Conv2dNormActivation,
    SqueezeExcitation,
    batched_nms,
    box_iou,
    clip_boxes_to_image,
)

from lemur_core.kinds.detector import Detector
from lemur_core.kinds.net import TRAINING
from lemur_core.kinds.pretrained import load_backbone

# torchvision's weights of ImageNet.
WEIGHTS = "mobilenet_v3_large-8738ca79.pth"
# Of each block: kernel, width within, channels, the squeezed ones (0: not excited), hard swish
# (else ReLU), stride.
BLOCKS = (
    (3, 16, 16, 0, False, 1),
    (3, 64, 24, 0, False, 2),
    (3, 72, 24, 0, False, 1),
    (5, 72, 40, 24, False, 2),
    (5, 120, 40, 32, False, 1),
    (5, 120, 40, 32, False, 1),
    (3, 240, 80, 0, True, 2),
    (3, 200, 80, 0, True, 1),
    (3, 184, 80, 0, True, 1),
    (3, 184, 80, 0, True, 1),
    (3, 480, 112, 120, True, 1),
    (3, 672, 112, 168, True, 1),
)
# The last blocks and convolution: in classification, and half as wide.
TAIL = ((5, 672, 160, 168, True, 2), (5, 960, 160, 240, True, 1), (5, 960, 160, 240, True, 1))
LITE_TAIL = ((5, 672, 80, 168, True, 2), (5, 480, 80, 120, True, 1), (5, 480, 80, 120, True, 1))
# Channels of the maps that are added by strides.
EXTRA = (512, 256, 256, 128)
# Of default boxes beside squares, at each map: how many times one side is the other.
RATIOS = (2, 3)


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "3e-4..3e-3 log",
        "batch": "2^3..2^6",
        "norm_eps": 1e-3,
        "norm_momentum": 0.03,
        "pretrained": 0,
        # Sides of the squares at the first and the last map, as shares of the image's.
        "anchor_min": 0.2,
        "anchor_max": 0.95,
        # Overlap with an object from which a default box is one.
        "iou_thresh": 0.5,
        # Share of the objects among the boxes that learn classes.
        "positive_fraction": 0.25,
        # Overlap of two detections of which the better one stays.
        "nms_thresh": 0.55,
        "score_thresh": 0.001,
        # Of each class, and in all.
        "topk_candidates": 300,
        "detections_per_img": 300,
        "classification_weight": 1.0,
        "bbox_regression_weight": 1.0,
    }


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, excite, narrow; added to the input where the shape stays."""

    def __init__(self, channels_in, kernel, wide, channels, squeezed, swish, stride, norm):
        super().__init__()
        activation = nn.Hardswish if swish else nn.ReLU
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=activation)
        self.residual = stride == 1 and channels_in == channels
        self.block = nn.Sequential()
        if wide != channels_in:
            self.block.append(conv(channels_in, wide, 1))
        self.block.append(conv(wide, wide, kernel, stride, groups=wide))
        if squeezed:
            gate = nn.Hardsigmoid
            self.block.append(SqueezeExcitation(wide, squeezed, scale_activation=gate))
        self.block.append(conv(wide, channels, 1, activation_layer=None))

    def forward(self, x):
        return self.block(x) + x if self.residual else self.block(x)


def mobilenet(channels_in, tail, norm):
    """Return the backbone; its parts are named as those of the weights."""
    conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
    features = nn.Sequential(conv(channels_in, 16, stride=2))
    channels = 16
    for block in (*BLOCKS, *tail):
        features.append(InvertedResidual(channels, *block, norm))
        channels = block[2]
    return features.append(conv(channels, 6 * channels, 1))


class Extractor(nn.Module):
    """Six maps, of strides from 16 pixels, each twice that of the one before."""

    def __init__(self, features, width, norm):
        super().__init__()
        # The map within the first block of the tail, once it is wide, is of stride 16.
        cut = len(BLOCKS) + 1
        block = features[cut].block
        self.features = nn.Sequential(
            nn.Sequential(*features[:cut], block[0]),
            nn.Sequential(block[1:], *features[cut + 1 :]),
        )
        self.extra = nn.ModuleList()
        for channels in EXTRA:
            self.extra.append(halved(width, channels, norm))
            width = channels

    def forward(self, x):
        maps = []
        for part in (*self.features, *self.extra):
            x = part(x)
            maps.append(x)
        return maps


def halved(channels_in, channels, norm):
    conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.ReLU6)
    narrow = channels // 2
    return nn.Sequential(
        conv(channels_in, narrow, 1),
        conv(narrow, narrow, stride=2, groups=narrow),
        conv(narrow, channels, 1),
    )


class Scores(nn.Module):
    """Some columns for each default box, of a convolution for each map."""

    def __init__(self, widths, columns, norm):
        super().__init__()
        self.columns, boxes = columns, 2 + 2 * len(RATIOS)
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.ReLU6)
        self.module_list = nn.ModuleList(
            nn.Sequential(conv(width, width, groups=width), nn.Conv2d(width, boxes * columns, 1))
            for width in widths
        )

    def forward(self, maps):
        scores = [score(each) for score, each in zip(self.module_list, maps, strict=True)]
        # Of lower precision are layers only, no boxes.
        by_box = [each.unflatten(1, (-1, self.columns)).permute(0, 3, 4, 1, 2) for each in scores]
        return torch.cat([each.flatten(1, 3) for each in by_box], dim=1).float()


class Net(Detector):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        norm = partial(nn.BatchNorm2d, eps=prm["norm_eps"], momentum=prm["norm_momentum"])
        tail = TAIL if prm["pretrained"] else LITE_TAIL
        features = mobilenet(in_shape[1], tail, norm)
        last = 6 * tail[-1][2]
        self.backbone = Extractor(features, last, norm)
        widths = (tail[0][1], last, *EXTRA)
        self.head = nn.ModuleDict(
            {
                "classification_head": Scores(widths, out_shape[0], norm),
                "regression_head": Scores(widths, 4, norm),
            }
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.03)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if prm["pretrained"]:
            load_backbone(features, WEIGHTS, "features")
        self.boxes = DefaultBoxGenerator(
            [list(RATIOS)] * len(widths), prm["anchor_min"], prm["anchor_max"]
        )
        self.coder, self.matcher = BoxCoder((10.0, 10.0, 5.0, 5.0)), SSDMatcher(prm["iou_thresh"])
        self.hardest = 1 / prm["positive_fraction"] - 1
        self.score_thresh, self.nms_thresh = prm["score_thresh"], prm["nms_thresh"]
        self.candidates, self.most = prm["topk_candidates"], prm["detections_per_img"]

    def losses(self, images, targets):
        logits, deltas, boxes = self._heads(images)
        rows = torch.stack([self._matched(boxes, each["boxes"]) for each in targets])
        is_object = rows >= 0
        # Where there is no object, the last row will do: the background's class.
        labels = torch.stack(
            [pad(each["labels"], (0, 1))[row] for each, row in zip(targets, rows, strict=True)]
        )
        labels = labels.where(is_object, 0)
        goals = torch.stack(
            [pad(each["boxes"], (0, 0, 0, 1))[row] for each, row in zip(targets, rows, strict=True)]
        )
        goals = self.coder.encode_single(
            goals[is_object], boxes.expand(len(images), -1, -1)[is_object]
        )
        wrong = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        wrong = wrong.view(labels.shape)
        learns = is_object | self._hardest(wrong.detach(), is_object)
        count = is_object.sum().clamp(min=1)
        return {
            "classification": wrong[learns].sum() / count,
            "bbox_regression": smooth_l1_loss(deltas[is_object], goals, reduction="sum") / count,
        }

    def detections(self, images):
        logits, deltas, boxes = self._heads(images)
        moved = self.coder.decode_single(deltas.flatten(0, 1), boxes.repeat(len(images), 1))
        moved = clip_boxes_to_image(moved.view(deltas.shape), images.shape[-2:])
        # Column 0 is the background's.
        return [*map(self._best, logits.softmax(2)[..., 1:], moved)]

    def _heads(self, images):
        maps = self.backbone(images)
        listed = ImageList(images[:1], [tuple(images.shape[-2:])])
        # Of each image they are the same; in full precision, as the maps may not be.
        [boxes] = self.boxes(listed, [each.float() for each in maps])
        return (
            self.head["classification_head"](maps),
            self.head["regression_head"](maps),
            boxes,
        )

    def _matched(self, boxes, objects):
        if len(objects) == 0:
            return torch.full((len(boxes),), -1, device=boxes.device)
        return self.matcher(box_iou(objects, boxes))

    def _hardest(self, wrong, is_object):
        """Return which boxes of background are the most wrong, so many for each object."""
        order = wrong.masked_fill(is_object, -1).argsort(1, descending=True)
        rank = order.argsort(1)
        return (rank < self.hardest * is_object.sum(1, keepdim=True)) & ~is_object

    def _best(self, scores, boxes):
        """Return the objects of one image, given (boxes, classes) and (boxes, 4)."""
        scores, rows = scores.topk(min(self.candidates, len(scores)), dim=0)
        place, column = (scores > self.score_thresh).nonzero(as_tuple=True)
        boxes, scores = boxes[rows[place, column]], scores[place, column]
        kept = batched_nms(boxes, scores, column, self.nms_thresh)[: self.most]
        return {"boxes": boxes[kept], "labels": column[kept] + 1, "scores": scores[kept]}
