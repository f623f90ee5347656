"""Layers without parameters: padding, pooling, activation, dropout, and the final softmax."""

from __future__ import annotations

from typing import Any, NamedTuple

from lemur_zoo.engine.lanes import compiling
from lemur_zoo.engine.lanes.convolution import NO_PLACE
from lemur_zoo.engine.lanes.elementwise import activate, exp, through
from lemur_zoo.engine.lanes.vectors import select, splat, vectors


class Simple(NamedTuple):
    """A layer's sizes, and where its vectors are, as in `Convolution`.

    Attributes:
        channels: Number of channels.
        height: Height of the input, 1 of a vector.
        width: Width of the input.
        extent: Number of zeros at each edge of padding, height and width of the squares of pooling,
            or index of an activation.
        size: Number of outputs.
        scratch_size: Number of vectors in the scratch.
        scratch: Where the places of the maxima begin, the factors of dropout, or the maximum of the
            scores and the sum of the softmax.
    """

    lanes: int
    channels: int
    height: int
    width: int
    extent: int
    size: int
    scratch_size: int
    inputs: int
    outputs: int = 0
    input_gradient: int = NO_PLACE
    output_gradient: int = 0
    scratch: int = 0


def pad(s: Simple) -> tuple[Any, Any]:
    """Return the functions of padding. The zeros are there from the beginning."""
    lanes, channels, height, width, edge = s.lanes, s.channels, s.height, s.width, s.extent
    inputs, outputs, into, of_outputs = s.inputs, s.outputs, s.input_gradient, s.output_gradient
    high, wide = height + 2 * edge, width + 2 * edge

    @compiling.forward
    def forward(parameters, values):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        for c in range(channels):
            for i in range(height):
                for j in range(width):
                    out[(c * high + i + edge) * wide + j + edge] = x[(c * height + i) * width + j]

    @compiling.backward
    def backward(parameters, values, gradient):
        dx, given = vectors(values, max(into, 0), lanes), vectors(values, of_outputs, lanes)
        if into >= 0:
            for c in range(channels):
                for i in range(height):
                    for j in range(width):
                        g = given[(c * high + i + edge) * wide + j + edge]
                        dx[(c * height + i) * width + j] = g

    return forward, backward


def pool(s: Simple) -> tuple[Any, Any]:
    """Return the functions of max-pooling."""
    lanes, channels, height, width, edge = s.lanes, s.channels, s.height, s.width, s.extent
    inputs, outputs, into, of_outputs = s.inputs, s.outputs, s.input_gradient, s.output_gradient
    high, wide, places, square = height // edge, width // edge, s.scratch, edge * edge

    @compiling.forward
    def forward(parameters, values):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        winner = vectors(values, places, lanes)
        for c in range(channels):
            for i in range(high):
                for j in range(wide):
                    at, q = (c * height + edge * i) * width + edge * j, (c * high + i) * wide + j
                    m, place = x[at], splat(0.0, lanes)
                    for n in range(1, square):
                        v = x[at + n // edge * width + n % edge]
                        # As in PyTorch, NaN is the maximum.
                        place = select(v > m, n, select(v != v, n, place))
                        m = select(v > m, v, select(v != v, v, m))
                    out[q], winner[q] = m, place

    @compiling.backward
    def backward(parameters, values, gradient):
        dx, given = vectors(values, max(into, 0), lanes), vectors(values, of_outputs, lanes)
        winner = vectors(values, places, lanes)
        if into >= 0:
            for i in range(channels * height * width):
                dx[i] = splat(0.0, lanes)
            for c in range(channels):
                for i in range(high):
                    for j in range(wide):
                        at = (c * height + edge * i) * width + edge * j
                        q = (c * high + i) * wide + j
                        for n in range(square):
                            g = select(winner[q] == n, given[q], 0.0)
                            dx[at + n // edge * width + n % edge] = g

    return forward, backward


def activation(s: Simple) -> tuple[Any, Any]:
    """Return the functions of an activation."""
    lanes, kind, size = s.lanes, s.extent, s.size
    inputs, outputs, into, of_outputs = s.inputs, s.outputs, s.input_gradient, s.output_gradient

    @compiling.forward
    def forward(parameters, values):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        for i in range(size):
            out[i] = activate(kind, x[i])

    @compiling.backward
    def backward(parameters, values, gradient):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        dx, given = vectors(values, max(into, 0), lanes), vectors(values, of_outputs, lanes)
        if into >= 0:
            for i in range(size):
                dx[i] = through(kind, given[i], x[i], out[i])

    return forward, backward


def dropout(s: Simple) -> tuple[Any, Any]:
    """Return the functions that multiply by the factors in the scratch."""
    lanes, size, factors = s.lanes, s.size, s.scratch
    inputs, outputs, into, of_outputs = s.inputs, s.outputs, s.input_gradient, s.output_gradient

    @compiling.forward
    def forward(parameters, values):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        factor = vectors(values, factors, lanes)
        for i in range(size):
            out[i] = x[i] * factor[i]

    @compiling.backward
    def backward(parameters, values, gradient):
        dx, given = vectors(values, max(into, 0), lanes), vectors(values, of_outputs, lanes)
        factor = vectors(values, factors, lanes)
        if into >= 0:
            for i in range(size):
                dx[i] = given[i] * factor[i]

    return forward, backward


def spread(s: Simple) -> Any:
    """Return the function that writes an image, which it gets as parameters, to all lanes."""
    lanes, size, outputs = s.lanes, s.size, s.outputs

    @compiling.forward
    def forward(image, values):
        out = vectors(values, outputs, lanes)
        for i in range(size):
            out[i] = splat(image[i], lanes)

    return forward


def softmax(s: Simple) -> Any:
    """Return the function that writes the softmax of the scores to ``outputs``.

    It writes the maximum of the scores and the sum of the exponentials to the scratch.
    """
    lanes, size, inputs, outputs, scratch = s.lanes, s.size, s.inputs, s.outputs, s.scratch

    @compiling.forward
    def forward(parameters, values):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        kept = vectors(values, scratch, lanes)
        m, total = x[0], splat(0.0, lanes)
        for i in range(1, size):
            m = select(x[i] > m, x[i], m)
        for i in range(size):
            out[i] = exp(x[i] - m)
            total = total + out[i]
        kept[0], kept[1] = m, total
        for i in range(size):
            out[i] = out[i] / total

    return forward
