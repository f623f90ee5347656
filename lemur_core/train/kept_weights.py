"""The weights of a trial's epochs, in safetensors files that say which epoch each is of.

Those of its best epoch by validation are in ``UID.safetensors``, those of its last one in
``UID-last.safetensors``, and those of each epoch in ``UID-epoch-1.safetensors`` and so on.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from safetensors import safe_open
from safetensors.torch import load_model, save_model

from lemur_core.errors import WeightsError
from lemur_core.trial import Epoch, Keep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn


class WeightsInfo(NamedTuple):
    """The epoch whose weights were kept.

    Attributes:
        epoch: Its number, from 1.
        validation: Score on the validation split, 0 to 1.
        accuracy: Score on the test split, 0 to 1.
    """

    epoch: int
    validation: float
    accuracy: float


def file_of(best: Path, which: int | str) -> Path:
    """Return where weights are kept that are not, or not only, a trial's best.

    Args:
        best: Where those of its best epoch are kept.
        which: The number of an epoch, from 1, or ``"last"``.

    >>> file_of(Path("0a1b.safetensors"), 3).name, file_of(Path("0a1b.safetensors"), "last").name
    ('0a1b-epoch-3.safetensors', '0a1b-last.safetensors')
    """
    name = f"epoch-{which}" if isinstance(which, int) else which
    return best.with_stem(f"{best.stem}-{name}")


def keep_as(best: Path, net: nn.Module, epoch: Epoch, how: Keep, *, is_best: bool) -> None:
    """Write a net's weights where they are kept.

    Args:
        best: Where those of the trial's best epoch are kept.
        net: The net, after the epoch.
        epoch: The epoch.
        how: Which weights are kept.
        is_best: Whether the epoch is the trial's best so far.
    """
    if how is Keep.LAST:
        keep(file_of(best, "last"), net, epoch)
    elif how is Keep.EVERY:
        keep(file_of(best, epoch.number), net, epoch)
    if is_best and how is Keep.BEST:
        keep(best, net, epoch)
    elif is_best and how is Keep.EVERY:
        copy(file_of(best, epoch.number), best)


def keep(file: Path, net: nn.Module, epoch: Epoch) -> None:
    """Write a net's weights as those of an epoch, over any of before, whole or not at all."""
    told = WeightsInfo(epoch.number, epoch.validation, epoch.accuracy)
    with _whole(file) as written:
        # Texts are all that the format's metadata can be.
        save_model(net, str(written), {name: repr(value) for name, value in told._asdict().items()})


def copy(source: Path, file: Path) -> None:
    """Copy weights to where they are kept, whole or not at all."""
    with _whole(file) as written:
        shutil.copyfile(source, written)


def load(file: Path, net: nn.Module, device: str) -> WeightsInfo:
    """Give a net the weights that were kept, and return the epoch whose they are.

    Raises:
        WeightsError: The file cannot be read, or the weights are not this net's.
    """
    with _readable(file):
        load_model(net, file, device=device)
    return epoch_of(file)


def epoch_of(file: Path) -> WeightsInfo:
    """Return the epoch whose weights are in a file.

    Raises:
        WeightsError: The file cannot be read, or does not say.
    """
    with _readable(file):
        with safe_open(file, "pt") as opened:
            told = opened.metadata() or {}
        return WeightsInfo(int(told["epoch"]), float(told["validation"]), float(told["accuracy"]))


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    # A damaged file, and a net's own load_state_dict, may raise anything.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise WeightsError(
            f"{file}: does not hold the weights of the trial's net ({reason}); "
            "remove it, and the trial is trained again"
        ) from error


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Give the name to write a file under until it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # By process, as another may train the same trial again.
    written = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        written.touch()
        mode = written.stat().st_mode
        yield written
        # As any file of the user: safetensors leaves one that others cannot read.
        written.chmod(mode)
        # Until then, a loss of power could leave a file that is there and empty.
        with written.open("rb") as opened:
            os.fsync(opened.fileno())
        written.replace(file)
    finally:
        written.unlink(missing_ok=True)
