"""The compiled functions of a net whose weights are noisy."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

from lemur_zoo.engine.lanes import convolution, linear, noisy
from lemur_zoo.engine.lanes.convolution import NO_PLACE, Convolution
from lemur_zoo.engine.lanes.elementwise import NONE
from lemur_zoo.engine.lanes.linear import FullyConnected
from lemur_zoo.engine.lanes.noisy import Noisy, NoisySamples, Squares
from lemur_zoo.engine.lanes.program import Assembly, addresses_of, assembled, places_of
from lemur_zoo.layers import parameter_shapes

if TYPE_CHECKING:
    from lemur_zoo.engine.lanes.program import Program
    from lemur_zoo.layers import Conv, Layers, Linear, Shape


@cache
def assemble_noisy(
    layers: Layers, shape: Shape, lanes: int, registers: int, input_gradient: bool = False
) -> Program:
    """Return the program of a net with noisy weights, whose functions are compiled.

    The parameters of a state are the weights, followed by the logarithms of their variances. The
    arguments are those of `lemur_zoo.engine.lanes.program.assemble`.
    """
    weights = sum(map(prod, parameter_shapes(layers, shape)))
    assembly = _NoisyAssembly(lanes, registers, shape, input_gradient, weights)
    return assembled(assembly, layers, fuse=True)


class _NoisyAssembly(Assembly):
    """An assembly whose convolutions and linear layers are noisy.

    Args:
        lanes: Number of lanes.
        registers: Number of vectors that fit in the processor's registers.
        shape: Shape of an image.
        input_gradient: Whether the gradient of the image is computed.
        weights: Number of weights and biases, the size of each part of the parameters.
    """

    def __init__(
        self, lanes: int, registers: int, shape: Shape, input_gradient: bool, weights: int
    ) -> None:
        super().__init__(lanes, registers, shape, input_gradient)
        self.weights = weights
        self.kl_weight = self.reserve(1)
        self.noises: list[tuple[int, int]] = []
        self.prepares: list[int] = []
        self.finishes: list[int] = []

    def add_convolution(self, layer: Conv, pool: int, kind: int) -> None:
        channels_in, height, width = self.shape
        weight = self.parameter(layer.channels * channels_in * layer.kernel**2)
        bias = self.parameter(layer.channels) if layer.bias else NO_PLACE
        s = Convolution(
            *(self.lanes, self.registers, channels_in, layer.channels, layer.kernel, layer.stride),
            *(height, width, 1, NONE, weight, bias, self.outputs),
        )
        self.add_noise(weight, self.parameters - weight)
        variance_bias = 2 * self.weights + bias if layer.bias else NO_PLACE
        self.add_noisy(s, convolution.functions, variance_bias, s.outputs_high, pool, kind)
        self.shape = (layer.channels, s.outputs_high // pool, s.outputs_wide // pool)

    def add_linear(self, layer: Linear, kind: int) -> None:
        features = prod(self.shape)
        weight = self.parameter(features * layer.features)
        # A bias without noise.
        self.add_noise(weight, self.parameters - weight)
        bias = self.parameter(layer.features) if layer.bias else NO_PLACE
        s = FullyConnected(
            *(self.lanes, self.registers, features, layer.features, NONE),
            *(weight, bias, self.outputs),
        )
        self.add_noisy(s, linear.functions, NO_PLACE, 1, 1, kind)
        self.shape = (layer.features,)

    def add_noise(self, weight: int, size: int) -> None:
        """Add the functions of parameters with noise."""
        places = weight, self.weights + weight, 2 * self.weights + weight
        s = Noisy(self.lanes, size, *places, self.kl_weight)
        self.prepares.append(noisy.variances(s).address)
        self.finishes.append(noisy.chain(s).address)

    def add_noisy(
        self, s: Any, functions: Any, variance_bias: int, height: int, pool: int, kind: int
    ) -> None:
        """Add the functions of a layer, given the settings that it would have without noise."""
        features, into, count = prod(self.shape), self.gradient, s.size
        channels = s.channels if isinstance(s, Convolution) else count
        squared = self.reserve(features)
        into_squared = self.reserve(features) if into != NO_PLACE else NO_PLACE
        mean, variance, noise = (self.reserve(count + -count % 4) for _ in range(3))
        self.noises.append((noise, count))
        s = s._replace(
            outputs=mean, output_gradient=mean, input_gradient=into,
            scratch=self.reserve(s.scratch_size),
        )  # fmt: skip
        of_squares = s._replace(
            inputs=squared, outputs=variance, output_gradient=variance, input_gradient=into_squared,
            weight=2 * self.weights + s.weight, bias=variance_bias,
        )  # fmt: skip
        places = self.lanes, channels, height, count // channels // height, pool, kind
        samples = NoisySamples(*places, mean, variance, noise)
        samples = samples._replace(
            outputs=self.reserve(samples.size),
            output_gradient=self.reserve(samples.size),
            scratch=self.reserve(samples.scratch_size),
        )
        squares = Squares(self.lanes, features, s.inputs, squared, into, into_squared)
        pairs = noisy.squares(squares), functions(s), functions(of_squares), noisy.sample(samples)
        self.forwards += [forward.address for forward, _ in pairs]
        first = 1 if into == NO_PLACE else 0
        self.backwards += [backward.address for _, backward in pairs[first:]]
        self.outputs, self.gradient = samples.outputs, samples.output_gradient

    def program(self) -> Program:
        return (
            super()
            .program()
            ._replace(
                parameters=2 * self.weights,
                numbers=3 * self.weights,
                parts=2,
                noises=places_of(self.noises),
                prepares=addresses_of(self.prepares),
                finishes=addresses_of(self.finishes),
                kl_weight=self.kl_weight,
            )
        )
