"""CNN-10: plain random CNNs of up to ten convolutions, most of which learn little.

The architectures on which lemur's estimators are evaluated, after Rorabaugh et al., PEng4NN
(arXiv:2101.04185): 1 to 10 convolutions with kernels of 1 to 5 pixels, strides of 1 (three in four)
or 2, paddings of 0 to 2, and 4 to 23 filters on a logarithmic scale; then a hidden linear layer of
32 or 64 units, or none. The learning rates, which PEng4NN draws too, are those of the training.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import MisfitError, SettingsError
from lemur_spaces.complexity import Complexity, Images, biased_conv, linear
from lemur_spaces.space import Design, Space

if TYPE_CHECKING:
    from random import Random

MOST_LAYERS = 10
_LAYER = re.compile(r"(\d+)k(\d+)s(\d+)p(\d+)")


class Layer(NamedTuple):
    """A convolution.

    Attributes:
        filters: Channels of the output.
        kernel: Height and width of the kernel, in pixels.
        stride: Stride, in pixels.
        padding: Zeros at each border, in pixels.
    """

    filters: int
    kernel: int
    stride: int
    padding: int

    def __str__(self) -> str:
        return f"{self.filters}k{self.kernel}s{self.stride}p{self.padding}"

    def side_after(self, side: int) -> int:
        """Return the height and width of the output, below 1 if the input is too small."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


def draw(rng: Random) -> Design:
    """Draw a design of CNN-10; on small images, the output of a layer can be empty."""
    layers = [
        Layer(
            kernel=rng.randint(1, 5),
            stride=rng.choice((1, 1, 1, 2)),
            padding=rng.randint(0, 2),
            filters=round(2 ** rng.uniform(2, 4.5)),
        )
        for _ in range(rng.randint(1, MOST_LAYERS))
    ]
    return {"layers": "-".join(map(str, layers)), "hidden": rng.choice((0, 0, 32, 64))}


def layers_of(design: Design) -> list[Layer]:
    """Return the convolutions of a design, written as ``16k3s1p1-8k5s2p0``.

    Raises:
        SettingsError: The text does not describe layers.

    >>> layers_of({"layers": "16k3s1p1", "hidden": 0})
    [Layer(filters=16, kernel=3, stride=1, padding=1)]
    """
    matches = [_LAYER.fullmatch(text) for text in str(design["layers"]).split("-")]
    if not all(matches):
        raise SettingsError(f"layers {design['layers']!r}: expected layers as in 16k3s1p1-8k5s2p0")
    return [Layer(*map(int, match.groups())) for match in matches if match]


def fault(design: Design) -> str:
    """Return why a design is invalid; empty if it is valid."""
    count = len(layers_of(design))
    return "" if count <= MOST_LAYERS else f"{count} layers; expected at most {MOST_LAYERS}"


def complexity(design: Design, images: Images) -> Complexity:
    """Return the complexity of a design by formula.

    Raises:
        MisfitError: The output of a layer is empty, because the images are too small.
    """
    channels, side, parts = images.channels, images.px, []
    for number, layer in enumerate(layers_of(design), start=1):
        side = layer.side_after(side)
        if side < 1:
            raise MisfitError(
                f"layers {design['layers']!r}: the output of layer {number} is empty for images "
                f"of {images.px} px"
            )
        parts.append(biased_conv(channels, layer.filters, layer.kernel, side))
        channels = layer.filters
    features, hidden = channels * side * side, int(design["hidden"])
    if hidden:
        parts.append(linear(features, hidden))
    return linear(hidden or features, images.classes).plus(*parts)


SPACE = Space(net="CNN-10", draw=draw, fault=fault, complexity=complexity)
"""CNN-10."""
