"""Complexities of nets by formula, with the conventions of Radosavovic et al. (CVPR 2020).

- Multiply-adds are those of convolutions and linear layers for one image; a bias counts one for
  each of its channels. Normalisation, pooling and activation functions count none.
- Activations are the elements of the outputs of convolutions, poolings with a window and linear
  layers, for one image.
- Parameters are those that are trained; running statistics do not count.
"""

from __future__ import annotations

from typing import NamedTuple


class Images(NamedTuple):
    """What a net is built for.

    Attributes:
        px: Height and width of the images, in pixels.
        channels: Channels of the images.
        classes: Number of classes.
    """

    px: int = 224
    channels: int = 3
    classes: int = 1000


IMAGENET = Images()


class Complexity(NamedTuple):
    """The complexity of a net for one image.

    Attributes:
        parameters: Number of trained parameters.
        macs: Number of multiply-adds.
        activations: Number of output elements of convolutions, poolings and linear layers.
    """

    parameters: int
    macs: int
    activations: int

    def times(self, count: int) -> Complexity:
        """Return the complexity of several equal parts of a net.

        >>> Complexity(2, 3, 4).times(2)
        Complexity(parameters=4, macs=6, activations=8)
        """
        return Complexity(self.parameters * count, self.macs * count, self.activations * count)

    def plus(self, *others: Complexity) -> Complexity:
        """Return the complexity of several parts of a net together.

        >>> Complexity(2, 3, 4).plus(Complexity(1, 1, 1))
        Complexity(parameters=3, macs=4, activations=5)
        """
        return Complexity(*map(sum, zip(self, *others, strict=True)))


NOTHING = Complexity(0, 0, 0)
"""The complexity of a part without parameters, multiply-adds and counted outputs."""


def side_after(side: int, stride: int) -> int:
    """Return the side of the output of an odd window that is padded by half its size.

    >>> side_after(224, 2), side_after(7, 2), side_after(7, 1)
    (112, 4, 7)
    """
    return (side - 1) // stride + 1


def normalised_conv(
    channels_in: int, channels: int, kernel: int, side: int, groups: int = 1
) -> Complexity:
    """Return the complexity of a convolution without bias that is followed by batch normalisation.

    Args:
        channels_in: Channels of the input.
        channels: Channels of the output.
        kernel: Height and width of the kernel.
        side: Height and width of the output, in pixels.
        groups: Number of groups, which divides both numbers of channels.

    >>> normalised_conv(3, 32, 3, 112)
    Complexity(parameters=928, macs=10838016, activations=401408)
    """
    weights, pixels = kernel * kernel * channels_in * channels // groups, side * side
    return Complexity(weights + 2 * channels, weights * pixels, channels * pixels)


def biased_conv(channels_in: int, channels: int, kernel: int, side: int) -> Complexity:
    """Return the complexity of a convolution with bias; see `normalised_conv`."""
    weights, pixels = kernel * kernel * channels_in * channels, side * side
    return Complexity(weights + channels, weights * pixels + channels, channels * pixels)


def linear(features_in: int, features: int) -> Complexity:
    """Return the complexity of a linear layer with bias.

    >>> linear(368, 1000)
    Complexity(parameters=369000, macs=369000, activations=1000)
    """
    return biased_conv(features_in, features, 1, 1)


def pooling(channels: int, side: int) -> Complexity:
    """Return the complexity of a pooling with a window.

    Args:
        channels: Channels of the input.
        side: Height and width of the output, in pixels.
    """
    return Complexity(0, 0, channels * side * side)
