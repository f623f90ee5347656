"""Train the sparse twins of a zoo, and go on from what is stored."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.engine.choice import AUTO, LANES, UnusableEngineError
from lemur_zoo.engine.variational import TwinSettings
from lemur_zoo.evaluation import zoo_layers
from lemur_zoo.members import GroupSettings, GroupState, MemberSettings
from lemur_zoo.sparse.choice import choose_noisy, noisy_engine
from lemur_zoo.sparse.training import prune
from lemur_zoo.sparse.twins import FOLDER, doubled, has_twins, prepare, read_twins
from lemur_zoo.sparse.variational import FIRST_LOG_SIGMA2, can_be_cut
from lemur_zoo.storage.folder import ZooFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.engine.choice import ChosenEngine
    from lemur_zoo.images import ZooImages
    from lemur_zoo.sparse.twins import TwinsPlan
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
        sparsity: Median share of the weights that is cut, 0 to 1.
        accuracy: Median test accuracy of the pruned twins, 0 to 1.
    """

    group: int
    groups: int
    epoch: int
    epochs: int
    seconds: float
    sparsity: float
    accuracy: float


def choose_engine(zoo: Zoo, engine: str = "") -> ChosenEngine:
    """Return the engine that trains the sparse twins of a zoo.

    Args:
        zoo: The zoo.
        engine: Name of the engine, or ``auto``; empty goes on with that of the epochs before.

    Raises:
        LemurError: The engine cannot be used, or the net is not a chain of layers.
    """
    zoo_layers(zoo)
    before = read_twins(zoo).engine if has_twins(zoo) else ""
    try:
        return choose_noisy(zoo.net(0), _shape(zoo), engine or before or AUTO)
    except UnusableEngineError as error:
        if engine or before != LANES:
            raise
        raise UnusableEngineError(
            f"{error}; continue with --engine grouped, which rounds otherwise"
        ) from None


def sparsify(
    zoo: Zoo,
    images: ZooImages,
    plan: TwinsPlan,
    engine: ChosenEngine,
    *,
    threads: int = 1,
    until: float | None = None,
    report: Callable[[GroupReport], None] = lambda _: None,
) -> bool:
    """Train the sparse twins of all members, group by group, and return whether all are done.

    An epoch that is interrupted is trained again; those before it are stored. The caller holds the
    lock of the zoo's folder.

    Args:
        zoo: The zoo.
        images: Its images.
        plan: How the twins are trained.
        engine: The engine that trains them.
        threads: Number of threads; only ``lanes`` has several.
        until: Time, as `time.monotonic` gives it, after which no epoch begins.
        report: Called with each epoch of a group.

    Raises:
        LemurError: The zoo has other twins.
    """
    twins = prepare(zoo, plan, engine.name)
    folder = ZooFolder(zoo.path / FOLDER, doubled(zoo.header, twins), writable=True)
    groups = folder.header.groups
    for group, numbers in enumerate(groups):
        progress = folder.progress(group)
        seconds = list(progress.seconds)
        if progress.epoch == plan.epochs:
            continue
        twins_of = _Group(zoo, numbers, images, plan, engine, threads)
        for epoch in range(progress.epoch + 1, plan.epochs + 1):
            if until is not None and time.monotonic() >= until:
                return False
            began = time.monotonic()
            if epoch == 0:
                state = _initial(zoo, numbers, twins.begins)
            else:
                state = folder.load(group, epoch - 1)
                twins_of.training.train_epoch(state, epoch)
            scores, sparsity = twins_of.scores(state)
            spent = time.monotonic() - began
            seconds.append((seconds[-1] if seconds else 0.0) + spent)
            folder.commit(group, epoch, state, scores, seconds)
            medians = float(np.median(sparsity)), float(np.median(scores[:, 2, 1]))
            report(GroupReport(group, len(groups), epoch, plan.epochs, spent, *medians))
    return True


def _shape(zoo: Zoo) -> tuple[int, ...]:
    return tuple(zoo.header.in_shape[1:])


def _initial(zoo: Zoo, numbers: Sequence[int], begins: Sequence[int]) -> GroupState:
    weights = np.stack([zoo.weights(number, begins[number]) for number in numbers])
    rows = np.concatenate([weights, np.full_like(weights, FIRST_LOG_SIGMA2)], axis=1)
    return GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))


class _Group:
    """The twins of a group: what trains them, and the engine that scores them."""

    def __init__(
        self,
        zoo: Zoo,
        numbers: Sequence[int],
        images: ZooImages,
        plan: TwinsPlan,
        engine: ChosenEngine,
        threads: int,
    ) -> None:
        members = [zoo.population[number] for number in numbers]
        values, settings = members[0].values, _settings(members)
        # Members of other groups have other activations.
        layers, net = zoo_layers(zoo, numbers[0]), zoo.net(numbers[0])
        common = GroupSettings(layers, str(values["optimizer"]), int(values["batch"]))
        chosen = engine._replace(layers=layers)
        kl_weight = np.full(len(members), plan.kl_weight, np.float32)
        variance_lr = settings.lr * np.float32(plan.variance_lr)
        twins = TwinSettings(kl_weight, variance_lr, plan.warm_up)
        self.training = noisy_engine(chosen, common, settings, twins, images.train, threads)
        self._scoring = chosen.engine(*common[1:], settings, images.train, net, threads)
        self._splits = (images.train, images.validation, images.test)
        self._has_noise = can_be_cut(layers, _shape(zoo)).numpy()

    def scores(self, state: GroupState) -> tuple[NDArray[float64], NDArray[float64]]:
        """Return the scores of the pruned twins, ``(members, splits, 2)``, and their sparsity."""
        pruned = prune(state.parameters, self._has_noise)
        # Engines read the parameters alone to score.
        pruned_state = GroupState(pruned, pruned, pruned)
        scores = [self._scoring.scores(pruned_state, split) for split in self._splits]
        stacked = np.stack([np.stack(part, axis=-1) for part in scores], axis=1)
        return stacked, (pruned[:, self._has_noise] == 0).mean(1)


def _settings(members: Sequence[ZooMember]) -> MemberSettings:
    def column(name: str) -> NDArray[float32]:
        return np.array([member.values[name] for member in members], np.float32)

    seeds = np.array([member.seed for member in members], np.int64)
    names = ("lr", "momentum", "weight_decay", "dropout")
    return MemberSettings(seeds, *map(column, names))
