"""A step of an optimizer, as torch.optim computes it, in all lanes.

A step sets the gradient to zero. Its settings are four vectors: weight decay; step size; of Adam
the square root of the second moment's bias correction, of SGD the momentum; Adam's epsilon.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lemur_zoo.engine.lanes import compiling
from lemur_zoo.engine.lanes.vectors import fma, splat, sqrt, vectors


@cache
def adam(lanes: int, size: int) -> Any:
    """Return a step of Adam on ``size`` parameters."""

    @compiling.step
    def run(parameters, gradient, first, second, settings):
        p, g = vectors(parameters, 0, lanes), vectors(gradient, 0, lanes)
        m, v = vectors(first, 0, lanes), vectors(second, 0, lanes)
        s = vectors(settings, 0, lanes)
        decay, step, correction, epsilon = s[0], s[1], s[2], s[3]
        for i in range(size):
            slope = fma(decay, p[i], g[i])
            mean = fma(slope - m[i], 0.1, m[i])
            square = fma(slope * slope, 0.001, v[i] * 0.999)
            m[i], v[i] = mean, square
            p[i] = p[i] - step * mean / (sqrt(square) / correction + epsilon)
            g[i] = splat(0.0, lanes)

    return run


@cache
def sgd(lanes: int, size: int) -> Any:
    """Return a step of SGD with momentum on ``size`` parameters."""

    @compiling.step
    def run(parameters, gradient, first, second, settings):
        p, g = vectors(parameters, 0, lanes), vectors(gradient, 0, lanes)
        m, s = vectors(first, 0, lanes), vectors(settings, 0, lanes)
        decay, step, momentum = s[0], s[1], s[2]
        for i in range(size):
            speed = fma(momentum, m[i], fma(decay, p[i], g[i]))
            m[i] = speed
            p[i] = p[i] - step * speed
            g[i] = splat(0.0, lanes)

    return run
