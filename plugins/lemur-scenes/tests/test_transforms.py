"""Images, masks and boxes are moved together."""

import math

import pytest
import torch
from torch.nn.functional import interpolate
from torchvision import tv_tensors

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation
from lemur_scenes.plugin import lemur_register_transforms
from lemur_scenes.transforms.resizing import nearest

PLAIN = Normalisation((0.0,) * 3, (1.0,) * 3)
ENTRIES = {entry.name: entry for entry in lemur_register_transforms()}
SMALL = [name for name in ENTRIES if "_64" in name]


def made(name, *, training=True):
    return ENTRIES[name].load()(PLAIN).train(training)


def scene(height=48, width=80):
    """Return an image, black but for a white object on it, its mask and its box."""
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
    transform = made(name)
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
    transform = made(name)
    for seed in range(20):
        torch.manual_seed(seed)
        image, _, target = scene()
        pixels, moved = transform.pair(image, target)
        rows, columns = (pixels.mean(0) > 0.4).nonzero(as_tuple=True)
        if not len(moved["boxes"]):
            assert len(rows) <= pixels.shape[-1]
            continue
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert moved["boxes"][0].tolist() == pytest.approx([float(each) for each in seen], abs=1.6)


def test_objects_that_are_cropped_away_are_left_out_whole():
    transform = made("randscale_64_flip")
    kept = set()
    for seed in range(60):
        torch.manual_seed(seed)
        image, _, target = scene()
        target["boxes"][0] = torch.tensor([0.0, 0.0, 3.0, 3.0])
        moved = transform.pair(image, target)[1]
        lengths = {len(moved[name]) for name in ("boxes", "labels", "area", "iscrowd")}
        assert len(lengths) == 1
        assert moved["image_id"] == 7
        kept |= lengths
    assert kept == {0, 1}


def test_what_is_padded_does_not_count_and_moves_no_box():
    image, mask, target = scene(height=32, width=64)
    transform = made("pad_64", training=False)
    pixels, moved = transform.pair(image, mask)
    assert pixels.shape == (3, 64, 64)
    assert (moved[32:] == IGNORED).all()
    assert torch.equal(moved[:32], mask)
    assert (pixels[:, 32:] == 0).all()
    assert transform.pair(image, target)[1]["boxes"].tolist() == target["boxes"].tolist()


def test_masks_of_objects_are_padded_with_what_is_no_object():
    image, mask, target = scene(height=32, width=64)
    target["masks"] = tv_tensors.Mask((mask > 0).to(torch.uint8)[None])
    moved = made("pad_64", training=False).pair(image, target)[1]["masks"]
    assert moved.shape == (1, 64, 64)
    assert moved.sum() == (mask > 0).sum()


def disc(height, width, across, down, radius):
    """Return the image of a white disc on black, its mask and the mask as an object's with a box.

    Places and the radius are shares of the width, the height and the smaller side. The centre is
    between pixels, so that the box has the same.
    """
    centre, reach = (round(across * width), round(down * height)), radius * min(height, width)
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    mask = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= reach**2
    seen = [mask.any(0).nonzero().flatten(), mask.any(1).nonzero().flatten()]
    box = [float(end) for end in (seen[0][0], seen[1][0], seen[0][-1] + 1, seen[1][-1] + 1)]
    target = objects(height, width) | {
        "boxes": tv_tensors.BoundingBoxes([box], format="XYXY", canvas_size=(height, width)),
        "masks": tv_tensors.Mask(mask.to(torch.uint8)[None]),
    }
    return 255 * mask.to(torch.uint8).expand(3, -1, -1), mask.long(), target


def centre(mask):
    return mask.nonzero().double().mean(0).flip(0) + 0.5


def whole(lit):
    """Return whether nothing of a disc is cut off."""
    return bool(lit.any()) and not any(
        edge.any() for edge in (lit[0], lit[-1], lit.T[0], lit.T[-1])
    )


