"""The members of a population that are trained together, and the state of their training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from numpy import float32, float64, int64
    from numpy.typing import NDArray

    from lemur_zoo.layers import Layers


class SplitArrays(NamedTuple):
    """A split of a dataset.

    Attributes:
        inputs: Images of shape (samples, channels, height, width).
        targets: Classes of shape (samples,).
    """

    inputs: NDArray[float32]
    targets: NDArray[int64]


class GroupSettings(NamedTuple):
    """What the members of a group have in common.

    Attributes:
        layers: The layers of their net; None if it is not made of `lemur_zoo.layers`.
        optimizer: ``adam`` or ``sgd`` (with momentum), as torch.optim computes them, with weight
            decay as a term of the gradient.
        batch: Number of samples in a batch; the last batch of an epoch has what is left.
    """

    layers: Layers | None
    optimizer: str
    batch: int


class MemberSettings(NamedTuple):
    """What the members of a group differ in; each attribute has the shape (members,).

    Attributes:
        seeds: Seed of the order of the samples and of the dropout in each epoch.
        lr: Learning rate.
        momentum: Momentum of SGD, 0 to 1; not read for Adam.
        weight_decay: Weight decay.
        dropout: Probability that dropout sets an element to zero, 0 to 1.
    """

    seeds: NDArray[int64]
    lr: NDArray[float32]
    momentum: NDArray[float32]
    weight_decay: NDArray[float32]
    dropout: NDArray[float32]

    def of(self, members: slice | NDArray[int64]) -> MemberSettings:
        """Return the settings of some of the members."""
        return MemberSettings(
            self.seeds[members],
            self.lr[members],
            self.momentum[members],
            self.weight_decay[members],
            self.dropout[members],
        )


@dataclass
class GroupState:
    """The state of the members of a group after a whole number of epochs.

    Attributes:
        parameters: Parameters of shape (members, parameters), each row in the order of the net's
            ``parameters()``, flattened.
        first: Adam's mean of the gradients or SGD's momentum buffer, of the same shape.
        second: Adam's mean of the squared gradients, of the same shape; SGD leaves it.
        steps: Number of optimizer steps so far.
        buffers: The net's buffers, such as running statistics, each row in the order of its
            ``buffers()``, flattened; None if it has none.
    """

    parameters: NDArray[float32]
    first: NDArray[float32]
    second: NDArray[float32]
    steps: int = 0
    buffers: NDArray[float32] | None = None


class Scores(NamedTuple):
    """How good the members of a group are on a split; each attribute has the shape (members,).

    Attributes:
        loss: Mean cross-entropy.
        accuracy: Share of the samples whose class has the highest score, 0 to 1. Of equal scores
            the first one counts as the highest. A sample with NaN among its scores is wrong.
    """

    loss: NDArray[float64]
    accuracy: NDArray[float64]


class Engine(Protocol):
    """Trains the members of a group.

    The order of the samples and the dropout of an epoch depend on the member's seed and the number
    of the epoch alone, so a member has the same numbers in any group, resumed or not.
    """

    def train_epoch(
        self, state: GroupState, epoch: int, factors: NDArray[float64] | None = None
    ) -> Scores:
        """Train an epoch of the training split, and change the state.

        Args:
            state: The state after the epochs before.
            epoch: Number of the epoch, from 1.
            factors: What the learning rates are multiplied by at each step of the epoch, of shape
                (steps,); None for 1.

        Returns:
            The scores on the training split as it was trained: those of each batch, with dropout,
            before its step.
        """

    def scores(self, state: GroupState, images: SplitArrays) -> Scores:
        """Return the scores of the members on a split."""
