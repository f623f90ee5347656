"""The compiled functions of a net, and where they find their vectors."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_zoo.engine.lanes import convolution, linear, simple
from lemur_zoo.engine.lanes.convolution import NO_PLACE, Convolution
from lemur_zoo.engine.lanes.elementwise import ACTIVATIONS, NONE
from lemur_zoo.engine.lanes.linear import FullyConnected
from lemur_zoo.engine.lanes.simple import Simple
from lemur_zoo.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Layers,
    Linear,
    MaxPool,
    Shape,
    shape_after,
)

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

# A convolution takes maxima in registers if so many sums or fewer are one square.
FUSED_SQUARE = 9


class Program(NamedTuple):
    """The functions of a net, and places in its values; sizes and places are counted in vectors.

    Attributes:
        forwards: Addresses of the forward functions in the order in which they are called.
        backwards: Addresses of the backward functions in the order in which they are called.
        spread: Address of the function that writes an image to all lanes.
        parameters: Number of parameters of a state.
        numbers: Number of parameters and of what is computed from them.
        parts: Number of parts of the parameters, of the same size, each with a step of its own.
        values: Number of values.
        inputs: Where the image is.
        features: Number of elements of an image.
        input_gradient: Where the gradient of the image is, `NO_PLACE` if it is not computed.
        scores: Where the class scores are.
        classes: Number of classes.
        score_gradient: Where the gradient of the scores is; a forward pass leaves their softmax.
        softmax: Where the maximum of the scores and the sum of the softmax are.
        masks: Where the factors of each dropout layer are, and their number, shape (layers, 2).
        noises: Where the noise of each noisy layer is, and its size, shape (layers, 2).
        prepares: Addresses of the functions that are called before each batch.
        finishes: Addresses of the functions that are called after each batch.
        kl_weight: Where the weight of the divergence is; `NO_PLACE` if there is none.
    """

    forwards: NDArray[int64]
    backwards: NDArray[int64]
    spread: int
    parameters: int
    numbers: int
    parts: int
    values: int
    inputs: int
    features: int
    input_gradient: int
    scores: int
    classes: int
    score_gradient: int
    softmax: int
    masks: NDArray[int64]
    noises: NDArray[int64]
    prepares: NDArray[int64]
    finishes: NDArray[int64]
    kl_weight: int


@cache
def assemble(
    layers: Layers,
    shape: Shape,
    lanes: int,
    registers: int,
    fuse: bool = True,
    input_gradient: bool = False,
) -> Program:
    """Return the program of a net, whose functions are compiled.

    Args:
        layers: Layers of the net.
        shape: Shape of an image, (channels, height, width).
        lanes: Number of lanes of a vector.
        registers: Number of vectors that fit in the processor's registers.
        fuse: Whether a convolution also computes the pooling and the activation that follow it, and
            a linear layer the activation. The results have the same bits, apart from the gradient
            of biases, whose sum has another order.
        input_gradient: Whether the gradient of the image is computed.
    """
    return assembled(Assembly(lanes, registers, shape, input_gradient), layers, fuse)


def assembled(assembly: Assembly, layers: Layers, fuse: bool) -> Program:
    """Return the program of an assembly to which all layers are added; see `assemble`."""
    rest = [layer for layer in layers if layer != Flatten()]
    while rest:
        layer = rest.pop(0)
        pool, kind = 1, NONE
        if fuse and isinstance(layer, Conv) and rest and _is_fused(rest[0]):
            pool = rest.pop(0).size  # type: ignore[union-attr]
        if fuse and isinstance(layer, Conv | Linear) and rest and isinstance(rest[0], Activation):
            kind = ACTIVATIONS[rest.pop(0).name]  # type: ignore[union-attr]
        assembly.add(layer, pool, kind)
    return assembly.program()


def _is_fused(layer: Layer) -> bool:
    return isinstance(layer, MaxPool) and layer.size**2 <= FUSED_SQUARE


class Assembly:
    """Compiles functions one after another, and gives their vectors places."""

    def __init__(self, lanes: int, registers: int, shape: Shape, input_gradient: bool) -> None:
        self.lanes, self.registers, self.shape = lanes, registers, shape
        self.forwards: list[int] = []
        self.backwards: list[int] = []
        self.masks: list[tuple[int, int]] = []
        self.parameters = self.values = 0
        self.features = prod(shape)
        self.inputs = self.outputs = self.reserve(self.features)
        # Where the gradient of the last outputs is, unless nothing needs it.
        self.gradient = self.reserve(self.features) if input_gradient else NO_PLACE
        self.input_gradient = self.gradient

    def reserve(self, size: int) -> int:
        """Return where further values are."""
        self.values += size
        return self.values - size

    def parameter(self, size: int) -> int:
        """Return where further parameters are."""
        self.parameters += size
        return self.parameters - size

    def add(self, layer: Layer, pool: int, kind: int) -> None:
        """Add a layer, with the pooling and the activation that follow it."""
        match layer:
            case Conv():
                if layer.padding:
                    self.add_padding(layer.padding)
                self.add_convolution(layer, pool, kind)
            case Linear():
                self.add_linear(layer, kind)
            case MaxPool(size):
                after = shape_after(layer, self.shape)
                self.add_simple(simple.pool, after, size, scratch=prod(after))
            case Activation(name):
                self.add_simple(simple.activation, self.shape, ACTIVATIONS[name])
            case Dropout():
                size = prod(self.shape)
                s = self.add_simple(simple.dropout, self.shape, scratch=size + -size % 4)
                self.masks.append((s.scratch, size))

    def add_padding(self, padding: int) -> None:
        """Add zeros at the edges."""
        channels, *sizes = self.shape
        high, wide = (size + 2 * padding for size in sizes)
        self.add_simple(simple.pad, (channels, high, wide), padding)

    def add_convolution(self, layer: Conv, pool: int, kind: int) -> None:
        """Add a convolution, with the pooling and the activation that follow it."""
        channels_in, height, width = self.shape
        weight = self.parameter(layer.channels * channels_in * layer.kernel**2)
        bias = self.parameter(layer.channels) if layer.bias else NO_PLACE
        s = Convolution(
            *(self.lanes, self.registers, channels_in, layer.channels, layer.kernel, layer.stride),
            *(height, width, pool, kind, weight, bias, self.outputs),
        )
        self.append(s, convolution.functions)
        self.shape = (layer.channels, s.outputs_high, s.outputs_wide)

    def add_linear(self, layer: Linear, kind: int) -> None:
        """Add a linear layer, with the activation that follows it."""
        features = prod(self.shape)
        weight = self.parameter(features * layer.features)
        bias = self.parameter(layer.features) if layer.bias else NO_PLACE
        s = FullyConnected(
            *(self.lanes, self.registers, features, layer.features, kind),
            *(weight, bias, self.outputs),
        )
        self.append(s, linear.functions)
        self.shape = (layer.features,)

    def add_simple(self, functions: Any, shape: Shape, extent: int = 0, scratch: int = 0) -> Any:
        """Add a layer without parameters."""
        channels, height, width = self.shape if len(self.shape) == 3 else (*self.shape, 1, 1)
        s = Simple(
            *(self.lanes, channels, height, width, extent, prod(shape), scratch, self.outputs),
        )
        self.shape = shape
        return self.append(s, functions, has_parameters=False)

    def append(self, s: Any, functions: Any, has_parameters: bool = True) -> Any:
        """Add the functions of a layer, and return its settings with all places."""
        needed = has_parameters or self.gradient != NO_PLACE
        s = s._replace(
            outputs=self.reserve(s.size),
            input_gradient=self.gradient,
            output_gradient=self.reserve(s.size),
            scratch=self.reserve(s.scratch_size),
        )
        forward, backward = functions(s)
        self.forwards.append(forward.address)
        if needed:
            self.backwards.append(backward.address)
        self.outputs, self.gradient = s.outputs, s.output_gradient if needed else NO_PLACE
        return s

    def program(self) -> Program:
        """Return the program, which ends with a softmax."""
        classes, scores, gradient = prod(self.shape), self.outputs, self.gradient
        softmax = self.reserve(2)
        image = Simple(self.lanes, self.features, 1, 1, 0, self.features, 0, inputs=0, outputs=0)
        s = Simple(self.lanes, classes, 1, 1, 0, classes, 2, scores, gradient, scratch=softmax)
        self.forwards.append(simple.softmax(s).address)
        return Program(
            addresses_of(self.forwards),
            addresses_of(self.backwards[::-1]),
            simple.spread(image).address,
            *(self.parameters, self.parameters, 1, self.values),
            *(0, self.features, self.input_gradient, scores, classes, gradient, softmax),
            places_of(self.masks),
            *(places_of([]), addresses_of([]), addresses_of([]), NO_PLACE),
        )


def places_of(pairs: list[tuple[int, int]]) -> NDArray[int64]:
    """Return places and sizes, shape (layers, 2)."""
    return np.array(pairs, np.int64).reshape(-1, 2)


def addresses_of(functions: list[int]) -> NDArray[int64]:
    """Return addresses, shape (functions,)."""
    return np.array(functions, np.int64)
