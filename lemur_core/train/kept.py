"""The weights of a trial's best epoch, in a safetensors file that says which epoch that is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from safetensors import safe_open
from safetensors.torch import load_model, save_model
from torch import nn

from lemur_core.errors import WeightsError
from lemur_core.trial import Epoch


class Kept(NamedTuple):
    """The epoch whose weights were kept.

    Attributes:
        epoch: Its number, from 1.
        validation: Score on the validation split, 0 to 1.
        accuracy: Score on the test split, 0 to 1.
    """

    epoch: int
    validation: float
    accuracy: float


def keep(file: Path, net: nn.Module, epoch: Epoch) -> None:
    """Write a net's weights as those of an epoch, over any of before, whole or not at all."""
    told = Kept(epoch.number, epoch.validation, epoch.accuracy)
    with _whole(file) as written:
        # Texts are all that the format's metadata can be.
        save_model(net, str(written), {name: repr(value) for name, value in told._asdict().items()})


def copy(source: Path, file: Path) -> None:
    """Copy weights to where they are kept, whole or not at all."""
    with _whole(file) as written:
        shutil.copyfile(source, written)


def load(file: Path, net: nn.Module, device: str) -> Kept:
    """Give a net the weights that were kept, and return the epoch whose they are.

    Raises:
        WeightsError: The file cannot be read, or the weights are not this net's.
    """
    try:
        with safe_open(file, "pt") as opened:
            told = opened.metadata() or {}
        kept = Kept(int(told["epoch"]), float(told["validation"]), float(told["accuracy"]))
        load_model(net, file, device=device)
    # A damaged file, and a net's own load_state_dict, may raise anything.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise WeightsError(
            f"{file}: does not hold the weights of the trial's net ({reason}); "
            "remove it, and the trial is trained again"
        ) from error
    return kept


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
