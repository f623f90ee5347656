"""One net of a pair, as it is compared: what it computes for a batch, and its weights."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lemur_twins.weights import is_buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_twins.backends.foreign import ForeignClassifier
    from lemur_twins.backends.pytorch import PyTorchClassifier

    Array = NDArray[Any]

OUTPUT, LOSS, GRADIENT, WEIGHT, STATISTIC = "output", "loss", "gradient", "weight", "statistic"


class Quantity(NamedTuple):
    """What is compared in a step.

    Attributes:
        kind: ``output`` of a layer, ``loss``, ``gradient``, ``weight`` after the step, or
            ``statistic``: a running mean or variance after it.
        name: Name of the layer or array; empty for the loss.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.name}" if self.name else self.kind


def _as_it_is() -> AbstractContextManager[None]:
    return nullcontext()


class Side:
    """A net that is trained step by step.

    Args:
        net: The net.
        computing: Returns a context in which the net computes, for example without oneDNN.
    """

    def __init__(
        self,
        net: PyTorchClassifier | ForeignClassifier,
        computing: Callable[[], AbstractContextManager[None]] = _as_it_is,
    ) -> None:
        self._net, self._computing = net, computing

    def step(self, inputs: Tensor, targets: Tensor) -> dict[Quantity, Array]:
        """Train a step, and return all of its quantities in the order in which they are computed.

        Args:
            inputs: float32, shape ``(batch, channels, height, width)``.
            targets: Classes, int64, shape ``(batch,)``.
        """
        with self._computing():
            outputs = self._net.activations(inputs)
            gradients = self._net.gradients(inputs, targets)
            loss = float(self._net.train_batch(inputs, targets))
            arrays = self._net.arrays()
        quantities = {Quantity(OUTPUT, name): array for name, array in outputs.items()}
        quantities[Quantity(LOSS, "")] = _scalar(loss)
        # They are computed from the last layer to the first.
        for name in reversed(gradients):
            quantities[Quantity(GRADIENT, name)] = gradients[name]
        return quantities | dict(_after(arrays))

    def end_epoch(self) -> None:
        """Step the schedule of the learning rate."""
        self._net.end_epoch()


def _after(arrays: Mapping[str, Array]) -> Iterator[tuple[Quantity, Array]]:
    for kind in (WEIGHT, STATISTIC):
        for name, array in arrays.items():
            if is_buffer(name) == (kind == STATISTIC):
                yield Quantity(kind, name), array


def _scalar(value: float) -> Array:
    return torch.tensor(value, dtype=torch.float64).numpy()


@contextmanager
def without_onednn() -> Iterator[None]:
    """Compute with PyTorch's own kernels."""
    [enabled, *_] = torch.backends.mkldnn.set_flags(False)
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(enabled)


@contextmanager
def other_threads() -> Iterator[None]:
    """Compute with two threads, or with one if there are more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2 if threads == 1 else 1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


VARIANTS = {"without oneDNN": without_onednn, "with another number of threads": other_threads}
"""How PyTorch is compared with itself, to measure float noise."""