# Height and width; for each a pixel of 64 lies nearest to one pixel alone, also where the longer
# side is 64 and the shorter is in proportion.
SOURCES = [(240, 320), (320, 240), (45, 75)]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("source", SOURCES)
def test_a_disc_its_mask_and_its_box_have_one_centre(name, source):
    found = 0
    for seed in range(3):
        drawn = torch.Generator().manual_seed(seed)
        places = (0.4 + 0.2 * torch.rand(2, generator=drawn)).tolist()
        image, mask, target = disc(*source, *places, 0.25)
        for training in (False, True):
            pairs = []
            for given in (mask, target):
                torch.manual_seed(seed)
                pairs.append(made(name, training=training).pair(image, given))
            (pixels, moved), (_, objects_moved) = pairs
            lit = pixels.mean(0) > (pixels.mean(0).max() + pixels.mean(0).min()) / 2
            if not whole(lit):
                continue
            found += 1
            lies = centre(lit)
            left, top, right, bottom = objects_moved["boxes"][0].tolist()
            box = torch.tensor([(left + right) / 2, (top + bottom) / 2], dtype=torch.float64)
            # Pixels at the edge fall to either side of it: at a radius of 8 pixels and more the
            # mean of all places wavers by less than a quarter, in the mask as in the image.
            assert centre(moved == 1) == pytest.approx(lies, abs=0.15)
            assert torch.equal(objects_moved["masks"][0] == 1, moved == 1)
            assert box == pytest.approx(lies, abs=0.25)
    assert found >= 3


@pytest.mark.parametrize("family", ["resize", "jitter", "pad"])
@pytest.mark.parametrize("source", [(240, 320), (45, 75)])
def test_a_mirrored_source_gives_a_mirrored_result(family, source):
    height, width = source
    drawn = torch.Generator().manual_seed(0)
    image = torch.randint(256, (3, height, width), generator=drawn, dtype=torch.uint8)
    mask = torch.randint(5, (height, width), generator=drawn)
    _, _, target = disc(height, width, 0.4, 0.45, 0.2)
    box = target["boxes"].clone()
    box[:, [0, 2]] = width - box[:, [2, 0]]
    mirrored = target | {"boxes": tv_tensors.wrap(box, like=target["boxes"])}
    mirrored["masks"] = tv_tensors.wrap(target["masks"].flip(-1), like=target["masks"])
    transform = made(f"{family}_64", training=False)
    pixels, moved = transform.pair(image, mask)
    pixels_after, moved_after = transform.pair(image.flip(-1), mask.flip(-1))
    assert torch.equal(moved_after, moved.flip(-1))
    # A byte may be rounded up on one side and down on the other.
    assert (255 * (pixels_after - pixels.flip(-1))).abs().max() <= 1.001
    one, two = (transform.pair(image, each)[1] for each in (target, mirrored))
    assert torch.equal(two["masks"], one["masks"].flip(-1))
    left, top, right, bottom = one["boxes"][0].tolist()
    assert two["boxes"][0].tolist() == pytest.approx([64 - right, top, 64 - left, bottom], abs=1e-4)


@pytest.mark.parametrize("side", [65, 90, 100, 130, 200])
def test_a_line_as_thick_as_a_pixel_of_the_result_is_never_lost(side):
    thick = math.ceil(side / 64)
    for at in range(side - thick + 1):
        mask = torch.zeros(side, 2, dtype=torch.int64)
        mask[at : at + thick] = 2
        assert 2 in nearest(mask, [64, 2])
        assert 2 in nearest(mask.T, [2, 64])


@pytest.mark.parametrize("new", [64, 128, 256, 512])
def test_masks_are_resized_as_torch_does_by_nearest_exact(new):
    for old in [*range(1, 40), 63, 65, 96, 127, 333, 480, 640, 1001]:
        mask = torch.arange(3 * old).reshape(old, 3)
        expected = interpolate(mask[None, None].double(), (new, 3), mode="nearest-exact")[0, 0]
        assert torch.equal(nearest(mask, [new, 3]), expected.long())


@pytest.mark.parametrize(("size", "side"), [(224, 13), (224, 26), (320, 39), (320, 150)])
def test_a_box_of_the_whole_image_is_kept_where_its_width_is_rounded_up(size, side):
    # In float32 these widths times the rounded factor exceed the size.
    assert torch.tensor(float(side)) * torch.tensor(size / side) > size
    image = torch.zeros(3, side, side, dtype=torch.uint8)
    target = objects(side, side)
    target["boxes"][0] = torch.tensor([0.0, 0.0, side, side])
    moved = made(f"resize_{size}", training=False).pair(image, target)[1]
    assert moved["boxes"].tolist() == [[0.0, 0.0, size, size]]


