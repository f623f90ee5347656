"""Variational dropout: the noise of weights, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn import functional

from lemur_zoo.engine.together import affine, run_layers, split_rows
from lemur_zoo.engine.variational import KL_FIT, LEAST_VARIANCE, LOG_ALPHA_LIMIT, TINY
from lemur_zoo.layers import Conv, Dropout, Linear, parameter_shapes

if TYPE_CHECKING:
    from torch import Tensor

    from lemur_zoo.layers import Layer, Layers, Shape

CUT = 3.0
"""A weight whose log alpha is this or more is cut."""
FIRST_LOG_SIGMA2 = -10.0
"""Logarithm of the variance of each weight before training."""
_K1, _K2, _K3 = KL_FIT


class Noise(Protocol):
    """The random numbers of a batch of each member, such as `lemur_zoo.engine.batch_draws`."""

    def normal(self, layer: int, values: Tensor) -> Tensor:
        """Return standard normal numbers in the shape of values."""

    def dropout(self, layer: int, values: Tensor) -> Tensor:
        """Return what dropout makes of values, given the number of the dropout layer."""


def log_alpha(weights: Tensor, log_sigma2: Tensor) -> Tensor:
    """Return ``log sigma^2 - 2 log |w|`` between -10 and 10, in the shape of both.

    Examples:
        >>> log_alpha(torch.tensor([1.0, 0.5, 0.0]), torch.tensor([-3.0, 0.0, 0.0]))
        tensor([-3.0000,  1.3863, 10.0000])
    """
    raw = log_sigma2 - 2 * torch.log(weights.abs() + TINY)
    return raw.clamp(-LOG_ALPHA_LIMIT, LOG_ALPHA_LIMIT)


def variances(weights: Tensor, log_sigma2: Tensor) -> Tensor:
    """Return the variance of each weight, ``alpha w^2``, in the shape of both.

    Of a log alpha that is not held at its limits, it is sigma^2, which does not depend on w.
    """
    alphas = log_alpha(weights, log_sigma2)
    is_held = alphas.detach().abs() >= LOG_ALPHA_LIMIT
    return torch.where(is_held, alphas.exp() * weights.square(), log_sigma2.exp())


def divergence(log_alpha: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of each weight from the log-uniform prior.

    This is the approximation of Molchanov et al. 2017 (equation 14), up to its constant, such that
    it is 0 for an infinite alpha.

    Args:
        log_alpha: Log alpha of any shape.

    Returns:
        Values of the same shape, 0 or above.
    """
    negative = _K1 * torch.sigmoid(_K2 + _K3 * log_alpha) - 0.5 * functional.softplus(-log_alpha)
    return _K1 - negative


def can_be_cut(layers: Layers, shape: Shape) -> Tensor:
    """Return which parameters have noise: all but the biases of linear layers.

    Args:
        layers: The layers of a net.
        shape: Shape of its images, ``(channels, height, width)``.

    Returns:
        Booleans, shape ``(parameters,)``.
    """
    shapes = iter(parameter_shapes(layers, shape))
    parts = []
    for layer in layers:
        if isinstance(layer, Conv | Linear):
            parts.append(torch.ones(torch.Size(next(shapes)).numel(), dtype=torch.bool))
            if layer.bias:
                size = torch.Size(next(shapes)).numel()
                parts.append(torch.full((size,), isinstance(layer, Conv)))
    return torch.cat(parts)


def noisy_scores(
    layers: Layers, weights: Tensor, variances: Tensor, images: Tensor, noise: Noise
) -> Tensor:
    """Return the class scores of members whose weights are noisy.

    The noise is drawn for the outputs of each layer, with the mean and variance that the noise of
    the weights gives them: the local reparametrisation (section 4.2 of the paper).

    Args:
        layers: The layers of their net.
        weights: Mean parameters, ``(members, parameters)``.
        variances: Variances of the parameters, of the same shape.
        images: Images of each member, ``(samples, members * channels, height, width)``.
        noise: Random numbers.

    Returns:
        Shape ``(members, samples, classes)``.
    """
    shape = (images.shape[1] // len(weights), *images.shape[2:])
    means, squares = (split_rows(rows, layers, shape) for rows in (weights, variances))
    noisy = list(means)
    dropouts = [index for index, layer in enumerate(layers) if layer == Dropout()]

    def apply(index: int, layer: Layer, values: Tensor) -> Tensor:
        if isinstance(layer, Dropout):
            return noise.dropout(dropouts.index(index), values)
        mean = affine(layer, *means[index], values)
        variance = affine(layer, *squares[index], values.square())
        drawn = noise.normal(noisy.index(index), mean)
        return mean + (variance + LEAST_VARIANCE).sqrt() * drawn

    return run_layers(layers, len(weights), images, apply, shared=False)
