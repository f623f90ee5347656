"""The files of sparse twins, beside the zoo: ``DIR/sparse``.

- ``twins.json``: the zoo's uid, how the twins are trained, and the epoch that each begins from.
- ``weights-*.f32``, ``metrics-*.f64`` and ``states/*.npz``: as those of a zoo
  (`lemur_zoo.storage`), except that a member has twice as many parameters, its weights followed by
  the logarithms of their variances, and that the scores are those of the pruned weights.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lemur_core.errors import SettingsError
from lemur_core.files import replacement, sync_folder, write_errors
from lemur_zoo.engine.variational import LOG_ALPHA_LIMIT
from lemur_zoo.evaluation import zoo_layers
from lemur_zoo.nets import state_of
from lemur_zoo.parameters import Parameter
from lemur_zoo.schedule import CONSTANT
from lemur_zoo.sparse.training import prune
from lemur_zoo.sparse.variational import CUT, can_be_cut, log_alpha
from lemur_zoo.storage.folder import STATES, ZooFolder, check_room
from lemur_zoo.storage.header import ZooError
from lemur_zoo.zoo import SCORES, Zoo

if TYPE_CHECKING:
    from pathlib import Path

    from numpy import bool_, float32, float64
    from numpy.typing import NDArray
    from pandas import DataFrame
    from torch import Tensor

    from lemur_zoo.storage.header import ZooHeader

FOLDER, FILE = "sparse", "twins.json"
FORMAT, VERSION = "lemur-zoo-sparse", 2
EPOCHS, KL_WEIGHT, WARM_UP, VARIANCE_LR = 25, 0.001, 5, 0.3


@dataclass(frozen=True)
class TwinsPlan:
    """How sparse twins are trained.

    Attributes:
        epochs: Number of epochs of variational dropout.
        kl_weight: What the divergence of a twin's weights is multiplied by in the loss.
        warm_up: Number of epochs in which this weight rises from 0.
        variance_lr: Learning rate of the logarithms of the variances, as a multiple of the
            member's.
    """

    epochs: int = EPOCHS
    kl_weight: float = KL_WEIGHT
    warm_up: int = WARM_UP
    variance_lr: float = VARIANCE_LR


@dataclass(frozen=True)
class TwinsHeader:
    """What the sparse twins of a zoo are.

    Attributes:
        zoo: Unique id of the zoo.
        plan: How they are trained.
        begins: Epoch of the member that each twin begins from.
        engine: Name of the engine that trains them; empty before the first epoch.
    """

    zoo: str
    plan: TwinsPlan
    begins: tuple[int, ...] = ()
    engine: str = ""


class SparseTwins:
    """The sparse twins of a zoo, read up to the last whole epoch of each.

    Epochs are those of variational dropout: 0 is the member itself, with variances of exp(-10).

    Args:
        zoo: The zoo.

    Attributes:
        zoo: The zoo.
        header: What the twins are.

    Raises:
        ZooError: The zoo has no twins, or a file is damaged.
    """

    def __init__(self, zoo: Zoo) -> None:
        self.zoo = zoo
        self.header = read_twins(zoo)
        self._folder = ZooFolder(zoo.path / FOLDER, doubled(zoo.header, self.header))

    def __len__(self) -> int:
        return len(self.header.begins)

    @cached_property
    def last_epochs(self) -> NDArray[np.int64]:
        """The last whole epoch of each twin, ``(members,)``; -1 if it has none."""
        epochs = np.full(len(self), -1)
        for group, numbers in enumerate(self._folder.header.groups):
            epochs[list(numbers)] = self._folder.progress(group).epoch
        return epochs

    @cached_property
    def can_be_cut(self) -> NDArray[bool_]:
        """Which parameters can be cut, ``(parameters,)``."""
        shape = tuple(self.zoo.header.in_shape[1:])
        return np.asarray(can_be_cut(zoo_layers(self.zoo), shape))

    def weights(self, member: int, epoch: int = -1) -> NDArray[float32]:
        """Return the weights of a twin, ``(parameters,)``, before those of much noise are cut.

        Raises:
            ZooError: There is no such twin or epoch.
        """
        weights: NDArray[float32] = self._rows(member, epoch)[: self.zoo.header.width]
        return weights

    def log_alpha(self, member: int, epoch: int = -1) -> NDArray[float32]:
        """Return log alpha of each weight, ``(parameters,)``, -10 to 10.

        It is -10 for the biases of linear layers, which have no noise.

        Raises:
            ZooError: There is no such twin or epoch.
        """
        weights, log_sigma2 = torch.from_numpy(np.array(self._rows(member, epoch))).chunk(2)
        values: NDArray[float32] = log_alpha(weights, log_sigma2).numpy()
        values[~self.can_be_cut] = -LOG_ALPHA_LIMIT
        return values

    def pruned(self, member: int, epoch: int = -1) -> NDArray[float32]:
        """Return the weights of a twin, ``(parameters,)``, 0 where log alpha is 3 or more.

        Raises:
            ZooError: There is no such twin or epoch.
        """
        weights: NDArray[float32] = prune(self._rows(member, epoch)[None], self.can_be_cut)[0]
        return weights

    def state_dict(self, member: int, epoch: int = -1) -> dict[str, Tensor]:
        """Return the state dictionary of a pruned twin, for the net of the zoo."""
        return state_of(self.pruned(member, epoch), self.zoo.parameters)

    @cached_property
    def scores(self) -> NDArray[float64]:
        """Scores of the pruned twins as those of `Zoo.scores`, ``(members, epochs + 1, 3, 2)``."""
        scores = np.array(self._folder.metrics, np.float64)
        scores[np.arange(scores.shape[1]) > self.last_epochs[:, None]] = np.nan
        return scores

    def sparsity(self, member: int, epoch: int = -1) -> float:
        """Return the share of a twin's weights that is cut, 0 to 1.

        Biases of linear layers count as neither cut nor kept.

        Raises:
            ZooError: There is no such twin or epoch.
        """
        values = self.log_alpha(member, epoch)[self.can_be_cut]
        return float((values >= CUT).mean())

    @cached_property
    def trajectory(self) -> DataFrame:
        """A row for each twin and epoch: ``member``, ``epoch``, ``sparsity`` and `SCORES`."""
        from pandas import DataFrame

        rows = [
            [member, epoch, self.sparsity(member, epoch), *self.scores[member, epoch].reshape(-1)]
            for member, last in enumerate(self.last_epochs)
            for epoch in range(int(last) + 1)
        ]
        return DataFrame(rows, columns=["member", "epoch", "sparsity", *SCORES])

    def _rows(self, member: int, epoch: int) -> NDArray[float32]:
        if not 0 <= member < len(self):
            raise ZooError(f"{self._folder.path}: has twins 0 to {len(self) - 1}, not {member}")
        last = int(self.last_epochs[member])
        number = epoch if epoch >= 0 else last + 1 + epoch
        if not 0 <= number <= last:
            has = f"epochs 0 to {last}" if last >= 0 else "no epoch"
            raise ZooError(f"{self._folder.path}: twin {member} has {has}, not {epoch}")
        row: NDArray[float32] = self._folder.weights[member, number]
        return row


def doubled(header: ZooHeader, twins: TwinsHeader) -> ZooHeader:
    """Return the layout of the twins' files, given the header of the zoo."""
    names = (
        Parameter(f"{item.name}{suffix}", item.shape)
        for suffix in ("", ".log_sigma2")
        for item in header.parameters
    )
    count = len(twins.begins)
    groups = [group for group in header.groups if max(group) < count]
    return replace(
        header,
        epochs=twins.plan.epochs,
        first_epoch=0,
        members=count,
        parameters=tuple(names),
        groups=groups,
    )


