"""The nets compared with published parameter counts and with torchvision's nets."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import detection
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.ops import box_iou

from lemur_core.errors import MisfitError
from lemur_core.kinds.detector import to_learn
from lemur_core.kinds.net import as_net
from lemur_core.space import net_space
from lemur_core.values import smallest
from lemur_det.plugin import lemur_register_nets

ENTRIES = {entry.name: entry for entry in lemur_register_nets()}
# LEMUR's Table 1, millions, 6 classes.
PUBLISHED = {"FasterRCNN": 41.37, "RetinaNet": 32.31, "FCOS": 32.13, "SSDLite": 2.26}
SIZE = 128


def build(name, *, channels=3, classes=6, size=SIZE, **prm_values):
    module = as_net(ENTRIES[name].load(), name)
    prm = smallest(net_space(module.hyperparameters())) | prm_values
    torch.manual_seed(0)
    net = module.net((1, channels, size, size), (classes,), prm, torch.device("cpu"))
    return net, prm


def parameters(name, **options):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(name, **options)[0].parameters())


def target(*objects, size=SIZE):
    """Return a target from labels and boxes; masks fill the boxes."""
    boxes = torch.tensor([box for _, *box in objects], dtype=torch.float32).reshape(-1, 4)
    masks = torch.zeros(len(objects), size, size, dtype=torch.uint8)
    for mask, box in zip(masks, boxes.long().tolist(), strict=True):
        mask[box[1] : box[3], box[0] : box[2]] = 1
    labels = torch.tensor([label for label, *_ in objects], dtype=torch.int64)
    none = torch.zeros_like(labels)
    return {"boxes": boxes, "labels": labels, "masks": masks, "iscrowd": none, "image_id": 7}


TARGETS = [
    target((1, 10, 12, 60, 50), (5, 40, 30, 120, 124), (2, 70, 4, 90, 31)),
    target((3, 5, 64, 37, 100)),
    target(),
]


def images(count=3, channels=3, size=SIZE):
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameter_count_equals_the_published_one(name):
    assert parameters(name) == pytest.approx(PUBLISHED[name] * 1e6, abs=0.005e6)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_net_file_states_the_parameter_count(name):
    statement = f"{parameters(name):,} parameters for 3 channels and 6 classes"
    assert statement in ENTRIES[name].load().__doc__


def theirs(name):
    """Return torchvision's detector, whose transform does not change the images."""
    options = {
        "weights": None,
        "weights_backbone": None,
        "num_classes": 6,
        "image_mean": [0.0] * 3,
        "image_std": [1.0] * 3,
    }
    if name == "SSDLite":
        return detection.ssdlite320_mobilenet_v3_large(**options)
    options |= {"min_size": SIZE, "max_size": SIZE}
    reference = {
        "FasterRCNN": detection.fasterrcnn_resnet50_fpn,
        "MaskRCNN": detection.maskrcnn_resnet50_fpn,
        "RetinaNet": detection.retinanet_resnet50_fpn,
        "FCOS": detection.fcos_resnet50_fpn,
    }[name](**options)
    if name == "RetinaNet":
        reference.head = RetinaNetHead(256, 9, 6, norm_layer=partial(nn.GroupNorm, 32))
    return reference


@pytest.fixture(scope="module", params=[*PUBLISHED, "MaskRCNN"])
def alike(request):
    """Return our net and torchvision's with the same weights, and images for them."""
    name = request.param
    net, _ = build(name)
    other = theirs(name)
    # torchvision's transform draws the size, of which there is only one; ours draws nothing.
    other.transform.torch_choice = min
    inputs = images(size=320 if name == "SSDLite" else SIZE)
    spread(net)
    settle(net, inputs)
    set_momentum(other, 0.0)
    other.load_state_dict(net.state_dict())
    return net, other, inputs


def settle(net, inputs):
    """Set running statistics from images, as after training, and freeze them."""
    set_momentum(net, 1.0)
    net.train().backbone(inputs)
    set_momentum(net, 0.0)


def set_momentum(net, momentum):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum


def spread(net):
    """Draw weights with which many locations predict different object classes."""
    for name, parameter in net.named_parameters():
        if "cls" in name or "bbox" in name:
            nn.init.normal_(parameter, std=0.02)
        elif parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter)
        if name.endswith("bbox_reg.bias"):
            # Then the sides of most boxes differ.
            parameter.data += 0.5
    if hasattr(net, "head"):
        # torchvision's net also returns the background, if it is probable.
        for conv in net.head["classification_head"].modules():
            if isinstance(conv, nn.Conv2d) and conv.bias is not None and conv.out_channels % 6 == 0:
                conv.bias.data[::6] = -20