def drawn_mask(height, width):
    classes = torch.tensor([0, 1, 7, 90, IGNORED])
    return classes[torch.randint(len(classes), (height, width))]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_no_class_is_made_up(name, training):
    transform = made(name, training=training)
    for seed, (height, width) in enumerate(((64, 64), (9, 33), (130, 71), (1, 200), (300, 257))):
        torch.manual_seed(seed)
        mask = drawn_mask(height, width)
        image = torch.randint(256, (3, height, width), dtype=torch.uint8)
        moved = transform.pair(image, mask)[1]
        assert moved.dtype == torch.int64
        assert moved.shape == (64, 64)
        assert {*moved.unique().tolist()} <= {*mask.unique().tolist(), IGNORED}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_masks_of_objects_stay_0_and_1_and_boxes_in_the_image(name, training):
    transform = made(name, training=training)
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


def test_an_area_changes_as_its_box_does():
    image, _, target = scene(height=32, width=128)
    target["area"] = torch.tensor([320.0])
    # To half of the width and twice the height; in proportion, to a quarter.
    for name, area in (("resize_64", 320.0), ("pad_64_flip", 80.0)):
        assert made(name).pair(image, target)[1]["area"].tolist() == [area]


def test_an_area_is_cropped_with_its_box():
    transform = made("randscale_64_flip")
    for seed in range(20):
        torch.manual_seed(seed)
        image, _, target = scene()
        moved = transform.pair(image, target)[1]
        # The object fills its box, before and after.
        sides = (moved["boxes"][:, 2:] - moved["boxes"][:, :2]).tolist()
        expected = [width * height for width, height in sides]
        assert moved["area"].tolist() == pytest.approx(expected, rel=1e-4)


def test_what_the_loader_gave_stays_as_it_was():
    image, _, target = scene(height=32, width=64)
    made("randscale_64_flip").pair(image, target)
    assert (target["area"].tolist(), len(target["boxes"])) == ([640.0], 1)


def test_an_object_of_whose_mask_nothing_remains_is_left_out():
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
    moved = made("resize_64").pair(image, target)[1]
    assert moved["labels"].tolist() == [3]
    assert {len(moved[each]) for each in ("boxes", "area", "iscrowd", "masks")} == {1}
    assert isinstance(moved["boxes"], tv_tensors.BoundingBoxes)
    assert isinstance(moved["masks"], tv_tensors.Mask)
    assert moved["image_id"] == 7


@pytest.mark.parametrize("name", SMALL)
def test_an_image_without_objects_is_moved_too(name):
    image = torch.zeros(3, 48, 80, dtype=torch.uint8)
    target = {
        "boxes": tv_tensors.BoundingBoxes(torch.zeros(0, 4), format="XYXY", canvas_size=(48, 80)),
        "labels": torch.zeros(0, dtype=torch.int64),
        "area": torch.zeros(0),
        "masks": tv_tensors.Mask(torch.zeros(0, 48, 80, dtype=torch.uint8)),
    }
    moved = made(name).pair(image, target)[1]
    assert [len(moved[each]) for each in target] == [0, 0, 0, 0]


@pytest.mark.parametrize(("height", "width"), [(1, 200), (200, 1)])
def test_the_thinnest_image_keeps_a_pixel(height, width):
    image = torch.full((3, height, width), 255, dtype=torch.uint8)
    mask = torch.ones(height, width, dtype=torch.int64)
    pixels, moved = made("pad_64", training=False).pair(image, mask)
    assert (pixels[:, moved == 1] == 1).all()
    assert (moved == 1).sum() == 64


def test_nothing_is_drawn_in_scoring():
    for name in SMALL:
        transform = made(name, training=False)
        pairs = [transform.pair(*scene()[:2]) for _ in range(2)]
        assert all(torch.equal(one, two) for one, two in zip(*pairs, strict=True))


def test_the_image_is_normalised():
    image = torch.full((3, 64, 64), 51, dtype=torch.uint8)
    transform = ENTRIES["resize_64"].load()(Normalisation((0.1, 0.2, 0.3), (0.5, 0.2, 0.1)))
    pixels, _ = transform.pair(image, image[0].long())
    torch.testing.assert_close(pixels[:, 0, 0], torch.tensor([0.2, 0.0, -1.0]))
