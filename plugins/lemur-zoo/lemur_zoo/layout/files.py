"""Read the files of a member in the published layout."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lemur_zoo.layout.names import ITERATION, SCORE_KEYS, UNKNOWN
from lemur_zoo.storage.header import NOT_RECORDED, ZooError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy import float64
    from numpy.typing import NDArray

RESULTS = "result.json"
_CHECKPOINT = re.compile(r"checkpoint_(\d{1,9})")
_PARAMETER = re.compile(r"(.*?)(\d+)\.(weight|bias)")
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


class DamagedError(ZooError):
    """A file of a member cannot be read; the others can."""


class PublishedMember(NamedTuple):
    """A member in the published layout.

    Attributes:
        path: Its folder.
        config: Its configuration.
        results: The rows of its results by epoch.
        checkpoints: The file of its state by epoch, without those after a damaged result.
        damage: Where its results are damaged; empty if they are not.
    """

    path: Path
    config: Mapping[str, Any]
    results: Mapping[int, Mapping[str, Any]]
    checkpoints: Mapping[int, Path]
    damage: str = ""

    @property
    def epochs(self) -> list[int]:
        """The epochs that have a state, up to the first that lacks one."""
        return _without_gap(self.checkpoints)

    def scores(self, epoch: int) -> NDArray[float64]:
        """Return the scores after an epoch, of shape ``(3, 2)``.

        What was not recorded is `lemur_zoo.storage.header.NOT_RECORDED`.

        Raises:
            ZooError: A score is not a number.
        """
        row = self.results.get(epoch, {})
        values = []
        for keys in SCORE_KEYS.values():
            key = next((key for key in keys if key in row), keys[0])
            values.append(_score(row.get(key), f"{self.path / RESULTS}: {key} of epoch {epoch}"))
        return np.array(values).reshape(3, 2)


def read_member(path: Path) -> PublishedMember:
    """Return the member in a folder.

    Raises:
        ZooError: Its configuration is damaged, or a row of its results is none.
    """
    results, damage = _results(path / RESULTS)
    checkpoints = {
        int(match[1]): folder / "checkpoints"
        for folder in path.iterdir()
        if (match := _CHECKPOINT.fullmatch(folder.name)) and (folder / "checkpoints").is_file()
    }
    if damage:
        last = max(_without_gap(results), default=-1)
        checkpoints = {epoch: file for epoch, file in checkpoints.items() if epoch <= last}
    return PublishedMember(path, read_json(path / "params.json"), results, checkpoints, damage)


def _without_gap(epochs: Iterable[int]) -> list[int]:
    pairs = enumerate(sorted(epochs), min(epochs, default=0))
    return [epoch for _, epoch in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _results(path: Path) -> tuple[dict[int, Mapping[str, Any]], str]:
    """Return the rows of results by epoch, and the first place that is damaged."""
    results: dict[int, Mapping[str, Any]] = {}
    damage = ""
    if not path.is_file():
        return results, damage
    for number, line in enumerate(_text(path).split("\n"), 1):
        place = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            row = _parsed(line, place)
        except DamagedError as error:
            damage = damage or str(error)
            continue
        epoch = row.get(ITERATION, number)
        if type(epoch) is not int:
            raise ZooError(f"{place}: {ITERATION} is {epoch!r}; expected a whole number")
        # A training that was restored writes some epochs again; the last ones count.
        results[epoch] = row
    return results, damage


def _score(value: Any, place: str) -> float:
    if value is None or value == UNKNOWN:
        return NOT_RECORDED
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ZooError(f"{place} is {value!r}; expected a number")
    return float(value)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        ZooError: The file cannot be read, or holds no object.
    """
    return _parsed(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}") from None


def _parsed(text: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedError(f"{place}: is damaged: it is not JSON") from None
    if not isinstance(value, dict):
        raise ZooError(f"{place}: is damaged: expected a JSON object")
    return value


def read_state(path: Path) -> list[tuple[str, torch.Tensor]]:
    """Return the parameters in a state dictionary in the order of layers, weight before bias.

    Raises:
        DamagedError: The file cannot be read, or is not a dictionary of tensors.
    """
    state = {
        name: value for name, value in read_dictionary(path).items() if not is_buffer(str(name))
    }
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise DamagedError(f"{path}: {name!r} is not a tensor")
    if not state:
        raise DamagedError(f"{path}: is not a state dictionary")
    matches = {name: _PARAMETER.fullmatch(str(name)) for name in state}
    order = {name: (int(match[2]), match[3] == "bias") for name, match in matches.items() if match}
    # The numbers of layers order them only if they are numbers in the same list.
    lists = {match and match[1] for match in matches.values()}
    names = sorted(state, key=order.__getitem__) if len(lists) == 1 and order else [*state]
    return [(str(name), state[name]) for name in names]


def is_buffer(name: str) -> bool:
    """Return whether a name in a state dictionary is that of a buffer of batch normalisation."""
    return name.rpartition(".")[2] in _BUFFERS


def read_dictionary(path: Path) -> dict[Any, Any]:
    """Return a dictionary that torch saved, without running anything that the file contains.

    Raises:
        DamagedError: The file cannot be read, has other objects than tensors, or no dictionary.
    """
    try:
        # torch warns of some files that it refuses.
        with warnings.catch_warnings(action="ignore"):
            value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise DamagedError(
            f"{path}: has other objects than tensors, which could run code; it is not read"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        raise DamagedError(f"{path}: is damaged ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path}: is not a state dictionary")
    return value
