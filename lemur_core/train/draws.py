"""Seeds for all random numbers in training.

A seed depends only on the trial's seed, the epoch, the pass over the data within that epoch, and
the sample or batch. It depends neither on the number of processes that load samples nor on random
numbers drawn before. A resumed trial therefore draws the same numbers as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Each kind of seed is derived along a separate path from the seed of a pass.
_ORDER, _SAMPLES, _BATCH = range(3)


class Draws(NamedTuple):
    """The seeds of one pass over the samples of a split.

    Attributes:
        seed: Seed of the pass, 0 to 2**63 - 1.
    """

    seed: int

    def order(self, samples: int) -> Tensor:
        """Return a permutation of the sample indices, int64, shape ``(samples,)``."""
        return torch.randperm(samples, generator=_generator(self.seed, _ORDER))

    def of_samples(self, samples: int) -> Tensor:
        """Return a seed for each sample, int64, shape ``(samples,)``, in sample order."""
        generator = _generator(self.seed, _SAMPLES)
        return torch.randint(2**63 - 1, (samples,), generator=generator)

    def of_batch(self, number: int) -> int:
        """Return the seed for numbers drawn after a batch is loaded, for example by the net."""
        return derived_seed(self.seed, _BATCH, number)


def derived_seed(*parts: int) -> int:
    """Return a seed, 0 to 2**63 - 1, that depends only on the parts.

    >>> derived_seed(1, 2) == derived_seed(1, 2) != derived_seed(2, 1)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch, including those of GPUs in use."""
    seed_others(seed)
    seed_torch(seed)


def seed_others(seed: int) -> None:
    """Seed the global generators of Python and numpy, which takes ten times as long as torch's."""
    random.seed(seed)
    np.random.seed(seed % 2**32)


def seed_torch(seed: int) -> None:
    """Seed torch's global generators, including those of GPUs in use.

    ``torch.manual_seed`` takes 300 times as long in a process that has not used a GPU.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def seed_sample(seed: int) -> None:
    """Seed torch's CPU generator, which a sample and its transform draw from."""
    torch.default_generator.manual_seed(seed)


def _generator(*parts: int) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(*parts))