def test_losses_equal_torchvisions(alike):
    net, other, inputs = alike
    learned = [to_learn(each, torch.device("cpu")) for each in TARGETS]
    scale = inputs.shape[-1] / SIZE
    learned = [each | {"boxes": scale * each["boxes"]} for each in learned]
    results = []
    for model in (partial(net.train(), inputs), partial(other.train(), list(inputs))):
        # Both nets sample locations and proposals for training at random.
        torch.manual_seed(3)
        results.append(model([dict(each) for each in learned]))
    ours, expected = results
    assert set(ours) == set(expected)
    for loss, value in expected.items():
        assert value > 0
        torch.testing.assert_close(ours[loss], value, atol=1e-4, rtol=1e-4)


def test_detections_equal_torchvisions(alike):
    net, other, inputs = alike
    with torch.inference_mode():
        detections, expected = net.eval()(inputs), other.eval()(list(inputs))
    for ours, reference in zip(detections, expected, strict=True):
        assert len(reference["labels"]) > 10
        assert set(ours) == set(reference)
        for key, value in reference.items():
            torch.testing.assert_close(ours[key], value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ENTRIES)
def test_detections_are_in_the_image_and_sorted_by_score(name):
    net, _ = build(name, classes=4, score_thresh=0.0, proposals_per_img=50)
    spread(net)
    inputs = images(2, size=64)
    settle(net, inputs)
    with torch.inference_mode():
        for detections in net.eval()(inputs):
            count = len(detections["labels"])
            assert count > 0
            assert detections["boxes"].shape == (count, 4)
            assert detections["boxes"].dtype == detections["scores"].dtype == torch.float32
            assert detections["labels"].dtype == torch.int64
            assert set(detections["labels"].tolist()) <= {1, 2, 3}
            assert ((detections["boxes"] >= 0) & (detections["boxes"] <= 64)).all()
            assert (detections["boxes"][:, 2:] >= detections["boxes"][:, :2]).all()
            assert ((detections["scores"] > 0) & (detections["scores"] <= 1)).all()
            assert (detections["scores"].diff() <= 0).all()
            if name == "MaskRCNN":
                assert detections["masks"].shape == (count, 1, 64, 64)


@pytest.mark.parametrize("name", ENTRIES)
def test_images_without_objects_have_no_box_loss(name):
    net, prm = build(name, size=64)
    net.train_setup(prm)
    none = [target(size=64)] * 2
    assert 0 <= net.learn([(images(2, size=64), none)]) < float("inf")
    losses = net(images(2, size=64), [to_learn(item, torch.device("cpu")) for item in none])
    assert all(loss.isfinite() for loss in losses.values())
    # Without objects there is no box loss.
    assert all(loss == 0 for item, loss in losses.items() if "box" in item)


def test_crowds_are_ignored_in_training():
    alone = target((1, 4, 4, 40, 50), size=64)
    crowd = target((1, 4, 4, 40, 50), (2, 0, 0, 64, 64), size=64)
    crowd["iscrowd"] = torch.tensor([0, 1])
    losses = []
    for objects in (alone, crowd):
        net, prm = build("FCOS-S", size=64)
        net.train_setup(prm)
        losses.append(net.learn([(images(1, size=64), [objects])] * 2))
    assert losses[0] == losses[1]


@pytest.fixture(scope="module", params=ENTRIES)
def finding(request):
    """Return a function that runs a random net with other hyperparameters."""
    # With few proposals, masks are fast.
    net, prm = build(request.param, classes=4, size=64, proposals_per_img=50)
    spread(net)
    settle(net, images(2, size=64))

    def detect(**values):
        module = ENTRIES[request.param].load()
        copy = module.Net((1, 3, 64, 64), (4,), prm | values, torch.device("cpu"))
        copy.load_state_dict(net.state_dict())
        with torch.inference_mode():
            return copy.eval()(images(2, size=64))

    return detect


def test_a_higher_threshold_only_removes_lower_scores(finding):
    # No detection is suppressed by another, and their number is not limited.
    limits = {"nms_thresh": 1.0, "detections_per_img": 100_000}
    every = finding(score_thresh=0.01, **limits)
    middle = torch.cat([objects["scores"] for objects in every]).median().item()
    for subset, all_ in zip(finding(score_thresh=middle, **limits), every, strict=True):
        is_above = all_["scores"] > middle
        assert torch.equal(subset["scores"], all_["scores"][is_above])
        assert torch.equal(subset["boxes"], all_["boxes"][is_above])


