"""Images, masks and boxes are transformed together."""

import math

import pytest
import torch
from torch.nn.functional import interpolate
from torchvision import tv_tensors

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.task import ImageOutput, Style
from lemur_core.kinds.transform import Normalisation
from lemur_core.tasks.detection import Detection
from lemur_core.tasks.segmentation import Segmentation
from lemur_scenes.plugin import lemur_register_transforms
from lemur_scenes.transforms.resizing import nearest

PLAIN = Normalisation((0.0,) * 3, (1.0,) * 3)
ENTRIES = {entry.name: entry for entry in lemur_register_transforms()}
SMALL = [name for name in ENTRIES if "_64" in name]


def make(name, *, training=True):
    return ENTRIES[name].load()(PLAIN).train(training)


def scene(height=48, width=80):
    """Return a black image with a white object, the mask of the object, and its box."""
    image = torch.zeros(3, height, width, dtype=torch.uint8)
    image[:, 8:24, 16:56] = 255
    return image, (image[0] > 0).long() * 3, objects(height, width)


def objects(height, width):
    return {
        "boxes": tv_tensors.BoundingBoxes(
            [[16.0, 8.0, 56.0, 24.0]], format="XYXY", canvas_size=(height, width)
        ),
        "labels": torch.tensor([3]),
        "area": torch.tensor([640.0]),
        "iscrowd": torch.tensor([0]),
        "image_id": 7,
    }


@pytest.mark.parametrize("name", SMALL)
def test_a_mask_stays_on_its_object(name):
    transform = make(name)
    for seed in range(20):
        torch.manual_seed(seed)
        image, mask, _ = scene()
        pixels, moved = transform.pair(image, mask)
        assert set(moved.unique().tolist()) <= {0, 3, IGNORED}
        bright = pixels.mean(0) > 0.4
        counts = moved != IGNORED
        assert (bright == (moved == 3))[counts].float().mean() > 0.97


@pytest.mark.parametrize("name", SMALL)
def test_a_box_stays_around_its_object(name):
    transform = make(name)
    for seed in range(20):
        torch.manual_seed(seed)
        image, _, target = scene()
        pixels, moved = transform.pair(image, target)
        rows, columns = (pixels.mean(0) > 0.4).nonzero(as_tuple=True)
        if not len(moved["boxes"]):
            assert len(rows) <= pixels.shape[-1]
            continue
        visible = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert moved["boxes"][0].tolist() == pytest.approx(list(map(float, visible)), abs=1.6)


def test_objects_that_are_cropped_away_are_left_out():
    transform = make("randscale_64_flip")
    counts = set()
    for seed in range(60):
        torch.manual_seed(seed)
        image, _, target = scene()
        target["boxes"][0] = torch.tensor([0.0, 0.0, 3.0, 3.0])
        moved = transform.pair(image, target)[1]
        lengths = {len(moved[name]) for name in ("boxes", "labels", "area", "iscrowd")}
        assert len(lengths) == 1
        assert moved["image_id"] == 7
        counts |= lengths
    assert counts == {0, 1}


def test_padding_is_ignored_and_moves_no_box():
    image, mask, target = scene(height=32, width=64)
    transform = make("pad_64", training=False)
    pixels, moved = transform.pair(image, mask)
    assert pixels.shape == (3, 64, 64)
    assert (moved[32:] == IGNORED).all()
    assert torch.equal(moved[:32], mask)
    assert (pixels[:, 32:] == 0).all()
    assert transform.pair(image, target)[1]["boxes"].tolist() == target["boxes"].tolist()


def test_masks_of_objects_are_padded_with_zeros():
    image, mask, target = scene(height=32, width=64)
    target["masks"] = tv_tensors.Mask((mask > 0).to(torch.uint8)[None])
    moved = make("pad_64", training=False).pair(image, target)[1]["masks"]
    assert moved.shape == (1, 64, 64)
    assert moved.sum() == (mask > 0).sum()


