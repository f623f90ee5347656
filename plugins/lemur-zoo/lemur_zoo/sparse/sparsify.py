"""Train the sparse twins of a zoo, and go on from what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.engine.choice import choose
from lemur_zoo.evaluation import zoo_layers
from lemur_zoo.members import GroupState, MemberSettings
from lemur_zoo.sparse.training import SparseEngine, prune
from lemur_zoo.sparse.twins import FOLDER, doubled, prepare
from lemur_zoo.sparse.variational import FIRST_LOG_SIGMA2, can_be_cut
from lemur_zoo.storage.folder import ZooFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.images import ZooImages
    from lemur_zoo.spec.population import ZooMember
    from lemur_zoo.zoo import Zoo


class GroupReport(NamedTuple):
    """An epoch of the twins of a group.

    Attributes:
        group: Number of the group.
        groups: Number of groups.
        epoch: Number of the epoch.
        epochs: Number of epochs.
        seconds: Seconds that it took.
    """

    group: int
    groups: int
    epoch: int
    epochs: int
    seconds: float


def sparsify(
    zoo: Zoo,
    images: ZooImages,
    epochs: int,
    *,
    kl_weight: float = 1.0,
    until: float | None = None,
    report: Callable[[GroupReport], None] = lambda _: None,
) -> bool:
    """Train the sparse twins of all members, group by group, and return whether all are done.

    An epoch that is interrupted is trained again; those before it are stored. The caller holds the
    lock of the zoo's folder.

    Args:
        zoo: The zoo.
        images: Its images.
        epochs: Number of epochs.
        kl_weight: What the divergence is multiplied by; 1 is the bound of the paper.
        until: Time, as `time.monotonic` gives it, after which no epoch begins.
        report: Called with each epoch of a group.

    Raises:
        LemurError: The zoo has other twins, or its net is not a chain of layers.
    """
    twins = prepare(zoo, epochs, kl_weight)
    folder = ZooFolder(zoo.path / FOLDER, doubled(zoo.header, twins), writable=True)
    groups = folder.header.groups
    for group, numbers in enumerate(groups):
        progress = folder.progress(group)
        seconds = list(progress.seconds)
        twins_of = _Group(zoo, numbers, images, kl_weight)
        for epoch in range(progress.epoch + 1, epochs + 1):
            if until is not None and time.monotonic() >= until:
                return False
            began = time.monotonic()
            if epoch == 0:
                state = _initial(zoo, numbers, twins.begins)
            else:
                state = folder.load(group, epoch - 1)
                twins_of.training.train_epoch(state, epoch)
            scores = twins_of.scores(state)
            spent = time.monotonic() - began
            seconds.append((seconds[-1] if seconds else 0.0) + spent)
            folder.commit(group, epoch, state, scores, seconds)
            report(GroupReport(group, len(groups), epoch, epochs, spent))
    return True


def _initial(zoo: Zoo, numbers: Sequence[int], begins: Sequence[int]) -> GroupState:
    weights = np.stack([zoo.weights(number, begins[number]) for number in numbers])
    rows = np.concatenate([weights, np.full_like(weights, FIRST_LOG_SIGMA2)], axis=1)
    return GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))


class _Group:
    """The twins of a group: what trains them, and the engine that scores them."""

    def __init__(
        self, zoo: Zoo, numbers: Sequence[int], images: ZooImages, kl_weight: float
    ) -> None:
        members = [zoo.population[number] for number in numbers]
        values, settings = members[0].values, _settings(members)
        optimizer, batch = str(values["optimizer"]), int(values["batch"])
        layers = zoo_layers(zoo, numbers[0])
        net = zoo.net(numbers[0])
        choice = choose(net, tuple(zoo.header.in_shape[1:]))
        self.training = SparseEngine(layers, optimizer, batch, settings, images.train, kl_weight)
        self._scoring = choice.engine(optimizer, batch, settings, images.train, net)
        self._splits = (images.train, images.validation, images.test)
        self._has_noise = can_be_cut(layers, tuple(zoo.header.in_shape[1:])).numpy()

    def scores(self, state: GroupState) -> NDArray[float64]:
        """Return the scores of the pruned twins, shape ``(members, splits, 2)``."""
        pruned = prune(state.parameters, self._has_noise)
        # Engines read the parameters alone to score.
        pruned_state = GroupState(pruned, pruned, pruned)
        scores = [self._scoring.scores(pruned_state, split) for split in self._splits]
        return np.stack([np.stack(part, axis=-1) for part in scores], axis=1)


def _settings(members: Sequence[ZooMember]) -> MemberSettings:
    def column(name: str) -> NDArray[float32]:
        return np.array([member.values[name] for member in members], np.float32)

    seeds = np.array([member.seed for member in members], np.int64)
    names = ("lr", "momentum", "weight_decay", "dropout")
    return MemberSettings(seeds, *map(column, names))