def test_detections_of_a_class_do_not_overlap_beyond_the_threshold(finding):
    def overlaps(detections):
        for objects in detections:
            same_class = objects["labels"] == objects["labels"][:, None]
            # Two boxes outside of the image, clipped, have no area and no overlap.
            overlap = box_iou(objects["boxes"], objects["boxes"]).nan_to_num(0)
            yield (overlap * same_class.triu(1)).max().item()

    strict, lax = (
        max(overlaps(finding(nms_thresh=threshold, score_thresh=0.0))) for threshold in (0.2, 0.7)
    )
    assert strict <= 0.2 < lax <= 0.7


def test_the_number_of_detections_is_limited(finding):
    every, five = (finding(detections_per_img=limit) for limit in (100, 5))
    for all_, subset in zip(every, five, strict=True):
        assert len(subset["scores"]) == 5
        assert torch.equal(subset["boxes"], all_["boxes"][:5])


def learners(name, **values):
    """Return the number of boxes that are matched to one object."""
    net, _ = build(name, **values)
    heads = {"FasterRCNN": "rpn.head", "MaskRCNN": "rpn.head"}
    drawn = []

    def keep(module, inputs, outputs):
        # The first or second of each pair is of boxes.
        at = 1 if "rpn" in heads.get(name, "") else 0
        boxes = outputs[at] if isinstance(outputs, tuple) else outputs
        drawn.extend(boxes if isinstance(boxes, list) else [boxes])

    net.get_submodule(heads.get(name, "head.regression_head")).register_forward_hook(keep)
    losses = net.train()(images(2), [target((1, 30, 20, 70, 80)), target()])
    [loss] = [
        each for key, each in losses.items() if key in ("bbox_regression", "loss_rpn_box_reg")
    ]
    gradients = torch.autograd.grad(loss, drawn)
    if name in heads:
        gradients = [each.unflatten(1, (-1, 4)).movedim(2, -1) for each in gradients]
    return sum(each.any(-1).sum().item() for each in gradients)


@pytest.mark.parametrize(
    ("name", "prm", "strict", "lax"),
    [
        ("FasterRCNN", "rpn_fg_iou_thresh", 0.7, 0.4),
        ("MaskRCNN", "rpn_fg_iou_thresh", 0.7, 0.4),
        ("RetinaNet", "fg_iou_thresh", 0.7, 0.45),
        ("SSDLite", "iou_thresh", 0.7, 0.3),
        ("FCOS", "center_sampling_radius", 0.6, 2.0),
        ("FCOS-S", "center_sampling_radius", 0.6, 1.5),
    ],
)
def test_a_laxer_rule_matches_more_boxes_to_an_object(name, prm, strict, lax):
    few, many = (learners(name, **{prm: value}) for value in (strict, lax))
    assert 0 < few < many


@pytest.mark.parametrize("name", ["FasterRCNN", "MaskRCNN", "RetinaNet"])
def test_anchors_have_the_configured_scale_and_width(name):
    def anchors(**given):
        net, _ = build(name, **given)
        return (net.anchors if name == "RetinaNet" else net.rpn.anchor_generator).cell_anchors

    for small, large in zip(anchors(), anchors(anchor_scale=2.0), strict=True):
        # Their corners are integers.
        torch.testing.assert_close(2 * small, large, atol=2, rtol=0)
    wide = anchors(anchor_ratio=4.0)[0][0]
    assert (wide[2] - wide[0]) / (wide[3] - wide[1]) == pytest.approx(4, rel=0.1)


def test_default_boxes_have_the_configured_size():
    net, _ = build("SSDLite", anchor_min=0.1, anchor_max=0.6)
    assert net.boxes.scales[0] == pytest.approx(0.1)
    assert net.boxes.scales[5] == pytest.approx(0.6)


def test_the_small_net_assigns_objects_by_size():
    # At strides of 8 and 16 pixels, 9 locations are near the centre of each object; this object has
    # 60.
    fine, coarse = (learners("FCOS-S", coarse_from=side) for side in (61.0, 60.0))
    assert fine == coarse == 9