def prepare(zoo: Zoo, plan: TwinsPlan, engine: str = "") -> TwinsHeader:
    """Make room for the twins of all members of a zoo, and keep what is trained already.

    Args:
        zoo: The zoo.
        plan: How its twins are trained.
        engine: Name of the engine that trains them from now on; empty for that of before.

    Raises:
        ZooError: The zoo has twins of another plan, or a member has no epoch.
        SettingsError: The disk is too small.
        WriteError: The files cannot be written.
    """
    if zoo.epochs < 0:
        raise ZooError(f"zoo {zoo.name!r}: has untrained members; run lemur zoo extend {zoo.path}")
    path = zoo.path / FOLDER
    before = read_twins(zoo) if has_twins(zoo) else TwinsHeader(zoo.header.uid, plan)
    _check_plan(path, before.plan, plan)
    _check_training(zoo)
    added = zoo.last_epochs[len(before.begins) :]
    begins = (*before.begins, *map(int, added))
    # With nothing left to train, the engine remains the one that trained them.
    trains = not has_twins(zoo) or len(added) or SparseTwins(zoo).last_epochs.min() < plan.epochs
    engine = engine if engine and trains else before.engine
    twins = replace(before, begins=begins, engine=engine)
    header = doubled(zoo.header, twins)
    with write_errors(path):
        (path / STATES).mkdir(parents=True, exist_ok=True)
        files = {
            path / header.weights_file: 4 * int(np.prod(header.weights_shape)),
            path / header.metrics_file: 8 * int(np.prod(header.metrics_shape)),
        }
        held = sum(file.stat().st_size for file in files if file.exists())
        check_room(path, sum(files.values()) - held)
        for file, size in files.items():
            with file.open("ab") as stream:
                stream.truncate(size)
    _write(path, twins)
    return twins