def disc(height, width, across, down, radius):
    """Return the image of a white disc on black, its mask of classes, and its target for detection.

    The position and the radius are shares of width, height and the smaller side. The centre is
    between pixels, so the box has the same centre.
    """
    centre, reach = (round(across * width), round(down * height)), radius * min(height, width)
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    mask = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= reach**2
    across, down = mask.any(0).nonzero().flatten(), mask.any(1).nonzero().flatten()
    box = [float(end) for end in (across[0], down[0], across[-1] + 1, down[-1] + 1)]
    target = objects(height, width) | {
        "boxes": tv_tensors.BoundingBoxes([box], format="XYXY", canvas_size=(height, width)),
        "masks": tv_tensors.Mask(mask.to(torch.uint8)[None]),
    }
    return 255 * mask.to(torch.uint8).expand(3, -1, -1), mask.long(), target


def centre(mask):
    return mask.nonzero().double().mean(0).flip(0) + 0.5


def whole(lit):
    """Return whether the disc is completely visible."""
    return bool(lit.any()) and not any(
        edge.any() for edge in (lit[0], lit[-1], lit.T[0], lit.T[-1])
    )


# Height and width. Each pixel of a result of 64 pixels has a unique nearest pixel, also if only the
# longer side is 64.
SOURCES = [(240, 320), (320, 240), (45, 75)]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("source", SOURCES)
def test_a_disc_its_mask_and_its_box_have_the_same_centre(name, source):
    count = 0
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        position = (0.4 + 0.2 * torch.rand(2, generator=generator)).tolist()
        image, mask, target = disc(*source, *position, 0.25)
        for training in (False, True):
            pairs = []
            for target_of_task in (mask, target):
                torch.manual_seed(seed)
                pairs.append(make(name, training=training).pair(image, target_of_task))
            (pixels, moved), (_, objects_moved) = pairs
            lit = pixels.mean(0) > (pixels.mean(0).max() + pixels.mean(0).min()) / 2
            if not whole(lit):
                continue
            count += 1
            expected = centre(lit)
            left, top, right, bottom = objects_moved["boxes"][0].tolist()
            box = torch.tensor([(left + right) / 2, (top + bottom) / 2], dtype=torch.float64)
            # Pixels at the edge may be inside or outside. With a radius of 8 pixels or more, this
            # moves the centres of the image and of the mask by less than a quarter of a pixel.
            assert centre(moved == 1) == pytest.approx(expected, abs=0.15)
            assert torch.equal(objects_moved["masks"][0] == 1, moved == 1)
            assert box == pytest.approx(expected, abs=0.25)
    assert count >= 3


@pytest.mark.parametrize("family", ["resize", "jitter", "pad"])
@pytest.mark.parametrize("source", [(240, 320), (45, 75)])
def test_a_mirrored_image_gives_a_mirrored_result(family, source):
    height, width = source
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(256, (3, height, width), generator=generator, dtype=torch.uint8)
    mask = torch.randint(5, (height, width), generator=generator)
    _, _, target = disc(height, width, 0.4, 0.45, 0.2)
    box = target["boxes"].clone()
    box[:, [0, 2]] = width - box[:, [2, 0]]
    mirrored = target | {"boxes": tv_tensors.wrap(box, like=target["boxes"])}
    mirrored["masks"] = tv_tensors.wrap(target["masks"].flip(-1), like=target["masks"])
    transform = make(f"{family}_64", training=False)
    pixels, moved = transform.pair(image, mask)
    pixels_after, moved_after = transform.pair(image.flip(-1), mask.flip(-1))
    assert torch.equal(moved_after, moved.flip(-1))
    # A value may be rounded up in one image and down in the other.
    assert (255 * (pixels_after - pixels.flip(-1))).abs().max() <= 1.001
    before, after = transform.pair(image, target)[1], transform.pair(image, mirrored)[1]
    assert torch.equal(after["masks"], before["masks"].flip(-1))
    left, top, right, bottom = before["boxes"][0].tolist()
    expected = [64 - right, top, 64 - left, bottom]
    assert after["boxes"][0].tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("side", [65, 90, 100, 130, 200])
