"""How far the nets of a twin are apart when they have the same weights and see the same batches.

A process that compares uses PyTorch and the framework of the other net.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lemur_core.kinds.net import as_net
from lemur_core.training import middle_prm
from lemur_twins.frameworks import use
from lemur_twins.weights import is_buffer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_core import Entry
    from lemur_twins.backends.foreign import ForeignClassifier
    from lemur_twins.backends.pytorch import PyTorchClassifier
    from lemur_twins.twin import Twin

    Arrays = Mapping[str, NDArray[Any]]
    Batch = tuple[Tensor, Tensor]

NOISE = 1e-5
"""Gradients below this share of the net's largest one can be float noise, as those of a bias before
batch normalisation are. Adam turns even noise into steps of the size of the learning rate."""
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Parity:
    """Largest differences between the nets of a twin, which have the same weights.

    Attributes:
        parameters: The number of parameters of each net, running means and variances included.
        outputs: Of the logits of a batch in evaluation mode.
        gradients: Of the gradients of a batch, divided by the largest gradient if that is above 1.
        sgd_step: Of the parameters after a step of SGD with a learning rate of 0.01.
        adam_step: Of the parameters whose gradient is not noise after a step of Adam with a
            learning rate of 0.001.
        buffers: Of the running means and variances after a step.
        worst: The array whose gradients differ most.
    """

    parameters: tuple[int, int]
    outputs: float
    gradients: float
    sgd_step: float
    adam_step: float
    buffers: float
    worst: str


class Pair:
    """A PyTorch net and its twin in another framework, with the same weights.

    Args:
        nets: The entries of the two nets.
        framework: Name of the other net's framework, which this process will use.
        twin: The twin.
        prm: Hyperparameters, besides those of ``twin.prm`` and the middle of ranges.
        seed: Seed of the weights.

    Raises:
        WeightMapError: The weights of one net are not those of the other.
    """

    def __init__(
        self,
        nets: tuple[Entry, Entry],
        framework: str,
        twin: Twin,
        prm: Mapping[str, Any],
        seed: int = 0,
    ) -> None:
        use(framework)
        self.prm = self._prm(nets[1], twin, prm)
        shapes = (1, *twin.image), (twin.classes,)
        torch.manual_seed(seed)
        built: list[Any] = [
            as_net(entry.load(), entry.name).net(*shapes, dict(self.prm), _CPU) for entry in nets
        ]
        self.torch: PyTorchClassifier = built[0]
        self.other: ForeignClassifier = built[1]
        self.other.load_arrays(self.arrays()[0])
        for net in built:
            net.train_setup(self.prm)

    def _prm(self, net: Entry, twin: Twin, prm: Mapping[str, Any]) -> dict[str, Any]:
        middle = middle_prm(as_net(net.load(), net.name))
        return middle | dict(net.prm) | dict(twin.prm) | {"match": "all"} | dict(prm)

    def arrays(self) -> tuple[Arrays, Arrays]:
        """Return parameters and running statistics of both nets, in PyTorch's layout."""
        return self.torch.arrays(), self.other.arrays()

    def outputs(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both nets in evaluation mode."""
        with torch.no_grad():
            return self.torch.eval()(inputs), self.other(inputs)

    def gradients(self, batch: Batch) -> tuple[Arrays, Arrays]:
        """Return the gradients of both nets in training mode, and leave the nets as they are."""
        return self.torch.gradients(*batch), self.other.gradients(*batch)

    def train(self, batches: Iterable[Batch]) -> None:
        """Train both nets on the same batches."""
        self.torch.train()
        for inputs, targets in batches:
            self.torch.train_batch(inputs, targets)
            self.other.train_batch(inputs, targets)

    def learn(self, batches: Sequence[Batch]) -> None:
        """Train both nets an epoch, after which their learning rates follow their schedules."""
        self.torch.train().learn(batches)
        self.other.learn(batches)

    def differences(self) -> dict[str, float]:
        """Return the largest difference of each array of the two nets."""
        return differences(*self.arrays())


def differences(reference: Arrays, other: Arrays) -> dict[str, float]:
    """Return the largest difference between arrays of the same names."""
    return {name: float(np.abs(reference[name] - other[name]).max()) for name in reference}


def batch_for(twin: Twin, size: int = 16, seed: int = 1) -> Batch:
    """Return a batch of random images and classes."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand((size, *twin.image), generator=generator)
    return images, torch.randint(twin.classes, (size,), generator=generator)


def measure(
    nets: tuple[Entry, Entry], framework: str, twin: Twin, prm: Mapping[str, Any] | None = None
) -> Parity:
    """Return how far the nets of a twin are apart.

    Args:
        nets: The entries of the PyTorch net and of the other one.
        framework: Name of the other net's framework.
        twin: The twin.
        prm: Hyperparameters, for example ``match``, which is ``all`` otherwise.

    Raises:
        WeightMapError: The weights of one net are not those of the other.
    """
    prm, batch = dict(prm or {}), batch_for(twin)
    pair = Pair(nets, framework, twin, prm | {"optimizer": "sgd", "lr": 0.01})
    logits = pair.outputs(batch[0])
    gradients = pair.gradients(batch)
    apart, largest = differences(*gradients), _largest(gradients[0])
    pair.train([batch])
    after, (arrays, _) = pair.differences(), pair.arrays()
    return Parity(
        (sum(array.size for array in arrays.values()), _size(pair.other)),
        float((logits[0] - logits[1]).abs().max()),
        _highest(apart.values()) / max(1.0, largest),
        _highest(value for name, value in after.items() if name in apart),
        _adam_step(Pair(nets, framework, twin, prm | {"optimizer": "adam", "lr": 1e-3}), batch),
        _highest(value for name, value in after.items() if name not in apart),
        [*apart][int(np.argmax([*apart.values()]))],
    )


def _adam_step(pair: Pair, batch: Batch) -> float:
    gradients, _ = pair.gradients(batch)
    least = NOISE * _largest(gradients)
    pair.train([batch])
    reference, other = pair.arrays()
    apart = [
        np.abs(reference[name] - other[name])[np.abs(gradient) > least].max(initial=0.0)
        for name, gradient in gradients.items()
    ]
    return _highest(apart)


def _largest(arrays: Arrays) -> float:
    return _highest(float(np.abs(array).max()) for array in arrays.values())


def _highest(values: Iterable[float]) -> float:
    """Return the largest value, NaN if one is NaN, which Python's ``max`` can pass over; or 0."""
    return float(np.max([*values, 0.0]))


def _size(net: ForeignClassifier) -> int:
    arrays = [*net.parameter_arrays().values(), *net.buffer_arrays().values()]
    return sum(array.size for array in arrays)


@dataclass(frozen=True)
class TrainedPair:
    """Two nets that began with the same weights, after training on the same batches.

    Attributes:
        outputs: Largest difference of the logits before training.
        parameters: Largest difference of the parameters after training.
        buffers: That of the running means and variances.
        accuracies: The accuracies on the tested images, 0 to 1, in PyTorch and the other framework.
    """

    outputs: float
    parameters: float
    buffers: float
    accuracies: tuple[float, float]


def train_both(
    nets: tuple[Entry, Entry],
    framework: str,
    twin: Twin,
    prm: Mapping[str, Any],
    epochs: Sequence[Sequence[tuple[NDArray[Any], NDArray[Any]]]],
    tested: tuple[NDArray[Any], NDArray[Any]],
) -> TrainedPair:
    """Train the nets of a twin, which begin with the same weights, on the same batches.

    Args:
        nets: The entries of the PyTorch net and of the other one.
        framework: Name of the other net's framework.
        twin: The twin.
        prm: Hyperparameters, for example ``match``, which is ``all`` otherwise.
        epochs: The batches of each epoch: images, float32, shape ``(batch, channels, height,
            width)``, and classes, int64, shape ``(batch,)``.
        tested: Images and classes for the accuracies.
    """
    pair = Pair(nets, framework, twin, prm)
    images, classes = map(torch.from_numpy, tested)
    before = pair.outputs(images)
    for epoch in epochs:
        pair.learn([(torch.from_numpy(inputs), torch.from_numpy(of)) for inputs, of in epoch])
    apart = pair.differences()
    reference, other = (
        float((logits.argmax(1) == classes).float().mean()) for logits in pair.outputs(images)
    )
    return TrainedPair(
        float((before[0] - before[1]).abs().max()),
        _highest(value for name, value in apart.items() if not is_buffer(name)),
        _highest(value for name, value in apart.items() if is_buffer(name)),
        (reference, other),
    )
