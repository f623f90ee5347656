"""Read a zoo: its members, their scores, and their weights after each epoch."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_core import installed
from lemur_core.errors import SettingsError, hint
from lemur_zoo.storage.folder import EXTRA, ZooFolder
from lemur_zoo.storage.header import (
    METRICS,
    SPLITS,
    ZooError,
    is_recorded,
    read_header,
)
from lemur_zoo.tokens import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import bool_, float32, float64, int64
    from numpy.typing import NDArray
    from pandas import DataFrame, Series
    from torch import Tensor, nn
    from torch.utils.data import Dataset

    from lemur_zoo.nets import ZooNet
    from lemur_zoo.parameters import Parameter
    from lemur_zoo.spec.population import ZooMember
    from lemur_zoo.spec.spec import ZooSpec
    from lemur_zoo.storage.header import ZooHeader
    from lemur_zoo.tokens import Tokens

SCORES = tuple(f"{split}_{metric}" for split in SPLITS for metric in METRICS)
"""Columns of `Zoo.metrics`: ``train_loss``, ``train_accuracy``, ``validation_loss``, ..."""
_NUMBER = ((int, float), "a number")
# Types of the values of columns, by the kind of their dtype.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "b": ((bool,), "True or False"), "i": _NUMBER, "f": _NUMBER,
}  # fmt: skip


class Zoo:
    """A zoo in a folder, read without loading its weights into memory.

    A zoo that is being trained, or whose training was stopped, is read up to the last whole epoch
    of each member. Epochs are numbered from 0, the state before training; negative numbers count
    from a member's last epoch, as in Python's lists.

    Args:
        path: The folder.

    Attributes:
        path: The folder.
        header: What the zoo is, and the layout of its files.

    Raises:
        ZooError: The folder is not a zoo, or a file is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.header: ZooHeader = read_header(self.path)
        self._folder = ZooFolder(self.path, self.header)

    def __len__(self) -> int:
        return self.header.members

    def __reduce__(self) -> tuple[Any, ...]:
        # The folder is opened again; otherwise, all weights would be pickled.
        return type(self), (self.path,)

    def __repr__(self) -> str:
        return f"<Zoo {self.name}: {len(self):,} members, epochs 0 to {self.epochs}>"

    @property
    def name(self) -> str:
        """The zoo's name."""
        return self.spec.name

    @property
    def spec(self) -> ZooSpec:
        """The specification that the zoo is made from."""
        return self.header.spec

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Names and shapes of the parameters, in the order in which they are stored."""
        return self.header.parameters

    @cached_property
    def last_epochs(self) -> NDArray[int64]:
        """The last whole epoch of each member, shape ``(members,)``; -1 if it has none."""
        epochs = np.full(len(self), -1)
        for group, numbers in enumerate(self.header.groups):
            epochs[list(numbers)] = self._folder.progress(group).epoch
        # Another process may have extended the zoo since it was opened.
        return np.asarray(np.minimum(epochs, self.header.epochs))

    @property
    def epochs(self) -> int:
        """The last epoch that all members have; -1 if there is none."""
        return int(self.last_epochs.min())

    @property
    def compared_epoch(self) -> int:
        """The epoch at which members are compared: the last one that all of them have.

        Of an imported zoo, in which some members may have been stopped, it is the last of any.
        """
        last = self.last_epochs.max() if self.header.provenance else self.last_epochs.min()
        return int(last)

    def with_epoch(self, epoch: int) -> NDArray[int64]:
        """Return the numbers of the members that have an epoch."""
        return np.flatnonzero(self._present[:, epoch])

    def seconds(self, member: int) -> tuple[float, ...]:
        """Return the seconds of training up to the end of each epoch, of the member's group."""
        self._check_member(member)
        return self._folder.progress(self._groups[member]).seconds[: self.header.epochs + 1]

    def trained_with(self, member: int) -> tuple[int, ...]:
        """Return the numbers of the members of a member's group, itself included."""
        self._check_member(member)
        return tuple(self.header.groups[self._groups[member]])

    def weights(self, member: int, epoch: int = -1) -> NDArray[float32]:
        """Return the weights of a member after an epoch, float32, shape ``(parameters,)``.

        Raises:
            ZooError: There is no such member or epoch.
        """
        weights: NDArray[float32] = self.history(member)[self._epoch(member, epoch)]
        return weights

    def history(self, member: int) -> NDArray[float32]:
        """Return the weights of a member after each epoch, from 0.

        Returns:
            float32, shape ``(epochs + 1, parameters)``, read from the disk when it is used; zero
            for epochs before the first of an imported zoo.

        Raises:
            ZooError: There is no such member.
        """
        self._check_member(member)
        return self._folder.weights[member, : self.last_epochs[member] + 1]

    def at(self, epoch: int, members: Iterable[int] | None = None) -> NDArray[float32]:
        """Return the weights of members after an epoch, shape ``(members, parameters)``.

        Args:
            epoch: Number of the epoch; -1 is each member's last.
            members: Numbers of members; None is all.

        Raises:
            ZooError: There is no such member, or one does not have the epoch.
        """
        numbers = list(range(len(self)) if members is None else members)
        epochs = [self._epoch(member, epoch) for member in numbers]
        return np.asarray(self._folder.weights[numbers, epochs], np.float32)

    def buffers_at(self, epoch: int, members: Iterable[int] | None = None) -> NDArray[float32]:
        """Return the buffers of members after an epoch, shape ``(members, elements)``.

        They are those of `header.buffers`, such as running statistics; nets without batch
        normalisation have 0 elements.

        Args:
            epoch: Number of the epoch; -1 is each member's last.
            members: Numbers of members; None is all.

        Raises:
            ZooError: There is no such member, or one does not have the epoch.
        """
        numbers = list(range(len(self)) if members is None else members)
        epochs = [self._epoch(member, epoch) for member in numbers]
        if self._folder.buffers is None:
            return np.empty((len(numbers), 0), np.float32)
        return np.asarray(self._folder.buffers[numbers, epochs], np.float32)

    def state_dict(self, member: int, epoch: int = -1) -> dict[str, Tensor]:
        """Return the state dictionary of a member's net after an epoch.

        The buffers of a net with batch normalisation follow its parameters.
        """
        from lemur_zoo.nets import state_of

        state = state_of(self.weights(member, epoch), self.parameters)
        return state | state_of(self.buffers_at(epoch, [member])[0], self.header.buffers)

    def net(self, member: int, epoch: int = -1) -> nn.Module:
        """Return the net of a member after an epoch, in evaluation mode.

        Raises:
            ZooError: There is no such member or epoch, or the installed net has other parameters.
            UnknownNameError: The net is not installed.
        """
        state = self.state_dict(member, epoch)
        net = self._net.build(self.population[member].values)
        try:
            net.load_state_dict(state)
        except RuntimeError:
            raise ZooError(
                f"zoo {self.name!r}: the installed net {self.spec.net!r} has other parameters than "
                "its members; read them with state_dict()"
            ) from None
        return net.eval()

    @cached_property
    def population(self) -> list[ZooMember]:
        """The members, with their values, seeds and splits."""
        return self._folder.members()

    @cached_property
    def members(self) -> DataFrame:
        """A row for each member, with its number as index.

        The columns are ``split``, ``seed``, the factors, ``epochs`` (the last whole one),
        ``diverged`` (whether a loss of it is not finite) and the scores at that epoch, `SCORES`.
        """
        from pandas import DataFrame

        rows = [
            {"split": member.split, "seed": member.seed, **member.values}
            for member in self.population
        ]
        frame = DataFrame(rows).rename_axis("member")
        last = np.maximum(self.last_epochs, 0)
        scores = self.scores[np.arange(len(self)), last]
        frame = frame.assign(epochs=self.last_epochs, diverged=self.diverged)
        return frame.assign(**dict(zip(SCORES, scores.reshape(len(self), -1).T, strict=True)))

    def select(self, **where: Any) -> DataFrame:
        """Return the rows of `members` with these values: ``select(split="train", init="normal")``.

        Args:
            where: A value, or a collection of values such as a list, a tuple or an array, by name
                of a column.

        Raises:
            SettingsError: There is no such column, or a value is of another type than its values.
        """
        frame = self.members
        for name, values in where.items():
            if name not in frame.columns:
                raise SettingsError(f"members have no {name!r}{hint(name, [*frame.columns])}")
            frame = frame[frame[name].isin(_values(frame[name], values))]
        return frame

    @cached_property
    def scores(self) -> NDArray[float64]:
        """Loss and accuracy after each epoch, shape ``(members, epochs + 1, 3, 2)``.

        The third axis is train, validation and test, the fourth loss and accuracy. Epochs that a
        member does not have are NaN.
        """
        scores = np.array(self._folder.metrics, np.float64)
        scores[~self._present] = np.nan
        return scores

    @cached_property
    def _present(self) -> NDArray[bool_]:
        """Whether a member has an epoch, shape ``(members, epochs + 1)``."""
        epochs = np.arange(self.header.epochs + 1)
        return (epochs >= self.header.first_epoch) & (epochs <= self.last_epochs[:, None])

    @cached_property
    def diverged(self) -> NDArray[Any]:
        """Whether a loss of each member is not finite, shape ``(members,)``.

        A loss that the files of an imported zoo do not have is missing, which is something else.
        """
        losses = self.scores[..., 0]
        is_lost = ~np.isfinite(losses) & is_recorded(losses) & self._present[..., None]
        return np.asarray(is_lost.any(axis=(1, 2)))

    def moments(self, member: int) -> tuple[NDArray[float32], NDArray[float32], int]:
        """Return the state of a member's optimizer after its last epoch.

        Returns:
            Adam's mean of the gradients or SGD's momentum buffer, Adam's mean of the squared
            gradients, both of shape ``(parameters,)``, and the number of steps.

        Raises:
            ZooError: There is no such member, its state cannot be read, or it has been trained
                further since the zoo was opened.
        """
        self._check_member(member)
        group, last = self._groups[member], int(self.last_epochs[member])
        state = self._folder.load(group, last)
        # Read after the state: a stored epoch never decreases.
        stored = self._folder.progress(group).epoch
        if stored != last:
            raise ZooError(
                f"zoo {self.name!r}: member {member} has been trained to epoch {stored} since the "
                "zoo was opened, and only its last state is stored; open the zoo again"
            )
        row = list(self.header.groups[group]).index(member)
        return state.first[row], state.second[row], state.steps

    @cached_property
    def extra(self) -> DataFrame:
        """Further measurements of an imported zoo: a row for each member and epoch."""
        from pandas import DataFrame, read_csv

        path = self.path / EXTRA
        return read_csv(path) if path.is_file() else DataFrame(columns=["member", "epoch"])

    @cached_property
    def metrics(self) -> DataFrame:
        """A row for each member and epoch: ``member``, ``epoch`` and `SCORES`."""
        from pandas import DataFrame

        members, epochs = np.nonzero(self._present)
        values = self.scores[members, epochs].reshape(len(members), len(SCORES))
        frame = DataFrame(values, columns=list(SCORES))
        frame.insert(0, "member", members)
        frame.insert(1, "epoch", epochs)
        return frame

    def tokens(self, member: int, epoch: int = -1, size: int = 0) -> Tokens:
        """Return the weights of a member as a sequence of tokens; see `lemur_zoo.tokens`.

        Args:
            member: Number of the member.
            epoch: Number of the epoch.
            size: Number of elements of a token; 0 takes that of the longest channel.
        """
        return self.tokenizer(size).tokens(self.weights(member, epoch))

    def tokenizer(self, size: int = 0) -> Tokenizer:
        """Return what converts weights of this zoo to tokens and back."""
        return Tokenizer(self.parameters, size)

    def dataset(
        self,
        target: str = "test_accuracy",
        *,
        epochs: Sequence[int] = (-1,),
        diverged: bool = False,
        threshold: float = np.inf,
        **where: Any,
    ) -> Dataset[Any]:
        """Return a torch dataset of ``(weights, target)``, a sample for each member and epoch.

        Args:
            target: A score of `SCORES`, ``epoch``, or a factor; a factor of texts gives the index
                of its value in the specification.
            epochs: Numbers of epochs.
            diverged: Whether members that have diverged are included.
            threshold: Leaves out samples with a weight of a larger absolute value.
            where: Values of members, as for `select`: ``split="train"``.

        Raises:
            SettingsError: There is no such column or target.
            ZooError: A member does not have an epoch.
        """
        from lemur_zoo.weights_dataset import WeightsDataset

        frame = self.select(**where)
        if not diverged:
            frame = frame[~frame["diverged"]]
        pairs = [(member, self._epoch(member, epoch)) for member in frame.index for epoch in epochs]
        if threshold < np.inf:
            # NaN is not beyond a threshold; whether it is included is another question.
            pairs = [pair for pair in pairs if not (np.abs(self.weights(*pair)) > threshold).any()]
        return WeightsDataset(self, pairs, self._targets(target, pairs))

    def _targets(self, name: str, pairs: Sequence[tuple[int, int]]) -> Sequence[float]:
        known = (*SCORES, "epoch", *self.spec.factors)
        if name not in known:
            raise SettingsError(f"members have no target {name!r}{hint(name, known)}")
        if name == "epoch":
            return [float(epoch) for _, epoch in pairs]
        if name in SCORES:
            flat = self.scores.reshape(*self.scores.shape[:2], -1)[..., SCORES.index(name)]
            return [float(flat[pair]) for pair in pairs]
        values = [self.population[member].values[name] for member, _ in pairs]
        order = list(self.spec.factors[name])
        return [order.index(value) if isinstance(value, str) else value for value in values]

    @cached_property
    def _net(self) -> ZooNet:
        from lemur_zoo.nets import ZooNet

        entry = installed().get("net", self.spec.net)
        return ZooNet(entry, self.header.in_shape, self.header.classes, self.spec.width)

    @cached_property
    def _groups(self) -> dict[int, int]:
        groups = enumerate(self.header.groups)
        return {member: group for group, numbers in groups for member in numbers}

    def _check_member(self, member: int) -> None:
        if not 0 <= member < len(self):
            raise ZooError(f"zoo {self.name!r} has members 0 to {len(self) - 1}, not {member}")

    def _epoch(self, member: int, epoch: int) -> int:
        self._check_member(member)
        last = int(self.last_epochs[member])
        number = epoch if epoch >= 0 else last + 1 + epoch
        first = self.header.first_epoch
        if not first <= number <= last:
            has = f"epochs {first} to {last}" if last >= 0 else "no epoch"
            raise ZooError(f"zoo {self.name!r}: member {member} has {has}, not {epoch}")
        return number


def _values(column: Series[Any], given: Any) -> list[Any]:
    """Return the values in a value or a collection of values.

    Raises:
        SettingsError: A value is of another type than those of the column.
    """
    given = _plain(given)
    is_single = isinstance(given, str) or not isinstance(given, Iterable)
    values = [given] if is_single else [_plain(value) for value in given]
    kinds, expected = _KINDS.get(column.dtype.kind, ((str,), "a text"))
    for value in values:
        # Not isinstance: a bool is an int, and pandas would take True for 1.
        if type(value) not in kinds:
            raise SettingsError(f"members: {column.name} is {value!r}; expected {expected}")
    return values


def _plain(value: Any) -> Any:
    """Return an array, a tensor or a scalar of a library as Python's values."""
    return value.tolist() if hasattr(value, "tolist") else value
