"""Predictions are drawn with each colour at its place and nowhere else."""

from itertools import combinations
from math import dist

import numpy as np
import pytest
import torch
from PIL import Image

from lemur_core.errors import ShapeError
from lemur_core.kinds.loader import IGNORED, DataBundle, InMemory
from lemur_core.kinds.task import Example, Style
from lemur_core.kinds.transform import Normalisation
from lemur_core.pictures.colours import GREY, class_picture, colour, readable_on
from lemur_core.pictures.grid import grid, tile_position
from lemur_core.pictures.tiles import input_picture, scale_of
from lemur_core.restriction import Restriction
from lemur_core.tasks.drawing import classified, detected, segmented
from lemur_core.train.restrict import restrict


def pixels(image):
    """Return an image as rows of pixels."""
    return np.asarray(image).astype(int)


def is_colour(image, number):
    return (pixels(image) == colour(number)).all(-1)


# Colours


def test_the_first_twenty_colours_differ_from_each_other_and_from_grey():
    colours = [colour(number) for number in range(20)] + [GREY]
    assert min(dist(first, second) for first, second in combinations(colours, 2)) > 40


def test_a_thousand_classes_have_almost_as_many_colours():
    assert len({colour(number) for number in range(1000)}) > 900


def test_text_is_black_on_bright_and_white_on_dark():
    assert readable_on((255, 255, 0)) == (0, 0, 0)
    assert readable_on((0, 0, 255)) == (255, 255, 255)


def test_each_pixel_has_the_colour_of_its_class_and_ignored_pixels_are_grey():
    picture = class_picture(torch.tensor([[0, 3], [IGNORED, 300]]))
    assert picture.tolist() == [[[0, 0, 0], [*colour(3)]], [[128, 128, 128], [*colour(300)]]]


# Inputs as pictures


def test_one_channel_is_grey_and_the_first_three_of_four_are_used():
    grey = input_picture(torch.tensor([[[0.0, 1.0], [0.2, 0.4]]]))
    assert grey.tolist() == [[[0] * 3, [255] * 3], [[51] * 3, [102] * 3]]
    four = torch.tensor([0.0, 0.2, 0.4, 1.0]).reshape(4, 1, 1)
    assert input_picture(four).tolist() == [[[0, 51, 102]]]
    assert input_picture(four[:2]).tolist() == [[[0, 0, 0]]]


def test_values_out_of_range_are_rescaled_and_imaginary_parts_ignored():
    assert input_picture(torch.tensor([[[-3.0, 1.0, 5.0]]]))[0, :, 0].tolist() == [0, 128, 255]
    assert input_picture(torch.tensor([[[0.2 + 9j, 0.4 - 9j]]]))[0, :, 0].tolist() == [51, 102]


@pytest.mark.parametrize(
    ("sides", "scale"), [((8, 8), 24), ((8, 64), 3), ((64, 8), 3), ((224, 9), 1)]
)
def test_small_images_are_enlarged_by_an_integer(sides, scale):
    assert scale_of(*sides) == scale


# Classification


def test_the_class_and_the_most_probable_class_are_on_their_colours():
    output = torch.tensor([0.0, 0.0, torch.tensor(3.0).log()])
    row = classified(Example(torch.zeros(1, 8, 8), torch.tensor(1), output), Style())
    assert row.input.size == row.target.size == row.prediction.size == (192, 192)
    assert is_colour(row.target, 1)[0].all()
    assert is_colour(row.prediction, 2)[0].all()
    assert not is_colour(row.prediction, 2).all()


@pytest.mark.parametrize(
    "output", [torch.tensor([0.2, 0.7, 0.1]), torch.tensor([0.2, 0.7, 0.1]).log() + 5]
)
def test_outputs_may_be_logits_or_probabilities(monkeypatch, output):
    texts = []
    monkeypatch.setattr(
        "lemur_core.tasks.drawing.text_tile",
        lambda size, text, ground, height: texts.append(text) or Image.new("RGB", size),
    )
    classified(Example(torch.zeros(1, 8, 8), 2, output), Style(("a", "b", "c")))
    assert texts == ["c", "b\n0.70"]


# Segmentation


def test_masks_are_in_the_colours_of_their_classes():
    target = torch.tensor([[0, 1], [2, IGNORED]])
    output = torch.zeros(3, 2, 2)
    output[[2, 1, 2, 0], [0, 0, 1, 1], [0, 1, 0, 1]] = 1.0
    row = segmented(Example(torch.zeros(3, 2, 2), target, output), Style())
    expected = torch.tensor([[0, 1], [2, IGNORED]]), torch.tensor([[2, 1], [2, 0]])
    for picture, classes in zip((row.target, row.prediction), expected, strict=True):
        assert picture.size == (192, 192)
        large = classes.repeat_interleave(96, 0).repeat_interleave(96, 1)
        assert (pixels(picture) == class_picture(large).numpy()).all()
    assert row.classes == {0, 1, 2, IGNORED}


def test_a_coarser_prediction_is_enlarged_to_the_image():
    example = Example(torch.zeros(3, 4, 4), torch.ones(4, 4).long(), torch.eye(2)[:, None])
    row = segmented(example, Style())
    assert is_colour(row.prediction, 0)[:, :96].all()
    assert is_colour(row.prediction, 1)[:, 96:].all()


# Detection

SCALE = 24
TARGET = {"boxes": torch.tensor([[1.0, 3, 5, 7]]), "labels": torch.tensor([1])}


