"""Faster R-CNN on ResNet-50 with a feature pyramid: boxes are proposed, then told apart and moved.

Ren, He, Girshick, Sun: Faster R-CNN: Towards Real-Time Object Detection with Region Proposal
Networks, NeurIPS 2015; Lin, Dollár, Girshick, He, Hariharan, Belongie: Feature Pyramid Networks for
Object Detection, CVPR 2017 (sections 4 and 5). Kept: a proposal network of one size of anchors at
each of five resolutions, RoIAlign to 7x7, a head of two linear layers. Changed: batch normalisation
is trained, for the backbone starts from nothing.
41,372,781 parameters for 3 channels and 6 classes.
"""

from collections import OrderedDict

from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import Conv2dNormActivation, FeaturePyramidNetwork, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from lemur_core.kinds.detector import Detector
from lemur_core.kinds.net import TRAINING
from lemur_core.kinds.pretrained import load_backbone

# torchvision's weights of ImageNet.
WEIGHTS = "resnet50-0676ba61.pth"
# Of each stage: width within, blocks, stride.
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
# Sides of the anchors at strides of 4, 8, 16, 32 and 64 pixels.
ANCHORS = (32, 64, 128, 256, 512)
CHANNELS = 256


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
        # Overlaps with an object from which an anchor, or a proposal, is one, and below which none.
        "rpn_fg_iou_thresh": 0.7,
        "rpn_bg_iou_thresh": 0.3,
        "fg_iou_thresh": 0.5,
        "bg_iou_thresh": 0.5,
        # Overlap of two proposals, or two detections, of which the better one stays.
        "rpn_nms_thresh": 0.7,
        "nms_thresh": 0.5,
        "score_thresh": 0.05,
        # Twice as many in training.
        "proposals_per_img": 1000,
        "detections_per_img": 100,
        "loss_objectness_weight": 1.0,
        "loss_rpn_box_reg_weight": 1.0,
        "loss_classifier_weight": 1.0,
        "loss_box_reg_weight": 1.0,
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
    """The maps of each stage, those above added, and one more by subsampling the last."""

    def __init__(self, channels_in, bn_momentum):
        super().__init__()
        self.body = resnet(channels_in, bn_momentum)
        widths = [4 * width for width, _, _ in STAGES]
        self.fpn = FeaturePyramidNetwork(widths, CHANNELS, LastLevelMaxPool())

    def forward(self, x):
        maps = OrderedDict()
        for name, part in self.body.named_children():
            x = part(x)
            if name.startswith("layer"):
                maps[name] = x
        # Of lower precision are layers only, no boxes.
        return OrderedDict((name, each.float()) for name, each in self.fpn(maps).items())


class RPNHead(nn.Module):
    """Whether there is an object in each anchor, and where it is to be moved."""

    def __init__(self, anchors):
        super().__init__()
        self.conv = nn.Sequential(Conv2dNormActivation(CHANNELS, CHANNELS, norm_layer=None))
        self.cls_logits = nn.Conv2d(CHANNELS, anchors, 1)
        self.bbox_pred = nn.Conv2d(CHANNELS, 4 * anchors, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, maps):
        seen = [self.conv(each) for each in maps]
        objectness = [self.cls_logits(each).float() for each in seen]
        return objectness, [self.bbox_pred(each).float() for each in seen]


class BoxHead(nn.Module):
    """Two linear layers."""

    def __init__(self):
        super().__init__()
        self.fc6, self.fc7 = nn.Linear(7 * 7 * CHANNELS, 1024), nn.Linear(1024, 1024)

    def forward(self, x):
        return self.fc7(self.fc6(x.flatten(1)).relu()).relu()


class BoxPredictor(nn.Module):
    """The class of each proposal, and where the box of each class is to be moved."""

    def __init__(self, classes):
        super().__init__()
        self.cls_score, self.bbox_pred = nn.Linear(1024, classes), nn.Linear(1024, 4 * classes)

    def forward(self, x):
        return self.cls_score(x).float(), self.bbox_pred(x).float()


class Net(Detector):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.backbone = Pyramid(in_shape[1], prm["bn_momentum"])
        if prm["pretrained"]:
            load_backbone(self.backbone.body, WEIGHTS)
        ratio, proposals = prm["anchor_ratio"], prm["proposals_per_img"]
        anchors = AnchorGenerator(
            tuple((prm["anchor_scale"] * side,) for side in ANCHORS),
            ((1 / ratio, 1.0, ratio),) * len(ANCHORS),
        )
        count = {"training": 2 * proposals, "testing": proposals}
        self.rpn = RegionProposalNetwork(
            anchors,
            RPNHead(anchors.num_anchors_per_location()[0]),
            prm["rpn_fg_iou_thresh"],
            prm["rpn_bg_iou_thresh"],
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n=count,
            post_nms_top_n=count,
            nms_thresh=prm["rpn_nms_thresh"],
        )
        stages = [f"layer{number}" for number in range(1, 5)]
        self.roi_heads = RoIHeads(
            MultiScaleRoIAlign(stages, output_size=7, sampling_ratio=2),
            BoxHead(),
            BoxPredictor(out_shape[0]),
            prm["fg_iou_thresh"],
            prm["bg_iou_thresh"],
            batch_size_per_image=512,
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=prm["score_thresh"],
            nms_thresh=prm["nms_thresh"],
            detections_per_img=prm["detections_per_img"],
        )

    def losses(self, images, targets):
        return self._both_stages(images, targets)[1]

    def detections(self, images):
        return self._both_stages(images)[0]

    def _both_stages(self, images, targets=None):
        listed = ImageList(images, [tuple(images.shape[-2:])] * len(images))
        maps = self.backbone(images)
        proposals, rpn_losses = self.rpn(listed, maps, targets)
        detections, roi_losses = self.roi_heads(maps, proposals, listed.image_sizes, targets)
        return detections, rpn_losses | roi_losses
