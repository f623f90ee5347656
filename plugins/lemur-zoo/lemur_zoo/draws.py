"""The random numbers of training: the order of the samples, and dropout.

Each number is a function of the member's seed, the epoch and a position, computed by Philox4x32
with 10 rounds (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011).
The key is the seed, 64 bits, lower half first. The counter consists of four 32-bit words:

| word | order of the samples | dropout | noise |
|---|---|---|---|
| 0 | half the position in the dataset | a quarter of the element's index | the same |
| 1 | 0 | position of the sample in the epoch | the same |
| 2 | epoch | epoch | epoch |
| 3 | 0 | 1 + index of the dropout layer | 2**31 + index of the noisy layer |

Halves and quarters are rounded down.

An epoch uses its samples in the ascending order of one 64-bit number each. The upper bits are the
random words 0 and 1, or 2 and 3 where the position is odd, the first one higher. As many lower bits
as the last position has are replaced by the position itself, so no two numbers are equal.

Dropout sets an element to zero if the random word whose number is its index modulo 4 is less than
the probability times 2**32, rounded.

Noise consists of standard normal numbers, two from each pair of random words by the method of Box
and Muller: ``sqrt(-2 log((a + 1) / 2**24))`` times the cosine and the sine of ``2 pi b / 2**24``,
where ``a`` and ``b`` are the upper 24 bits of the words. Engines compute them in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import float32, int64, uint32, uint64

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROUNDS = 10
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
# What is added to the key in each round: the golden ratio, and the square root of 3 less 1.
WEYL = 0x9E3779B9, 0xBB67AE85
_LOW = 0xFFFFFFFF
NOISE, NOISE_BITS = 2**31, 24
"""What is added to the index of a noisy layer, and how many bits of a word its noise uses."""
_UNIT = 2.0**-NOISE_BITS


def philox(counter: tuple[ArrayLike, ...], key: tuple[int, int]) -> NDArray[uint32]:
    """Return four random words for each counter.

    Args:
        counter: The four words of the counters, each 0 to 2**32 - 1; arrays are broadcast.
        key: The two words of the key, each 0 to 2**32 - 1.

    Returns:
        Shape (..., 4).

    Examples:
        >>> [f"{word:08x}" for word in philox((0, 0, 0, 0), (0, 0))]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    a, b, c, d = (np.asarray(word, uint64) for word in counter)
    half, low = uint64(32), uint64(_LOW)
    for _ in range(ROUNDS):
        left, right = uint64(MULTIPLIERS[0]) * a, uint64(MULTIPLIERS[1]) * c
        a, b = (right >> half) ^ b ^ uint64(key[0]), right & low
        c, d = (left >> half) ^ d ^ uint64(key[1]), left & low
        key = (key[0] + WEYL[0]) & _LOW, (key[1] + WEYL[1]) & _LOW
    return np.stack(np.broadcast_arrays(a, b, c, d), axis=-1).astype(uint32)


def key_of(seed: int) -> tuple[int, int]:
    """Return the two words of a seed, -2**63 to 2**64 - 1, the lower one first."""
    return int(seed) & _LOW, int(seed) >> 32 & _LOW


def order(seed: int, epoch: int, samples: int) -> NDArray[int64]:
    """Return the order in which an epoch uses the samples of a dataset.

    Args:
        seed: Seed of the member, any 64-bit integer.
        epoch: Number of the epoch, 0 to 2**32 - 1.
        samples: Number of samples, up to 2**32.

    Returns:
        A permutation of the positions, shape (samples,).
    """
    positions = np.arange(samples, dtype=uint64)
    words = philox((np.arange((samples + 1) // 2), 0, epoch, 0), key_of(seed)).astype(uint64)
    drawn = (words[:, 0::2] << 32 | words[:, 1::2]).reshape(-1)[:samples]
    lower = uint64((1 << max(samples - 1, 0).bit_length()) - 1)
    # Keys that differ in the position cannot be equal, so the algorithm of the sort is irrelevant.
    return (np.sort(drawn & ~lower | positions) & lower).astype(int64)


def threshold(probability: float) -> int:
    """Return below which word dropout sets an element to zero, 0 to 2**32."""
    return round(float(probability) * 2**32)


def scale(probability: float) -> float32:
    """Return what dropout multiplies the other elements by; 0 if there are none."""
    return float32(0 if probability >= 1 else 1 / (1 - float(probability)))


def dropout(
    seed: int, epoch: int, layer: int, positions: NDArray[int64], elements: int, probability: float
) -> NDArray[float32]:
    """Return what dropout multiplies the elements of samples by.

    Args:
        seed: Seed of the member, any 64-bit integer.
        epoch: Number of the epoch, 0 to 2**32 - 1.
        layer: Index of the layer among the net's dropout layers.
        positions: Positions of the samples in the epoch, shape (samples,).
        elements: Number of elements of a sample.
        probability: Share of zeros, 0 to 1.

    Returns:
        Zeros, and 1 / (1 - probability), of shape (samples, elements).
    """
    counter = (np.arange((elements + 3) // 4), positions[:, None], epoch, 1 + layer)
    words = philox(counter, key_of(seed)).reshape(len(positions), -1)[:, :elements]
    return np.where(words < threshold(probability), float32(0), scale(probability))


def normal(
    seed: int, epoch: int, layer: int, positions: NDArray[int64], elements: int
) -> NDArray[float32]:
    """Return the noise of a layer's outputs, standard normal numbers.

    Args:
        seed: Seed of the member, any 64-bit integer.
        epoch: Number of the epoch, 0 to 2**32 - 1.
        layer: Index of the layer among the net's noisy layers.
        positions: Positions of the samples in the epoch, shape (samples,).
        elements: Number of outputs of a sample.

    Returns:
        Shape (samples, elements).
    """
    counter = (np.arange((elements + 3) // 4), positions[:, None], epoch, NOISE + layer)
    words = philox(counter, key_of(seed)) >> uint32(32 - NOISE_BITS)
    first, second = (words[..., i::2] for i in (0, 1))
    radius = np.sqrt(-2 * np.log((first + uint32(1)).astype(float32) * float32(_UNIT)))
    angle = second * (2 * np.pi * _UNIT)
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.astype(float32).reshape(len(positions), -1)[:, :elements]
