"""Sequences of tokens from the weights of a net, for sequence models of weights.

A token is the weights of an output channel of a layer, followed by its bias, as in Schürholt,
Mahoney, Borth: Towards Scalable and Versatile Weight Space Learning (SANE), ICML 2024. A channel
with more weights than a token holds is divided among several, and the last is filled with zeros.
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy import bool_, float32, int64
    from numpy.typing import NDArray

    from lemur_zoo.parameters import Parameter

_FILLED = -1


class Tokens(NamedTuple):
    """The weights of a net as a sequence of tokens.

    Attributes:
        values: float32, shape ``(..., tokens, size)``, zero where a token is filled.
        mask: Whether an element is a weight, shape ``(tokens, size)``.
        positions: int64, shape ``(tokens, 3)``: number of the token, of its layer, and of the token
            within the layer.
    """

    values: NDArray[float32]
    mask: NDArray[bool_]
    positions: NDArray[int64]


class Tokenizer:
    """Converts rows of weights to tokens and back.

    Args:
        parameters: The parameters in the order in which they are stored.
        size: Number of elements of a token; 0 takes that of the longest channel.

    Raises:
        SettingsError: The size is negative.
    """

    def __init__(self, parameters: Sequence[Parameter], size: int = 0) -> None:
        if size < 0:
            raise SettingsError(f"tokens of size {size}: expected 1 or more, or 0 for the longest")
        self._layers = list(_channels(parameters))
        self.size = size or max(layer.shape[1] for layer in self._layers)

    @cached_property
    def _indices(self) -> NDArray[int64]:
        """Index of the weight at each element of each token, `_FILLED` where there is none."""
        return np.concatenate([_divided(layer, self.size) for layer in self._layers])

    @cached_property
    def _positions(self) -> NDArray[int64]:
        counts = [len(_divided(layer, self.size)) for layer in self._layers]
        layers = np.repeat(np.arange(len(counts)), counts)
        within = np.concatenate([np.arange(count) for count in counts])
        return np.stack([np.arange(sum(counts)), layers, within], 1)

    def tokens(self, weights: NDArray[float32]) -> Tokens:
        """Return the tokens of weights of shape ``(..., parameters)``."""
        mask = self._indices != _FILLED
        return Tokens(np.where(mask, weights[..., self._indices], 0), mask, self._positions)

    def weights(self, values: NDArray[float32]) -> NDArray[float32]:
        """Return the weights, ``(..., parameters)``, of tokens' values, ``(..., tokens, size)``."""
        mask = self._indices != _FILLED
        weights = np.empty((*values.shape[:-2], int(mask.sum())), np.float32)
        weights[..., self._indices[mask]] = values[..., mask]
        return weights


def _channels(parameters: Sequence[Parameter]) -> Iterator[NDArray[int64]]:
    """Yield the indices of each layer's weights, a row for each output channel."""
    ends = np.cumsum([0, *(parameter.elements for parameter in parameters)])
    layers: dict[str, list[NDArray[int64]]] = {}
    for parameter, (start, end) in zip(parameters, pairwise(ends), strict=True):
        rows = np.arange(start, end).reshape(parameter.shape[0], -1)
        layers.setdefault(parameter.name.rpartition(".")[0], []).append(rows)
    for parts in layers.values():
        yield np.concatenate(parts, axis=1)


def _divided(rows: NDArray[int64], size: int) -> NDArray[int64]:
    channels, length = rows.shape
    parts = -(-length // size)
    padded = np.pad(rows, ((0, 0), (0, parts * size - length)), constant_values=_FILLED)
    return padded.reshape(channels * parts, size)
