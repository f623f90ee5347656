"""Save the weights of a trial's epochs in safetensors files that name their epoch and their net.

``UID.safetensors`` holds the weights of the best epoch by validation, ``UID-last.safetensors``
those of the last epoch, and ``UID-epoch-1.safetensors`` and so on those of each epoch.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from safetensors import SafetensorError, safe_open

from lemur_core.errors import WeightsError, error_text
from lemur_core.train.net_adapter import adapter_of
from lemur_core.trial import Epoch, Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


class WeightsInfo(NamedTuple):
    """The epoch to which saved weights belong.

    Attributes:
        epoch: Number of the epoch, from 1.
        validation: Score on the validation split, 0 to 1.
        accuracy: Score on the test split, 0 to 1.
    """

    epoch: int
    validation: float
    accuracy: float


def file_of(best: Path, which: int | str) -> Path:
    """Return the file for the weights of the last epoch, or of an epoch by its number.

    Args:
        best: File for the weights of the trial's best epoch.
        which: Number of an epoch, from 1, or ``"last"``.

    >>> file_of(Path("0a1b.safetensors"), 3).name, file_of(Path("0a1b.safetensors"), "last").name
    ('0a1b-epoch-3.safetensors', '0a1b-last.safetensors')
    """
    name = f"epoch-{which}" if isinstance(which, int) else which
    return best.with_stem(f"{best.stem}-{name}")


def save_selected(
    best: Path,
    net: Any,
    epoch: Epoch,
    how: Keep,
    *,
    is_best: bool,
    about: Callable[[], Mapping[str, str]] = dict,
) -> None:
    """Save a net's weights after an epoch, if they are to be kept.

    Args:
        best: File for the weights of the trial's best epoch.
        net: The net, after the epoch.
        epoch: The epoch.
        how: Which weights are kept.
        is_best: Whether the epoch is the trial's best so far.
        about: Returns further metadata of the file.
    """
    if how is Keep.LAST:
        save(file_of(best, "last"), net, epoch, about())
    elif how is Keep.EVERY:
        save(file_of(best, epoch.number), net, epoch, about())
    if is_best and how is Keep.BEST:
        save(best, net, epoch, about())
    elif is_best and how is Keep.EVERY:
        copy(file_of(best, epoch.number), best)


def save(
    file: Path, net: Any, epoch: Epoch, about: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Save a net's weights with their epoch, replacing the file completely or not at all.

    Args:
        file: The file.
        net: The net.
        epoch: The epoch.
        about: Further metadata of the file.
    """
    info = WeightsInfo(epoch.number, epoch.validation, epoch.accuracy)
    with _replaced_when_complete(file) as written:
        # The format's metadata can only hold texts.
        metadata = {name: repr(value) for name, value in info._asdict().items()}
        scores = {"scores": json.dumps(epoch.scores)} if epoch.scores else {}
        adapter_of(net).save_weights(written, {**about, **scores, **metadata})


def copy(source: Path, file: Path) -> None:
    """Copy saved weights, replacing the file completely or not at all."""
    with _replaced_when_complete(file) as written:
        shutil.copyfile(source, written)


def load(file: Path, net: Any, device: str) -> WeightsInfo:
    """Load saved weights into a net, and return the epoch to which they belong.

    Raises:
        WeightsError: The file cannot be read, or holds the weights of another net.
    """
    with _readable(file):
        adapter_of(net).load_weights(file, device)
    return epoch_of(file)


def epoch_of(file: Path) -> WeightsInfo:
    """Return the epoch to which the weights in a file belong.

    Raises:
        WeightsError: The file cannot be read, or does not name the epoch.
    """
    with _readable(file):
        metadata = _metadata(file)
        return WeightsInfo(
            int(metadata["epoch"]), float(metadata["validation"]), float(metadata["accuracy"])
        )


def metadata_of(file: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file.

    Raises:
        WeightsError: The file cannot be read.
    """
    try:
        return _metadata(file)
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise WeightsError(f"{file} is not a safetensors file, or damaged ({error})") from error


def _metadata(file: Path) -> dict[str, str]:
    with safe_open(file, "pt") as opened:
        return opened.metadata() or {}


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    # A damaged file or a net's own load_state_dict may raise anything.
    except Exception as error:
        raise WeightsError(
            f"{file}: does not hold the weights of the trial's net ({error_text(error)}); "
            "remove it to train the trial again"
        ) from error


@contextmanager
def _replaced_when_complete(file: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces ``file`` once it is complete."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Named by process, as another process may train the same trial again.
    written = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        written.touch()
        mode = written.stat().st_mode
        yield written
        # safetensors creates files that other users cannot read; use the user's default instead.
        written.chmod(mode)
        # Without this, a power failure could leave an empty file.
        with written.open("rb") as opened:
            os.fsync(opened.fileno())
        written.replace(file)
    finally:
        written.unlink(missing_ok=True)
