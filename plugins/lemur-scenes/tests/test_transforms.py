"""Images, masks and boxes are moved together."""

import pytest
import torch
from torchvision import tv_tensors

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation
from lemur_scenes.plugin import lemur_register_transforms

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
