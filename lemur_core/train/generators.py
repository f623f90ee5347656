"""The global generators of random numbers: their state, brought back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def kept_generators() -> Iterator[None]:
    """Have what comes after draw as if nothing had been drawn within."""
    state = generators()
    try:
        yield
    finally:
        set_generators(state)


def generators() -> dict[str, Any]:
    """Return the state of Python's, numpy's and torch's global generators."""
    # Their hundreds of integers as tensors: one by one they would take longer than the weights.
    version, words, gauss = random.getstate()
    numpy: Any = np.random.get_state(legacy=False)
    numpy["state"]["key"] = torch.from_numpy(numpy["state"]["key"].astype(np.int64))
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {
        "python": (version, torch.tensor(words), gauss),
        "numpy": numpy,
        "torch": torch.get_rng_state(),
        "cuda": cuda,
    }


def set_generators(state: dict[str, Any]) -> None:
    """Set the generators to a state that `generators` gave."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    state["numpy"]["state"]["key"] = state["numpy"]["state"]["key"].numpy().astype(np.uint32)
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
