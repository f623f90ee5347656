"""Weight maps: the weights of a net, in the layout of another framework.

An array of a net is called ``layer.role``, for example ``conv1.weight``, in every framework, and
the names of layers are the same in all files of a twin. An `ArrayLayout` says how a framework lays
it out. A `WeightMap` between two nets is derived from their layouts, and never written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from lemur_core.errors import LemurError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]

BUFFERS = ("running_mean", "running_var")
"""The roles of arrays that are not trained."""

_FLATTENED = "I"


class WeightMapError(LemurError, ValueError):
    """The weights of a net cannot be those of its twin.

    Attributes:
        layer: Name of the layer.
    """

    def __init__(self, layer: str, why: str) -> None:
        self.layer = layer
        super().__init__(f"layer {layer!r}: {why}")


@dataclass(frozen=True)
class ArrayLayout:
    """How a framework lays out an array of a layer.

    Attributes:
        axes: A letter for each axis: ``O`` and ``I`` are output and input channels, ``H`` and ``W``
            height and width of a kernel.
        shape: The shape.
        flattened: For the weights of a layer whose inputs are flattened images, the letters and
            sizes of their axes in the order in which they are flattened: ``(("C", 4), ("H", 3),
            ("W", 3))``; empty otherwise.
    """

    axes: str
    shape: tuple[int, ...]
    flattened: tuple[tuple[str, int], ...] = ()

    def size(self, axis: str) -> int:
        """Return the size of an axis."""
        return self.shape[self.axes.index(axis)]


Layouts = Mapping[str, ArrayLayout]
"""The layouts of the arrays of a net by their names."""


class WeightMap:
    """The map of the weights of a net to those of its twin in another framework.

    Args:
        source: The layouts of the one net.
        target: Those of the other.
        names: Names of the two frameworks, for errors.

    Raises:
        WeightMapError: A layer has no counterpart, or one of another shape.
    """

    def __init__(self, source: Layouts, target: Layouts, names: tuple[str, str]) -> None:
        self.source, self.target, self.names = source, target, names
        self._check_counterparts(source, target, names)
        self._check_counterparts(target, source, names[::-1])
        for name in target:
            self._check_shape(name)

    def __call__(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        """Return arrays of the one net as those of the other: their names, shapes and orders.

        Args:
            arrays: Weights of the one net, or what has their shapes, such as gradients; some of
                them or all.

        Raises:
            WeightMapError: An array has another shape than the net's.
        """
        return {name: self._map(name, array) for name, array in arrays.items()}

    def inverse(self) -> WeightMap:
        """Return the map in the other direction."""
        return WeightMap(self.target, self.source, self.names[::-1])

    def _map(self, name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
        source, target = self.source[name], self.target[name]
        if array.shape != source.shape:
            raise WeightMapError(
                _layer(name),
                f"its {_role(name)} is {_text(array.shape)}; expected {_text(source.shape)}",
            )
        split, axes = _split(source)
        _, target_axes = _split(target)
        moved = array.reshape(split).transpose([axes.index(axis) for axis in target_axes])
        return np.ascontiguousarray(moved.reshape(target.shape))

    def _check_counterparts(
        self, reference: Layouts, other: Layouts, names: tuple[str, str]
    ) -> None:
        for name in reference:
            if name not in other:
                layers = {_layer(other_name) for other_name in other}
                layer = _layer(name)
                what = f"has no {_role(name)} there" if layer in layers else "is not there"
                raise WeightMapError(
                    layer, f"{names[0]} has its {_role(name)}, but in {names[1]} it {what}"
                )

    def _check_shape(self, name: str) -> None:
        source, target = self.source[name], self.target[name]
        same_axes = sorted(source.axes) == sorted(target.axes)
        if same_axes and all(source.size(axis) == target.size(axis) for axis in source.axes):
            return
        shapes = [f"{_text(layout.shape)} ({layout.axes})" for layout in (source, target)]
        raise WeightMapError(
            _layer(name),
            f"its {_role(name)} is {shapes[0]} in {self.names[0]} and {shapes[1]} in "
            f"{self.names[1]}",
        )


def is_buffer(name: str) -> bool:
    """Return whether an array is not trained, as the running mean of a normalisation is not.

    >>> is_buffer("norm1.running_mean")
    True
    """
    return _role(name) in BUFFERS


def _split(layout: ArrayLayout) -> tuple[Sequence[int], str]:
    """Return a shape and its axes in which the axis of flattened images is split into three."""
    if not layout.flattened:
        return layout.shape, layout.axes
    assert prod(size for _, size in layout.flattened) == layout.size(_FLATTENED)
    at = layout.axes.index(_FLATTENED)
    sizes = [size for _, size in layout.flattened]
    letters = "".join(letter for letter, _ in layout.flattened)
    shape = [*layout.shape[:at], *sizes, *layout.shape[at + 1 :]]
    return shape, layout.axes.replace(_FLATTENED, letters)


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _role(name: str) -> str:
    return name.rpartition(".")[2]


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "a number"
