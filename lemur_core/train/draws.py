"""Seeds for everything drawn at random in training.

A seed depends on the trial's seed, the epoch, the pass over the data within that epoch, and the
sample or batch, and on nothing else: not on the number of processes that load samples, nor on what
was drawn before. A trial that resumes therefore draws what it would have drawn uninterrupted.
"""

from __future__ import annotations

import hashlib
import random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Each kind of seed has a path of its own below the seed of a pass.
_ORDER, _SAMPLES, _BATCH = range(3)


class Draws(NamedTuple):
    """The seeds of one pass over the samples of a split.

    Attributes:
        seed: Seed of the pass, 0 to 2**63 - 1.
    """

    seed: int

    def order(self, samples: int) -> Tensor:
        """Return the indices of that many samples, shuffled, int64, shape ``(samples,)``."""
        return torch.randperm(samples, generator=_generator(self.seed, _ORDER))

    def of_samples(self, samples: int) -> Tensor:
        """Return a seed for each sample, int64, shape ``(samples,)``, indexed like the samples."""
        generator = _generator(self.seed, _SAMPLES)
        return torch.randint(2**63 - 1, (samples,), generator=generator)

    def of_batch(self, number: int) -> int:
        """Return the seed for what is drawn once a batch is loaded, by the net for instance."""
        return derived_seed(self.seed, _BATCH, number)


def derived_seed(*parts: int) -> int:
    """Return a seed, 0 to 2**63 - 1, that depends on the parts alone.

    >>> derived_seed(1, 2) == derived_seed(1, 2) != derived_seed(2, 1)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch, those of GPUs in use included."""
    seed_others(seed)
    seed_torch(seed)


def seed_others(seed: int) -> None:
    """Seed the global generators of Python and numpy, which takes ten times as long as torch's."""
    random.seed(seed)
    np.random.seed(seed % 2**32)


def seed_torch(seed: int) -> None:
    """Seed torch's global generators, those of GPUs in use included.

    ``torch.manual_seed`` takes 300 times as long in a process that has not used a GPU yet.
    """
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def seed_sample(seed: int) -> None:
    """Seed the generator that a sample and its transform draw from: torch's on the CPU."""
    torch.default_generator.manual_seed(seed)


def _generator(*parts: int) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(*parts))
