"""Train the members of a zoo, an epoch of a group at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.augmentation import augmented
from lemur_zoo.engine.choice import ChosenEngine, choose
from lemur_zoo.members import GroupState, MemberSettings
from lemur_zoo.modules import layers_of
from lemur_zoo.nets import DRAWING
from lemur_zoo.schedule import factors_of
from lemur_zoo.storage.folder import GroupProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import nn

    from lemur_zoo.images import ZooImages
    from lemur_zoo.layers import Shape
    from lemur_zoo.members import Engine, SplitArrays
    from lemur_zoo.nets import ZooNet
    from lemur_zoo.spec.population import ZooMember
    from lemur_zoo.spec.spec import ZooSpec
    from lemur_zoo.storage.folder import ZooFolder

Start = Callable[[Sequence[int]], tuple["NDArray[np.float32]", "NDArray[np.float32]"]]
"""Returns the initial weights and buffers of members, given their numbers."""
GROUP_SIZE = 16
"""Largest number of members that are trained together."""
_ALIKE = ("activation", "optimizer", "batch", "schedule")


class ZooEpoch(NamedTuple):
    """An epoch of all members.

    Attributes:
        epoch: Number of the epoch.
        loss: Median training loss of the members that have not diverged.
        validation: Median validation accuracy of all members.
        test: Median test accuracy of all members.
        diverged: Number of members with a loss that is not finite.
        seconds: Seconds that the epoch took here.
        left: Number of epochs that are left.
    """

    epoch: int
    loss: float
    validation: float
    test: float
    diverged: int
    seconds: float
    left: int


def groups_of(members: Sequence[ZooMember], spec: ZooSpec) -> list[list[int]]:
    """Return the numbers of the members of each group, at most `GROUP_SIZE` in one.

    Members of a group have the same activation, optimizer and batch size, and dropout or none. If
    training images are changed at random, each member has others, and is a group of its own.

    Args:
        members: The members.
        spec: The specification of the zoo.
    """
    size = 1 if spec.augment else GROUP_SIZE
    alike: dict[tuple[object, ...], list[int]] = {}
    for member in members:
        values = member.values
        key = (*(values[name] for name in _ALIKE), values["dropout"] != 0)
        alike.setdefault(key, []).append(member.number)
    return [
        numbers[start : start + size]
        for numbers in alike.values()
        for start in range(0, len(numbers), size)
    ]


class ZooTraining:
    """The training of a zoo, which goes on from what its folder holds.

    Args:
        folder: The folder, writable.
        images: The images.
        net: The net.
        engine: Name of the engine, or ``auto``.
        start: Returns the initial weights and buffers of members, instead of those of the net.

    Raises:
        SettingsError: There is no such engine.
        UnusableEngineError: The engine cannot train the net, or not on this machine.
    """

    def __init__(
        self,
        folder: ZooFolder,
        images: ZooImages,
        net: ZooNet,
        engine: str,
        start: Start | None = None,
    ) -> None:
        self._folder, self._images, self._net, self._start = folder, images, net, start
        self._members = folder.members()
        self._engines: dict[int, Engine] = {}
        groups = range(len(folder.header.groups))
        self._progress: dict[int, GroupProgress] = {
            group: folder.progress(group) for group in groups
        }
        self.choice: ChosenEngine = choose(self._build(self._members[0]), self._shape, engine)

    @property
    def whole(self) -> int:
        """Number of the last epoch that all members have; -1 if there is none."""
        return min(progress.epoch for progress in self._progress.values())

    def run(
        self,
        epochs: int,
        *,
        threads: int = 1,
        until: float | None = None,
        report: Callable[[ZooEpoch], None] = lambda _: None,
        show: Callable[[str], None] = lambda _: None,
    ) -> bool:
        """Train all members up to an epoch, and return whether they all reached it.

        An epoch that is interrupted is trained again; those before it are stored.

        Args:
            epochs: Number of the last epoch.
            threads: Number of groups that are trained at the same time.
            until: Time, as `time.monotonic` gives it, after which no epoch of a group begins.
            report: Called with each epoch of all members.
            show: Called with a line on each epoch of a group.
        """
        with ThreadPoolExecutor(threads) as pool:
            try:
                for epoch in range(self.whole + 1, epochs + 1):
                    began = time.monotonic()
                    left = [group for group, done in self._progress.items() if done.epoch < epoch]
                    step = partial(self._step, epoch=epoch, until=until, show=show)
                    run = map(step, left) if threads == 1 else pool.map(step, left)
                    if not all(list(run)):
                        return False
                    report(self._sweep(epoch, time.monotonic() - began, epochs - epoch))
            except BaseException:
                # What waits is not begun; what runs ends at the end of its epoch.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return True

    def _step(
        self, group: int, *, epoch: int, until: float | None, show: Callable[[str], None]
    ) -> bool:
        """Train an epoch of a group and store it; return False if the time is over."""
        if until is not None and time.monotonic() >= until:
            return False
        show(f"epoch {epoch}: group {group + 1} of {len(self._progress)}")
        began = time.monotonic()
        before = self._progress[group].seconds
        engine = self._engine(group, epoch)
        if epoch == 0:
            state = self._initial(group)
            trained = engine.scores(state, self._images.train)
        else:
            state = self._folder.load(group, epoch - 1)
            trained = engine.train_epoch(state, epoch, self._factors(group, epoch))
        splits = (self._images.validation, self._images.test)
        held_out = [engine.scores(state, split) for split in splits]
        scores = np.stack([np.stack(split, -1) for split in (trained, *held_out)], 1)
        seconds = (*before, (before[-1] if before else 0.0) + time.monotonic() - began)
        self._folder.commit(group, epoch, state, scores, seconds)
        self._progress[group] = GroupProgress(epoch, seconds)
        return True

    def _initial(self, group: int) -> GroupState:
        members = self._of_group(group)
        if self._start is not None:
            weights, buffers = self._start([member.number for member in members])
        else:
            weights, buffers = self._net.initial(members), self._net.initial_buffers(members)
        state = GroupState(weights, np.zeros_like(weights), np.zeros_like(weights))
        state.buffers = buffers if self._folder.header.buffers else None
        return state

    def _engine(self, group: int, epoch: int = 0) -> Engine:
        kinds, images = self._folder.header.spec.augment, self._images.train
        if kinds:
            # Each epoch has other images, and there may be too many members to keep their engines.
            [member] = self._of_group(group)
            if epoch:
                images = augmented(images, self._images.black, kinds, member.seed, epoch)
            return self._made([member], images)
        if group not in self._engines:
            self._engines[group] = self._made(self._of_group(group), images)
        return self._engines[group]

    def _of_group(self, group: int) -> list[ZooMember]:
        return [self._members[number] for number in self._folder.header.groups[group]]

    def _factors(self, group: int, epoch: int) -> NDArray[np.float64] | None:
        values = self._of_group(group)[0].values
        steps = -(-len(self._images.train.targets) // int(values["batch"]))
        return factors_of(str(values["schedule"]), epoch, self._folder.header.spec.epochs, steps)

    def _made(self, members: Sequence[ZooMember], images: SplitArrays) -> Engine:
        # The layers of a net are found by running it, and its generator is then restored.
        with DRAWING:
            return self._make(members, images)

    def _make(self, members: Sequence[ZooMember], images: SplitArrays) -> Engine:
        values, net = members[0].values, self._build(members[0])
        choice = self.choice
        if choice.layers is not None:
            # Members of other groups have other activations; the engine is the same for all.
            choice = choice._replace(layers=layers_of(net, self._shape))
        optimizer, batch = str(values["optimizer"]), int(values["batch"])
        return choice.engine(optimizer, batch, _settings(members), images, net)

    def _build(self, member: ZooMember) -> nn.Module:
        return self._net.build(member.values)

    @property
    def _shape(self) -> Shape:
        return self._images.in_shape[1:]

    def _sweep(self, epoch: int, seconds: float, left: int) -> ZooEpoch:
        metrics = self._folder.metrics[:, epoch]
        losses, accuracies = metrics[:, :, 0], metrics[:, :, 1]
        diverged = ~np.isfinite(losses).all(axis=1)
        loss = float(np.median(losses[~diverged, 0])) if not diverged.all() else float("nan")
        validation, test = (float(np.median(accuracies[:, place])) for place in (1, 2))
        return ZooEpoch(epoch, loss, validation, test, int(diverged.sum()), seconds, left)


def _settings(members: Sequence[ZooMember]) -> MemberSettings:
    def column(name: str) -> NDArray[np.float32]:
        return np.array([_number(member.values, name) for member in members], np.float32)

    seeds = np.array([member.seed for member in members], np.int64)
    return MemberSettings(
        seeds, column("lr"), column("momentum"), column("weight_decay"), column("dropout")
    )


def _number(values: Mapping[str, float | int | str], name: str) -> float:
    return float(values[name])