def test_a_line_of_at_least_a_resulting_pixel_is_never_lost(side):
    thickness = math.ceil(side / 64)
    for start in range(side - thickness + 1):
        mask = torch.zeros(side, 2, dtype=torch.int64)
        mask[start : start + thickness] = 2
        assert 2 in nearest(mask, [64, 2])
        assert 2 in nearest(mask.T, [2, 64])


@pytest.mark.parametrize("new", [64, 128, 256, 512])
def test_masks_are_resized_like_nearest_exact_in_torch(new):
    for old in [*range(1, 40), 63, 65, 96, 127, 333, 480, 640, 1001]:
        mask = torch.arange(3 * old).reshape(old, 3)
        expected = interpolate(mask[None, None].double(), (new, 3), mode="nearest-exact")[0, 0]
        assert torch.equal(nearest(mask, [new, 3]), expected.long())


@pytest.mark.parametrize(("size", "side"), [(224, 13), (224, 26), (320, 39), (320, 150)])
def test_a_box_of_the_whole_image_is_not_left_out_if_its_width_is_rounded_up(size, side):
    # In float32, these widths times the rounded factor exceed the size.
    assert torch.tensor(float(side)) * torch.tensor(size / side) > size
    image = torch.zeros(3, side, side, dtype=torch.uint8)
    target = objects(side, side)
    target["boxes"][0] = torch.tensor([0.0, 0.0, side, side])
    moved = make(f"resize_{size}", training=False).pair(image, target)[1]
    assert moved["boxes"].tolist() == [[0.0, 0.0, size, size]]


def random_mask(height, width):
    classes = torch.tensor([0, 1, 7, 90, IGNORED])
    return classes[torch.randint(len(classes), (height, width))]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_masks_contain_no_new_class(name, training):
    transform = make(name, training=training)
    for seed, (height, width) in enumerate(((64, 64), (9, 33), (130, 71), (1, 200), (300, 257))):
        torch.manual_seed(seed)
        mask = random_mask(height, width)
        image = torch.randint(256, (3, height, width), dtype=torch.uint8)
        moved = transform.pair(image, mask)[1]
        assert moved.dtype == torch.int64
        assert moved.shape == (64, 64)
        assert {*moved.unique().tolist()} <= {*mask.unique().tolist(), IGNORED}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_masks_of_objects_stay_0_and_1_and_boxes_in_the_image(name, training):
    transform = make(name, training=training)
    for seed in range(20):
        torch.manual_seed(seed)
        image, mask, target = scene()
        target["masks"] = tv_tensors.Mask((mask > 0).to(torch.uint8)[None])
        moved = transform.pair(image, target)[1]
        count = len(moved["boxes"])
        assert moved["masks"].shape == (count, 64, 64)
        assert moved["masks"].dtype == torch.uint8
        assert {*moved["masks"].unique().tolist()} <= {0, 1}
        assert moved["boxes"].canvas_size == (64, 64)
        assert ((moved["boxes"] >= 0) & (moved["boxes"] <= 64)).all()
        assert (moved["boxes"][:, 2:] - moved["boxes"][:, :2] >= 1).all()


def test_an_area_is_scaled_with_its_box():
    image, _, target = scene(height=32, width=128)
    target["area"] = torch.tensor([320.0])
    # Resizing halves the width and doubles the height; resizing in proportion halves both.
    for name, area in (("resize_64", 320.0), ("pad_64_flip", 80.0)):
        assert make(name).pair(image, target)[1]["area"].tolist() == [area]


def test_an_area_is_cropped_with_its_box():
    transform = make("randscale_64_flip")
    for seed in range(20):
        torch.manual_seed(seed)
        image, _, target = scene()
        moved = transform.pair(image, target)[1]
        # The object fills its box before and after.
        sides = (moved["boxes"][:, 2:] - moved["boxes"][:, :2]).tolist()
        expected = [width * height for width, height in sides]
        assert moved["area"].tolist() == pytest.approx(expected, rel=1e-4)


def test_the_targets_of_the_loader_are_not_changed():
    image, _, target = scene(height=32, width=64)
    make("randscale_64_flip").pair(image, target)
    assert (target["area"].tolist(), len(target["boxes"])) == ([640.0], 1)