def detections(boxes, labels, scores, **more):
    return {
        "boxes": torch.tensor(boxes).reshape(-1, 4).float(),
        "labels": torch.tensor(labels).long(),
        "scores": torch.tensor(scores).float(),
    } | more


def boxed(output, target=TARGET, style=None):
    return detected(Example(torch.zeros(1, 8, 8), target, output), style or Style())


def outline(left, top, right, bottom, side=8 * SCALE, width=2):
    """Return the positions of the edges of a box in pixels of the enlarged image."""
    where = np.zeros((side, side), bool)
    where[top:bottom, left:right] = True
    where[top + width : bottom - width, left + width : right - width] = False
    return where


def test_a_box_is_drawn_where_it_is():
    row = boxed(detections([1, 3, 5, 7], [2], [0.9]))
    edges = outline(1 * SCALE, 3 * SCALE, 5 * SCALE, 7 * SCALE)
    below = np.s_[3 * SCALE :]
    for picture, number in ((row.target, 1), (row.prediction, 2)):
        assert (is_colour(picture, number)[below] == edges[below]).all()
        # The name of the class is above the box.
        assert is_colour(picture, number)[3 * SCALE - 1, SCALE]
        assert not is_colour(picture, number)[: 2 * SCALE].any()
    assert not pixels(row.input).any()


def test_the_name_of_a_box_at_the_upper_edge_is_inside_the_box():
    row = boxed(detections([0, 0, 8, 8], [2], [0.9]))
    shown = is_colour(row.prediction, 2)
    assert (shown | ~outline(0, 0, 192, 192)).all()
    assert shown[3, 10]


@pytest.mark.parametrize(
    ("score", "numbers"), [(0.0, {1, 2, 3}), (0.5, {2, 3}), (0.6, {3}), (1, set())]
)
def test_no_box_below_the_score_is_drawn(score, numbers):
    corners = [[0, 3, 2, 5], [3, 3, 5, 5], [6, 3, 8, 5]]
    row = boxed(detections(corners, [1, 2, 3], [0.49, 0.5, 0.99]), style=Style(score=score))
    assert {number for number in (1, 2, 3) if is_colour(row.prediction, number).any()} == numbers


def test_the_box_with_the_highest_score_is_over_the_others():
    row = boxed(detections([[1, 3, 5, 7]] * 3, [1, 2, 3], [0.7, 0.9, 0.8]))
    assert is_colour(row.prediction, 2)[5 * SCALE, SCALE]


@pytest.mark.parametrize(
    "box", [[5, 5, 1, 1], [1, 1, 1, 5], [float("nan")] * 4, [0, 0, float("inf"), 1]]
)
def test_an_invalid_box_is_not_drawn(box):
    assert not pixels(boxed(detections(box, [1], [0.9])).prediction).any()


def test_without_detections_the_image_is_unchanged():
    row = boxed(detections([], [], []))
    assert not pixels(row.prediction).any()


def test_masks_of_objects_tint_the_image_and_crowds_are_grey():
    inside = torch.zeros(8, 8)
    inside[4:6, 2:4] = 1
    target = TARGET | {"masks": inside[None].to(torch.uint8), "iscrowd": torch.tensor([1])}
    output = detections([1, 3, 5, 7], [2], [0.9], masks=0.6 * inside[None, None])
    row = boxed(output, target)
    tinted = np.zeros((192, 192), bool)
    tinted[4 * SCALE : 6 * SCALE, 2 * SCALE : 4 * SCALE] = True
    for picture, ground in ((row.target, GREY), (row.prediction, colour(2))):
        shown = (pixels(picture) == [side // 2 for side in ground]).all(-1)
        assert (shown == tinted).all()
    assert (pixels(row.target) == GREY).all(-1)[5 * SCALE, SCALE]


# The grid


def test_pictures_of_a_sample_are_in_a_row_and_classes_in_a_legend():
    target, output = torch.full((8, 8), 1), torch.zeros(3, 8, 8)
    output[2] = 1.0
    example = Example(torch.ones(1, 8, 8), target, output)
    style = Style(("ground", "one", "two"))
    sheet = grid([segmented(example, style)] * 2, style)
    for row in (0, 1):
        for column, expected in enumerate(((255, 255, 255), colour(1), colour(2))):
            left, top = tile_position((192, 192), row, column)
            cell = pixels(sheet)[top : top + 192, left : left + 192]
            assert (cell == expected).all()
    _, end = tile_position((192, 192), 2, 0)
    assert is_colour(sheet, 1)[end:].any()
    assert is_colour(sheet, 2)[end:].any()
    # A class that does not occur is not in the legend.
    legend = pixels(sheet)[end:]
    assert not (legend == (0, 0, 0)).all(-1)[:, :6].any()


# Names of classes


def named(names):
    samples = InMemory(torch.zeros(6, 1, 2, 2, dtype=torch.uint8), torch.arange(6) % 3)
    return DataBundle(samples, samples, (3,), 0.3, Normalisation((0.5,), (0.5,)), None, names)


def test_there_are_as_many_names_as_classes():
    assert named(()).class_names == ()
    with pytest.raises(ShapeError, match=r"2 names of classes for \(3,\)"):
        named(("cat", "dog"))


def test_a_selection_of_classes_has_its_own_names():
    names = ("cat", "dog", "owl")
    part = restrict(named(names), Restriction(classes=2, seed=1), "toy")
    chosen = torch.randperm(3, generator=torch.Generator().manual_seed(1))[:2].sort().values
    assert part.class_names == tuple(names[at] for at in chosen)
    assert part.held_out().class_names == part.class_names
