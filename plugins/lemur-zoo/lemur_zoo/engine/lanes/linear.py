"""A fully connected layer, with an activation of its outputs if one follows."""

from __future__ import annotations

from typing import Any, NamedTuple

from lemur_zoo.engine.lanes import compiling
from lemur_zoo.engine.lanes.convolution import NO_PLACE, largest_divisor
from lemur_zoo.engine.lanes.elementwise import GELU, activate, through
from lemur_zoo.engine.lanes.vectors import fma, splat, tile, vectors


class FullyConnected(NamedTuple):
    """A fully connected layer's sizes, and where its vectors are, as in `Convolution`.

    Attributes:
        features_in: Number of inputs.
        features: Number of outputs.
    """

    lanes: int
    registers: int
    features_in: int
    features: int
    activation: int
    weight: int
    bias: int
    inputs: int
    outputs: int = 0
    input_gradient: int = NO_PLACE
    output_gradient: int = 0
    scratch: int = 0

    @property
    def size(self) -> int:
        """Number of outputs."""
        return self.features

    @property
    def scratch_size(self) -> int:
        """Number of vectors for the inputs of the activation."""
        return self.features

    def block(self) -> int:
        """Return how many outputs are computed in registers at once."""
        return largest_divisor(self.features, self.registers // 2)


def functions(s: FullyConnected) -> tuple[Any, Any]:
    """Return the forward and the backward function."""
    return forward(s), backward(s)


def forward(s: FullyConnected) -> Any:
    """Return the function that computes the outputs."""
    lanes, kind, features_in, features = s.lanes, s.activation, s.features_in, s.features
    weight, bias, inputs, outputs, before = s.weight, s.bias, s.inputs, s.outputs, s.scratch
    block = s.block()

    @compiling.forward
    def run(parameters, values):
        w, b = vectors(parameters, weight, lanes), vectors(parameters, max(bias, 0), lanes)
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        kept, total = vectors(values, before, lanes), tile(block, lanes)
        for first in range(0, features, block):
            for o in range(block):
                total[o] = b[first + o] if bias >= 0 else splat(0.0, lanes)
            for i in range(features_in):
                value = x[i]
                for o in range(block):
                    total[o] = fma(w[(first + o) * features_in + i], value, total[o])
            for o in range(block):
                if kind == GELU:
                    kept[first + o] = total[o]
                out[first + o] = activate(kind, total[o])

    return run


def backward(s: FullyConnected) -> Any:
    """Return the function that adds to the gradient and computes that of the inputs."""
    lanes, kind, features_in, features = s.lanes, s.activation, s.features_in, s.features
    weight, bias, inputs, outputs, before = s.weight, s.bias, s.inputs, s.outputs, s.scratch
    into, of_outputs = s.input_gradient, s.output_gradient
    block = s.block()

    @compiling.backward
    def run(parameters, values, gradient):
        w, dw = vectors(parameters, weight, lanes), vectors(gradient, weight, lanes)
        db = vectors(gradient, max(bias, 0), lanes)
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        given, dx = vectors(values, of_outputs, lanes), vectors(values, max(into, 0), lanes)
        kept, g = vectors(values, before, lanes), tile(block, lanes)
        for first in range(0, features, block):
            for o in range(block):
                g[o] = through(kind, given[first + o], kept[first + o], out[first + o])
                if bias >= 0:
                    db[first + o] = db[first + o] + g[o]
            for i in range(features_in):
                value, total = x[i], splat(0.0, lanes)
                if first > 0 and into >= 0:
                    total = dx[i]
                for o in range(block):
                    at = (first + o) * features_in + i
                    dw[at] = fma(g[o], value, dw[at])
                    total = fma(g[o], w[at], total)
                if into >= 0:
                    dx[i] = total

    return run