def test_an_object_with_an_empty_mask_is_left_out():
    image, mask, target = scene()
    masks = torch.stack([mask > 0, torch.zeros_like(mask, dtype=torch.bool)])
    target = {
        "boxes": tv_tensors.wrap(target["boxes"].repeat(2, 1), like=target["boxes"]),
        "labels": torch.tensor([3, 4]),
        "area": torch.tensor([640.0, 640.0]),
        "iscrowd": torch.tensor([0, 0]),
        "image_id": 7,
        "masks": tv_tensors.Mask(masks.to(torch.uint8)),
    }
    moved = make("resize_64").pair(image, target)[1]
    assert moved["labels"].tolist() == [3]
    assert {len(moved[name]) for name in ("boxes", "area", "iscrowd", "masks")} == {1}
    assert isinstance(moved["boxes"], tv_tensors.BoundingBoxes)
    assert isinstance(moved["masks"], tv_tensors.Mask)
    assert moved["image_id"] == 7


@pytest.mark.parametrize("name", SMALL)
def test_an_image_without_objects_is_transformed(name):
    image = torch.zeros(3, 48, 80, dtype=torch.uint8)
    target = {
        "boxes": tv_tensors.BoundingBoxes(torch.zeros(0, 4), format="XYXY", canvas_size=(48, 80)),
        "labels": torch.zeros(0, dtype=torch.int64),
        "area": torch.zeros(0),
        "masks": tv_tensors.Mask(torch.zeros(0, 48, 80, dtype=torch.uint8)),
    }
    moved = make(name).pair(image, target)[1]
    assert [len(moved[part]) for part in target] == [0, 0, 0, 0]


@pytest.mark.parametrize(("height", "width"), [(1, 200), (200, 1)])
def test_the_shorter_side_has_at_least_a_pixel(height, width):
    image = torch.full((3, height, width), 255, dtype=torch.uint8)
    mask = torch.ones(height, width, dtype=torch.int64)
    pixels, moved = make("pad_64", training=False).pair(image, mask)
    assert (pixels[:, moved == 1] == 1).all()
    assert (moved == 1).sum() == 64


def test_evaluation_is_deterministic():
    for name in SMALL:
        transform = make(name, training=False)
        pairs = [transform.pair(*scene()[:2]) for _ in range(2)]
        assert all(torch.equal(*values) for values in zip(*pairs, strict=True))


def test_the_image_is_normalised():
    image = torch.full((3, 64, 64), 51, dtype=torch.uint8)
    transform = ENTRIES["resize_64"].load()(Normalisation((0.1, 0.2, 0.3), (0.5, 0.2, 0.1)))
    pixels, _ = transform.pair(image, image[0].long())
    torch.testing.assert_close(pixels[:, 0, 0], torch.tensor([0.2, 0.0, -1.0]))


@pytest.mark.parametrize("name", [name for name in SMALL if "flip" not in name])
def test_predictions_are_placed_in_the_image(name):
    transform = make(name, training=False)
    detection, segmentation = Detection(), Segmentation()
    image, mask, target = scene()
    pixels, moved = transform.pair(image, target)
    output = {name: moved[name].as_subclass(torch.Tensor) for name in ("boxes", "labels")}
    _, probed = transform.pair(image, detection.probe(image))
    sizes = image.shape[1:], pixels.shape[1:]
    [row] = detection.rows(
        ImageOutput(output | {"scores": torch.tensor([0.9])}, probed, *sizes), Style()
    )
    actual = [row[side] for side in ("left", "top", "right", "bottom")]
    assert actual == pytest.approx([16, 8, 56, 24], abs=1e-3)
    # The mask fills a sixth of the image; a transform's padding does not count.
    _, classes = transform.pair(image, mask)
    logits = torch.nn.functional.one_hot(classes.clamp(min=0), 4).permute(2, 0, 1)
    rows = segmentation.rows(
        ImageOutput(logits, transform.pair(image, segmentation.probe(image))[1], *sizes), Style()
    )
    assert {row["index"]: row["share"] for row in rows} == pytest.approx(
        {0: 5 / 6, 3: 1 / 6}, abs=0.01
    )