class WithoutAutocast(nn.Module):
    """Computes features in float32 and returns them in bfloat16."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, images):
        with torch.autocast("cpu", enabled=False):
            maps = self.backbone(images)
        if isinstance(maps, dict):
            return {name: features.bfloat16() for name, features in maps.items()}
        return [features.bfloat16() for features in maps]


@pytest.mark.parametrize("name", ENTRIES)
def test_in_low_precision_boxes_are_exact(name):
    # bfloat16 is slow on a CPU without instructions for it, so there are few boxes, and the
    # backbone of a large net, which does not depend on boxes, is omitted. For a map of one pixel,
    # oneDNN leaves the gradient of a strided convolution in bfloat16 undefined, so the other nets
    # use larger images.
    light = name in ("FCOS-S", "SSDLite")
    size = 128 if light else 64
    few = {"proposals_per_img": 20, "detections_per_img": 5}
    hyperparameters = as_net(ENTRIES[name].load(), name).hyperparameters()
    few = {option: count for option, count in few.items() if option in hyperparameters}
    net, prm = build(name, channels=1, size=size, score_thresh=0.0, **few)
    if not light:
        net.backbone = WithoutAutocast(net.backbone)
    net.train_setup(prm)
    inputs = images(2, channels=1, size=size)
    with torch.autocast("cpu", torch.bfloat16):
        assert net.learn([(inputs, [target((1, 9, 9, 40, 44), size=size)] * 2)]) < float("inf")
        with torch.inference_mode():
            detections = net.eval()(inputs)
    boxes = torch.cat([objects["boxes"] for objects in detections])
    assert boxes.dtype == torch.float32
    # Few numbers are in bfloat16 by chance.
    assert (boxes != boxes.bfloat16()).any()


def test_training_without_masks_is_an_error():
    net, prm = build("MaskRCNN", size=64)
    net.train_setup(prm)
    bare = {key: value for key, value in target(size=64).items() if key != "masks"}
    with pytest.raises(MisfitError) as caught:
        net.learn([(images(1, size=64), [bare])])
    assert str(caught.value) == (
        "the objects have no masks, which Mask R-CNN learns; try FasterRCNN"
    )


def test_the_small_net_learns_two_kinds_of_objects():
    """The objects are bright or dark, in two sizes."""
    net, prm = build("FCOS-S", classes=3, size=64)
    prm |= {"lr": 3e-3, "batch": 4}
    net.train_setup(prm)
    objects = [
        [(1, 8, 6, 30, 32)],
        [(2, 20, 14, 62, 60)],
        [(1, 2, 30, 28, 60), (2, 34, 4, 60, 26)],
        [],
    ]
    targets = [target(*objects_, size=64) for objects_ in objects]
    inputs = 0.1 * images(4, size=64)
    for image, objects_ in zip(inputs, objects, strict=True):
        for label, left, top, right, bottom in objects_:
            image[:, top:bottom, left:right] += 1 if label == 1 else -1
    losses = [net.learn([(inputs, targets)]) for _ in range(80)]
    assert losses[-1] < 0.5 * losses[0]
    with torch.inference_mode():
        detections = net.eval()(inputs)
    for objects_, expected in zip(detections, targets, strict=True):
        sure = objects_["scores"] > 0.3
        assert sorted(objects_["labels"][sure].tolist()) == sorted(expected["labels"].tolist())
        order, expected_order = objects_["labels"][sure].argsort(), expected["labels"].argsort()
        overlap = box_iou(objects_["boxes"][sure][order], expected["boxes"][expected_order])
        assert (overlap.diagonal() > 0.5).all()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Return a folder with random weights of torchvision's backbones, and the weights."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "checkpoints").mkdir()
    files = {
        "resnet50": "resnet50-0676ba61.pth",
        "mobilenet_v3_large": "mobilenet_v3_large-8738ca79.pth",
    }
    states = {}
    for model_name, file in files.items():
        states[model_name] = models.get_model(model_name, weights=None).state_dict()
        torch.save(states[model_name], folder / "checkpoints" / file)
    return folder, states


@pytest.mark.parametrize("name", [*PUBLISHED, "MaskRCNN"])
def test_the_backbone_loads_the_users_weights(name, hub, monkeypatch):
    folder, states = hub
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    net, _ = build(name, pretrained=1, size=64)
    if name == "SSDLite":
        state = states["mobilenet_v3_large"]
        pairs = {"0.0.0.weight": "features.0.0.weight", "1.3.0.weight": "features.16.0.weight"}
        backbone = net.backbone.features.state_dict()
    else:
        state = states["resnet50"]
        pairs = {key: key for key in state if not key.startswith("fc.")}
        backbone = net.backbone.body.state_dict()
    for ours, theirs_ in pairs.items():
        assert torch.equal(backbone[ours], state[theirs_])
    with torch.inference_mode():
        assert len(net.eval()(images(1, size=64))) == 1
