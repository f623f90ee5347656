"""Random changes of training images, from counters of `lemur_zoo.draws`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lemur_zoo import draws
from lemur_zoo.members import SplitArrays
from lemur_zoo.spec.spec import CROP, FLIP

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy import float32
    from numpy.typing import NDArray

PADDING = 4
# The last word of the counters; dropout layers have the smaller numbers.
_COUNTER = 2**32 - 1


def augmented(
    images: SplitArrays,
    black: NDArray[float32],
    kinds: Collection[str],
    seed: int,
    epoch: int,
) -> SplitArrays:
    """Return the training images of a member as an epoch uses them.

    Args:
        images: The training split.
        black: Value of a black pixel of each channel, shape ``(channels,)``.
        kinds: ``crop`` moves each image by up to `PADDING` pixels in each direction, with black
            pixels beside it; ``flip`` mirrors every second one.
        seed: Seed of the member.
        epoch: Number of the epoch.
    """
    inputs = images.inputs
    words = draws.philox((np.arange(len(inputs)), 0, epoch, _COUNTER), draws.key_of(seed))
    if CROP in kinds:
        inputs = _moved(inputs, black, words[:, 0], words[:, 1])
    if FLIP in kinds:
        inputs = np.where(
            (words[:, 2] & 1).astype(bool)[:, None, None, None], inputs[..., ::-1], inputs
        )
    return SplitArrays(np.ascontiguousarray(inputs), images.targets)


def _moved(
    inputs: NDArray[float32],
    black: NDArray[float32],
    down: NDArray[np.uint32],
    right: NDArray[np.uint32],
) -> NDArray[float32]:
    count, channels, height, width = inputs.shape
    shape = (count, channels, height + 2 * PADDING, width + 2 * PADDING)
    padded = np.empty(shape, inputs.dtype)
    padded[:] = black[:, None, None]
    padded[..., PADDING:-PADDING, PADDING:-PADDING] = inputs
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (2, 3))
    places = 2 * PADDING + 1
    moved: NDArray[float32] = windows[np.arange(count), :, down % places, right % places]
    return moved
