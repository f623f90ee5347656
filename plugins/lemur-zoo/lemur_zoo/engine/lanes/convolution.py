"""Convolution without padding, with a pooling and an activation of its outputs if they follow."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lemur_zoo.engine.lanes import compiling
from lemur_zoo.engine.lanes.compiling import inline
from lemur_zoo.engine.lanes.elementwise import GELU, NONE, activate, through
from lemur_zoo.engine.lanes.vectors import fma, select, splat, tile, vectors

NO_PLACE = -1
# Sums that a tile of the gradient of the inputs holds at most.
ROW = 12


class Convolution(NamedTuple):
    """A convolution's sizes, and where its vectors are.

    Attributes:
        lanes: Number of lanes of a vector.
        registers: Number of vectors that fit in the processor's registers.
        channels_in: Number of input channels.
        channels: Number of output channels.
        kernel: Height and width of the kernel.
        stride: Distance of neighbouring outputs.
        height: Height of the input.
        width: Width of the input.
        pool: Height and width of the squares of outputs whose maximum is taken; 1 for none.
        activation: Index of the activation, `elementwise.NONE` for none.
        weight: Where the weights begin among the parameters.
        bias: Where the biases begin among the parameters; `NO_PLACE` for none.
        inputs: Where the inputs begin among the values.
        outputs: Where the outputs begin among the values.
        input_gradient: Where the gradient of the inputs goes; `NO_PLACE` if it is not needed.
        output_gradient: Where the gradient of the outputs is; it is overwritten.
        scratch: Where the other vectors that it needs begin, `scratch_size` of them.
    """

    lanes: int
    registers: int
    channels_in: int
    channels: int
    kernel: int
    stride: int
    height: int
    width: int
    pool: int
    activation: int
    weight: int
    bias: int
    inputs: int
    outputs: int = 0
    input_gradient: int = NO_PLACE
    output_gradient: int = 0
    scratch: int = 0

    @property
    def outputs_high(self) -> int:
        """Height of the outputs, after pooling."""
        return ((self.height - self.kernel) // self.stride + 1) // self.pool

    @property
    def outputs_wide(self) -> int:
        """Width of the outputs, after pooling."""
        return ((self.width - self.kernel) // self.stride + 1) // self.pool

    @property
    def size(self) -> int:
        """Number of outputs, after pooling."""
        return self.channels * self.outputs_high * self.outputs_wide

    @property
    def expanded(self) -> int:
        """Width of a row of gradients: one for each input where a kernel can begin, and margins."""
        return self.stride * (self.pool * self.outputs_wide - 1) + 1 + 2 * (self.kernel - 1)

    @property
    def scratch_size(self) -> int:
        """Number of vectors for places of maxima, inputs of the activation, and rows."""
        return 2 * self.size + self.channels * self.pool * self.expanded

    def output_tile(self) -> tuple[int, int]:
        """Return of how many channels and columns outputs are computed in registers at once."""
        square = self.pool * self.pool

        def cost(tile: tuple[int, int]) -> tuple[float, int]:
            channels, columns = tile
            sums, loads = channels * columns * square, channels + columns * square
            # A processor adds to 8 sums or more at once; each value that is read must serve many.
            return loads / sums + max(0, 8 - sums), sums

        tiles = [
            (channels, columns)
            for channels in divisors(self.channels)
            for columns in divisors(self.outputs_wide)
            if channels * columns * square + channels + 2 <= self.registers
        ]
        return min(tiles or [(1, 1)], key=cost)


def divisors(number: int) -> list[int]:
    """Return the divisors of a number."""
    return [d for d in range(1, number + 1) if number % d == 0]


def largest_divisor(number: int, most: int) -> int:
    """Return the largest divisor that is not above a limit, at least 1."""
    return max(d for d in divisors(number) if d <= max(most, 1))


@inline
def copy(target, to, to_apart, source, start, apart, rows, columns):
    """Copy rows of vectors, which begin at multiples of ``to_apart`` and ``apart``."""
    for i in range(rows):
        for j in range(columns):
            target[to + i * to_apart + j] = source[start + i * apart + j]


def functions(s: Convolution) -> tuple[Any, Any]:
    """Return the forward and the backward function."""
    return forward(s), backward(s)


def forward(s: Convolution) -> Any:
    """Return the function that computes the outputs."""
    lanes, kernel, stride, pool, kind = s.lanes, s.kernel, s.stride, s.pool, s.activation
    channels_in, channels, height, width = s.channels_in, s.channels, s.height, s.width
    weight, bias, inputs, outputs = s.weight, s.bias, s.inputs, s.outputs
    high, wide, size = s.outputs_high, s.outputs_wide, s.size
    block, columns = s.output_tile()
    across, square, window = columns * pool, pool * pool, channels_in * kernel * kernel
    sums = block * columns * square
    winners, before = s.scratch, s.scratch + s.size

    @compiling.forward
    def run(parameters, values):
        w, b = vectors(parameters, weight, lanes), vectors(parameters, max(bias, 0), lanes)
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        winner, kept = vectors(values, winners, lanes), vectors(values, before, lanes)
        total = tile(sums, lanes)
        for first in range(0, channels, block):
            for row in range(high):
                for column in range(0, wide, columns):
                    for o in range(block):
                        start = b[first + o] if bias >= 0 else splat(0.0, lanes)
                        for j in range(columns * square):
                            total[o * columns * square + j] = start
                    for c in range(channels_in):
                        for i in range(kernel):
                            at = (c * height + pool * stride * row + i) * width
                            at += pool * stride * column
                            p = first * window + (c * kernel + i) * kernel
                            for k in range(kernel):
                                for o in range(block):
                                    factor = w[p + o * window + k]
                                    for dy in range(pool):
                                        for dx in range(across):
                                            t = (o * pool + dy) * across + dx
                                            value = x[at + (dy * width + dx) * stride + k]
                                            total[t] = fma(factor, value, total[t])
                    for o in range(block):
                        for j in range(columns):
                            q = ((first + o) * high + row) * wide + column + j
                            m = total[o * pool * across + j * pool]
                            place = splat(0.0, lanes)
                            for n in range(1, square):
                                v = total[(o * pool + n // pool) * across + j * pool + n % pool]
                                # As in PyTorch, NaN is the maximum.
                                place = select(v > m, n, select(v != v, n, place))
                                m = select(v > m, v, select(v != v, v, m))
                            if pool > 1:
                                winner[q] = place
                            out[q] = m
        if kind != NONE:
            # In a loop of its own, where the processor computes several at once.
            for q in range(size):
                if kind == GELU:
                    kept[q] = out[q]
                out[q] = activate(kind, out[q])

    return run


def backward(s: Convolution) -> Any:
    """Return the function that adds to the gradient and computes that of the inputs."""
    lanes, kernel, stride, pool, kind = s.lanes, s.kernel, s.stride, s.pool, s.activation
    channels_in, channels, height, width = s.channels_in, s.channels, s.height, s.width
    weight, bias, inputs, outputs = s.weight, s.bias, s.inputs, s.outputs
    into, of_outputs = s.input_gradient, s.output_gradient
    high, wide, long, size = s.outputs_high, s.outputs_wide, s.expanded, s.size
    window, margin, square = channels_in * kernel * kernel, kernel - 1, pool * pool
    winners, before, rows = s.scratch, s.scratch + size, s.scratch + 2 * size
    block = largest_divisor(channels, (s.registers - kernel - 1) // kernel)
    reach = long - margin
    piece = largest_divisor(reach, ROW)
    several = largest_divisor(channels_in, s.registers // 2 // piece)
    held, near, area = block * kernel, several * piece, height * width

    @compiling.backward
    def run(parameters, values, gradient):
        w, dw = vectors(parameters, weight, lanes), vectors(gradient, weight, lanes)
        db = vectors(gradient, max(bias, 0), lanes)
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        winner, kept = vectors(values, winners, lanes), vectors(values, before, lanes)
        given, dx = vectors(values, of_outputs, lanes), vectors(values, max(into, 0), lanes)
        # The gradient of the outputs before pooling, of one row of the outputs after it: one row
        # per channel and row of the squares, with zeros where no kernel begins, and at both ends.
        g = vectors(values, rows, lanes)
        weights, points = tile(held, lanes), tile(near, lanes)
        if into >= 0:
            for i in range(channels_in * height * width):
                dx[i] = splat(0.0, lanes)
        for row in range(high):
            for o in range(channels):
                total = splat(0.0, lanes)
                for column in range(wide):
                    q = (o * high + row) * wide + column
                    value = through(kind, given[q], kept[q], out[q])
                    total = total + value
                    for j in range(square):
                        at = (o * pool + j // pool) * long + margin
                        at += (pool * column + j % pool) * stride
                        g[at] = select(winner[q] == j, value, 0.0) if pool > 1 else value
                if bias >= 0:
                    db[o] = db[o] + total
            for first in range(0, channels, block):
                for c in range(channels_in):
                    for i in range(kernel):
                        p = first * window + (c * kernel + i) * kernel
                        copy(weights, 0, kernel, dw, p, window, block, kernel)
                        for dy in range(pool):
                            at = (c * height + stride * (pool * row + dy) + i) * width
                            of = (first * pool + dy) * long + margin
                            for column in range(0, stride * pool * wide, stride):
                                for o in range(block):
                                    value = g[of + o * pool * long + column]
                                    for k in range(kernel):
                                        t = o * kernel + k
                                        weights[t] = fma(value, x[at + column + k], weights[t])
                        copy(dw, p, window, weights, 0, kernel, block, kernel)
            if into >= 0:
                for dy, c, i in np.ndindex(pool, channels_in // several, kernel):
                    at = (c * several * height + stride * (pool * row + dy) + i) * width
                    for first in range(0, reach, piece):
                        copy(points, 0, piece, dx, at + first, area, several, piece)
                        for o in range(channels):
                            p = o * window + (c * several * kernel + i) * kernel
                            of = (o * pool + dy) * long + first + margin
                            for k in range(kernel):
                                for n in range(several):
                                    factor = w[p + n * kernel * kernel + k]
                                    for j in range(piece):
                                        t = n * piece + j
                                        points[t] = fma(factor, g[of + j - k], points[t])
                        copy(dx, at + first, area, points, 0, piece, several, piece)

    return run
