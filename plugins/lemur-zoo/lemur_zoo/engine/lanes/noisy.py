"""Layers whose weights are noisy: variational dropout, with the noise drawn for the outputs.

A noisy layer consists of functions that are called one after another (the local reparametrisation,
Molchanov et al. 2017, section 4.2): the squares of its inputs; the mean of its outputs, a
convolution or linear layer of the inputs with the weights; their variance, one of the squares with
the variances of the weights; and `sample`, which draws the outputs.

Parameters are in three parts: weights, logarithms of their variances, and variances. `variances`
computes the last part before each batch, and `chain` turns its gradient into that of the others
after the batch.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from lemur_zoo.engine.lanes import compiling
from lemur_zoo.engine.lanes.compiling import inline
from lemur_zoo.engine.lanes.convolution import NO_PLACE
from lemur_zoo.engine.lanes.elementwise import activate, exp, log, normals, sigmoid, through
from lemur_zoo.engine.lanes.vectors import fma, select, splat, sqrt, vectors
from lemur_zoo.engine.variational import KL_FIT, LEAST_VARIANCE, LOG_ALPHA_LIMIT, TINY


class NoisySamples(NamedTuple):
    """The outputs of a noisy layer, the pooling and the activation that follow it.

    Attributes:
        channels: Number of channels; of a linear layer, number of outputs.
        height: Height of the outputs before pooling, 1 of a linear layer.
        width: Width of the outputs before pooling, 1 of a linear layer.
        pool: Height and width of the squares whose maximum is taken; 1 for none.
        activation: Index of the activation, `elementwise.NONE` for none.
        least: What is added to the variances.
        mean: Where the means begin among the values; their gradient takes their place.
        variance: Where the variances begin; their gradient takes their place.
        noise: Where the uniform numbers begin, which become normal ones: an even number.
        outputs: Where the outputs begin.
        output_gradient: Where the gradient of the outputs is.
        scratch: Where the places of maxima and the inputs of the activation begin.
    """

    lanes: int
    channels: int
    height: int
    width: int
    pool: int
    activation: int
    mean: int
    variance: int
    noise: int
    least: float = LEAST_VARIANCE
    outputs: int = 0
    output_gradient: int = 0
    input_gradient: int = NO_PLACE
    scratch: int = 0

    @property
    def inputs(self) -> int:
        """Number of outputs before pooling."""
        return self.channels * self.height * self.width

    @property
    def pooled(self) -> tuple[int, int]:
        """Height and width of the outputs, after pooling."""
        return self.height // self.pool, self.width // self.pool

    @property
    def size(self) -> int:
        """Number of outputs, after pooling."""
        return self.channels * prod(self.pooled)

    @property
    def scratch_size(self) -> int:
        """Number of vectors for the places of maxima and the inputs of the activation."""
        return 2 * self.size


def sample(s: NoisySamples) -> tuple[Any, Any]:
    """Return the functions that draw the outputs."""
    return draw(s), spread_gradient(s)


def draw(s: NoisySamples) -> Any:
    """Return the function that computes outputs, given their means, variances and noise.

    It leaves standard deviations in place of the variances.
    """
    lanes, pool, least, count, size = s.lanes, s.pool, s.least, s.inputs, s.size
    means, variances, noises, outputs = s.mean, s.variance, s.noise, s.outputs
    channels, height, width, kind = s.channels, s.height, s.width, s.activation
    high, wide, square, winners, before = *s.pooled, pool * pool, s.scratch, s.scratch + size

    @compiling.forward
    def run(parameters, values):
        mean, deviation = vectors(values, means, lanes), vectors(values, variances, lanes)
        z, out = vectors(values, noises, lanes), vectors(values, outputs, lanes)
        winner, kept = vectors(values, winners, lanes), vectors(values, before, lanes)
        for i in range((count + 1) // 2):
            z[2 * i], z[2 * i + 1] = normals(z[2 * i], z[2 * i + 1])
        for i in range(count):
            deviation[i] = sqrt(deviation[i] + least)
            mean[i] = fma(deviation[i], z[i], mean[i])
        for c, i, j in np.ndindex(channels, high, wide):
            at, q = (c * height + pool * i) * width + pool * j, (c * high + i) * wide + j
            m, place = mean[at], splat(0.0, lanes)
            for n in range(1, square):
                v = mean[at + n // pool * width + n % pool]
                # As in PyTorch, NaN is the maximum.
                place = select(v > m, n, select(v != v, n, place))
                m = select(v > m, v, select(v != v, v, m))
            winner[q], kept[q] = place, m
        for q in range(size):
            out[q] = activate(kind, kept[q])

    return run


def spread_gradient(s: NoisySamples) -> Any:
    """Return the function that computes the gradients of means and variances."""
    lanes, pool, count = s.lanes, s.pool, s.inputs
    means, deviations, noises, outputs = s.mean, s.variance, s.noise, s.outputs
    channels, height, width, kind = s.channels, s.height, s.width, s.activation
    high, wide, square, winners, before = *s.pooled, pool * pool, s.scratch, s.scratch + s.size
    of_outputs = s.output_gradient

    @compiling.backward
    def run(parameters, values, gradient):
        d_mean, spread = vectors(values, means, lanes), vectors(values, deviations, lanes)
        z, out = vectors(values, noises, lanes), vectors(values, outputs, lanes)
        winner, kept = vectors(values, winners, lanes), vectors(values, before, lanes)
        given = vectors(values, of_outputs, lanes)
        for i in range(count):
            d_mean[i] = splat(0.0, lanes)
        for c, i, j in np.ndindex(channels, high, wide):
            at, q = (c * height + pool * i) * width + pool * j, (c * high + i) * wide + j
            g = through(kind, given[q], kept[q], out[q])
            for n in range(square):
                d_mean[at + n // pool * width + n % pool] = select(winner[q] == n, g, 0.0)
        for i in range(count):
            spread[i] = d_mean[i] * z[i] * 0.5 / spread[i]

    return run


class Squares(NamedTuple):
    """The squares of the inputs of a noisy layer; sizes and places as in `NoisySamples`."""

    lanes: int
    size: int
    inputs: int
    outputs: int = 0
    input_gradient: int = NO_PLACE
    output_gradient: int = 0


def squares(s: Squares) -> tuple[Any, Any]:
    """Return the functions of squares. The gradient of the inputs is added to what is there."""
    lanes, size, inputs, outputs = s.lanes, s.size, s.inputs, s.outputs
    into, of_outputs = s.input_gradient, s.output_gradient

    @compiling.forward
    def forward(parameters, values):
        x, out = vectors(values, inputs, lanes), vectors(values, outputs, lanes)
        for i in range(size):
            out[i] = x[i] * x[i]

    @compiling.backward
    def backward(parameters, values, gradient):
        x, given = vectors(values, inputs, lanes), vectors(values, of_outputs, lanes)
        dx = vectors(values, max(into, 0), lanes)
        if into >= 0:
            for i in range(size):
                dx[i] = fma(x[i] * 2.0, given[i], dx[i])

    return forward, backward


class Noisy(NamedTuple):
    """Parameters that have noise, and the places of their three parts.

    Attributes:
        size: Number of parameters.
        weight: Where the weights begin among the parameters.
        log_variance: Where the logarithms of their variances begin.
        variance: Where the variances begin.
        kl_weight: Where the weight of the divergence is among the values.
    """

    lanes: int
    size: int
    weight: int
    log_variance: int
    variance: int
    kl_weight: int


@inline
def clamp(x, limit):
    """Return x between the limit and its negative; NaN stays NaN."""
    return select(x > limit, limit, select(x < 0.0 - limit, 0.0 - limit, x))


def variances(s: Noisy) -> Any:
    """Return the function that computes the variances."""
    lanes, size, limit, tiny = s.lanes, s.size, LOG_ALPHA_LIMIT, TINY
    weight, log_variance, variance = s.weight, s.log_variance, s.variance

    @compiling.forward
    def run(parameters, values):
        w, log_v = vectors(parameters, weight, lanes), vectors(parameters, log_variance, lanes)
        v = vectors(parameters, variance, lanes)
        for i in range(size):
            magnitude = select(w[i] < 0.0, 0.0 - w[i], w[i])
            raw = fma(log(magnitude + tiny), -2.0, log_v[i])
            held = clamp(raw, limit)
            # Of a log alpha that is not held, the variance is that of its logarithm.
            v[i] = select(held == raw, exp(log_v[i]), exp(held) * (w[i] * w[i]))

    return run


def chain(s: Noisy) -> Any:
    """Return the function that adds the gradient of the variances and that of the divergence."""
    lanes, size, limit, tiny, (k1, k2, k3) = s.lanes, s.size, LOG_ALPHA_LIMIT, TINY, KL_FIT
    weight, log_variance, variance, at = s.weight, s.log_variance, s.variance, s.kl_weight

    @compiling.backward
    def run(parameters, values, gradient):
        w, log_v = vectors(parameters, weight, lanes), vectors(parameters, log_variance, lanes)
        v, kl_weight = vectors(parameters, variance, lanes), vectors(values, at, lanes)[0]
        dw, d_log = vectors(gradient, weight, lanes), vectors(gradient, log_variance, lanes)
        dv = vectors(gradient, variance, lanes)
        for i in range(size):
            magnitude = select(w[i] < 0.0, 0.0 - w[i], w[i]) + tiny
            raw = fma(log(magnitude), -2.0, log_v[i])
            held = clamp(raw, limit)
            share = sigmoid(fma(held, k3, k2))
            of_alpha = share * (share - 1.0) * (k1 * k3) - sigmoid(0.0 - held) * 0.5
            of_alpha = of_alpha * kl_weight
            slope = select(w[i] < 0.0, 2.0, -2.0) / magnitude
            is_free = held == raw
            dw[i] = dw[i] + select(is_free, of_alpha * slope, exp(held) * (w[i] * 2.0) * dv[i])
            d_log[i] = select(is_free, fma(dv[i], v[i], of_alpha), 0.0)
            dv[i] = splat(0.0, lanes)

    return run