def _check_training(zoo: Zoo) -> None:
    """Check that twins can be trained as the members were."""
    if {*zoo.spec.factors["schedule"]} != {CONSTANT}:
        what = "a learning rate that changes"
    elif zoo.spec.augment:
        what = f"changed images ({', '.join(zoo.spec.augment)})"
    else:
        return
    raise ZooError(
        f"zoo {zoo.name!r}: its members are trained with {what}, and sparse twins are not; name a "
        "zoo with a constant learning rate and unchanged images"
    )


def has_twins(zoo: Zoo) -> bool:
    """Return whether a zoo has sparse twins."""
    return (zoo.path / FOLDER / FILE).exists()


def _check_plan(path: Path, before: TwinsPlan, plan: TwinsPlan) -> None:
    for name, had in asdict(before).items():
        wanted, option = getattr(plan, name), f"--{name.replace('_', '-')}"
        if had != wanted:
            raise SettingsError(
                f"{path}: has twins of {option} {had:g}, not {wanted:g}; give {option} {had:g}, or "
                "delete the folder to train others"
            )


def _write(path: Path, twins: TwinsHeader) -> None:
    value: dict[str, Any] = {
        "format": FORMAT, "version": VERSION, "zoo": twins.zoo, "plan": asdict(twins.plan),
        "begins": list(twins.begins), "engine": twins.engine,
    }  # fmt: skip
    file = path / FILE
    with write_errors(file), replacement(file) as temporary, temporary.open("w") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(path)


def read_twins(zoo: Zoo) -> TwinsHeader:
    """Return what the sparse twins of a zoo are.

    Raises:
        ZooError: It has none, they are those of another zoo, or the file is damaged.
    """
    path = zoo.path / FOLDER / FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if (value["format"], value["version"]) != (FORMAT, VERSION):
            raise ZooError(
                f"{path}: is not {FORMAT} of version {VERSION}; delete {path.parent} to train "
                "other twins"
            )
        epochs, kl, warm_up, lr = (value["plan"][name] for name in asdict(TwinsPlan()))
        plan = TwinsPlan(int(epochs), float(kl), int(warm_up), float(lr))
        twins = TwinsHeader(
            str(value["zoo"]), plan, tuple(map(int, value["begins"])), str(value["engine"])
        )
    except FileNotFoundError:
        raise ZooError(
            f"{zoo.path}: has no sparse twins; run lemur zoo sparsify {zoo.path}"
        ) from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, ZooError):
            raise
        raise ZooError(f"{path}: is damaged ({type(error).__name__})") from None
    if twins.zoo != zoo.header.uid:
        raise ZooError(f"{path}: its twins are those of another zoo; delete {path.parent}")
    if len(twins.begins) > len(zoo):
        raise ZooError(f"{path}: has {len(twins.begins)} twins of {len(zoo)} members")
    return twins
