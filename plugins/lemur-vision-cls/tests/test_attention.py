"""Windows, grids and patches: which positions attend to each other, and which images fit."""

import pytest
import torch

from lemur_core.errors import ShapeError

from .references import of_timm
from .test_draws import build
from .test_nets import ENTRIES, as_trained

MAXVIT, SWIN = ENTRIES["MaxVit"].load(), ENTRIES["SwinTransformer"].load()


# Swin masks a position by subtracting 100 from its logit, which leaves a weight of about exp(-100).
HIDDEN = 1e-30


def seen(layer, x, place):
    """Return the positions of ``x`` (rows and columns) that the output at one depends on."""
    x.requires_grad_()
    layer.eval()(x)[place].square().sum().backward()
    return {tuple(each) for each in (x.grad[0].abs().sum(-1) > HIDDEN).nonzero().tolist()}


def seen_by_channels_first(layer, x, place):
    class Turned(torch.nn.Module):
        def forward(self, x):
            return layer.eval()(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    return seen(Turned(), x, place)


def rectangle(rows, columns):
    return {(row, column) for row in rows for column in columns}


def test_positions_of_a_window_are_neighbours():
    layer = MAXVIT.MultiAxis(32, (2, 4), False, 0.0, 0.0, 0.0)
    places = seen_by_channels_first(layer, torch.randn(1, 8, 24, 32), (0, 3, 5))
    assert places == rectangle((2, 3), (4, 5, 6, 7))


def test_positions_of_a_grid_are_as_far_apart_as_possible():
    layer = MAXVIT.MultiAxis(32, (2, 4), True, 0.0, 0.0, 0.0)
    places = seen_by_channels_first(layer, torch.randn(1, 8, 24, 32), (0, 3, 5))
    assert places == rectangle((3, 7), (5, 11, 17, 23))


@pytest.mark.parametrize(
    ("shift", "place", "rows", "columns"),
    [
        (0, (8, 8), range(7, 14), range(7, 14)),
        (3, (8, 8), range(3, 10), range(3, 10)),
        # The last window includes the first three rows and columns, but they only attend to each
        # other.
        (3, (20, 1), range(17, 21), range(3)),
        (3, (20, 12), range(17, 21), range(10, 17)),
        (3, (0, 20), range(3), range(17, 21)),
    ],
)
def test_a_shifted_window_does_not_attend_across_the_border(shift, place, rows, columns):
    layer = SWIN.WindowAttention(32, 1, shift, 0.0, 0.0)
    places = seen(layer, torch.randn(1, 21, 21, 32), (0, *place))
    assert places == rectangle(rows, columns)


def test_an_axis_of_one_window_is_not_shifted():
    layer = SWIN.WindowAttention(32, 1, 3, 0.0, 0.0)
    places = seen(layer, torch.randn(1, 7, 14, 32), (0, 6, 8))
    assert places == rectangle(range(7), range(3, 10))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DeiT", "expected multiples of 16, the size of a patch; "),
        ("MLP-Mixer", "expected multiples of 16, the size of a patch; "),
        ("MaxVit", "expected multiples of 32, so that windows cover every stage's map; "),
        ("VisionTransformer", "expected multiples of 16, the size of a patch; "),
    ],
)
def test_images_of_indivisible_size_are_refused(name, message):
    with pytest.raises(ShapeError) as raised:
        build(name, (72, 72), {})
    transform = "norm_64" if name == "MaxVit" else "norm_32"
    expected = f"{name}: images of 72x72; {message}choose a transform to such a size, {transform}"
    assert str(raised.value) == f"{expected} for one"


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("DeiT", of_timm("deit_tiny_patch16_224", img_size=(32, 64))),
        ("MLP-Mixer", of_timm("mixer_s16_224", img_size=(32, 64))),
    ],
)
def test_images_may_be_wider_than_high(name, theirs):
    theirs = as_trained(theirs(10))
    ours = build(name, (32, 64), {}).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    images = torch.randn(2, 3, 32, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)
