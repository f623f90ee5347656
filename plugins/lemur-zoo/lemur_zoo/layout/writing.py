"""Write a zoo in the published layout."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lemur_core.files import replacement
from lemur_zoo.layout.names import ITERATION, SCORE_KEYS, SPLITS, UNKNOWN, config_of, module_numbers
from lemur_zoo.storage.header import ZooError, is_recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lemur_zoo.spec.population import ZooMember
    from lemur_zoo.zoo import Zoo


def export_published(zoo: Zoo, out: Path, show: Callable[[str], None] = lambda _: None) -> int:
    """Write a zoo to a new folder in the published layout, and return the number of states.

    The prepared dataset is not part of it.

    Args:
        zoo: The zoo, of CNN-S or CNN-M.
        out: The new folder.
        show: Called with a line on each member.

    Raises:
        ZooError: The net was not published.
        WriteError: The folder cannot be written.
    """
    module_numbers(zoo.spec.net, dropout=False)
    states = 0
    with replacement(out, folder=True) as folder:
        folder.mkdir()
        _write(folder / "config.json", _config(zoo))
        _write(folder / "index_dict.json", _index(zoo))
        for member in zoo.population:
            show(f"member {member.number + 1} of {len(zoo)}")
            states += _export(zoo, member, folder / folder_name(member.number))
    return states


def folder_name(number: int) -> str:
    """Return the name of a member's folder."""
    return f"NN_tune_trainable_{number:05}"


def _config(zoo: Zoo) -> dict[str, Any]:
    return {
        "model::type": {"CNN-S": "CNN", "CNN-M": "CNN3"}[zoo.spec.net],
        "model::channels_in": zoo.header.in_shape[1],
        "model::o_dim": zoo.header.classes,
        "training::epochs_train": zoo.epochs,
        "training::output_epoch": 1,
        "dataset": zoo.spec.dataset,
    }


def _index(zoo: Zoo) -> dict[str, Any]:
    """Return the layers of the net, and the splits of members.

    The numbers of layers are those of a net with dropout if all members have it.
    """
    weights = [parameter.shape for parameter in zoo.parameters if len(parameter.shape) > 1]
    dropout = all(member.values["dropout"] != 0 for member in zoo.population)
    numbers = module_numbers(zoo.spec.net, dropout=dropout)
    kinds = ["conv2d" if len(shape) > 2 else "fc" for shape in weights]
    lengths = [int(np.prod(shape)) + shape[0] for shape in weights]
    splits = {
        key: [folder_name(member.number) for member in zoo.population if member.split == split]
        for split, key in SPLITS.items()
    }
    return {
        "layer": [list(pair) for pair in zip(numbers, kinds, strict=True)],
        "kernel_no": [shape[0] for shape in weights],
        "kernel_size": [int(np.prod(shape[2:])) for shape in weights],
        "channels_in": [shape[1] for shape in weights],
        "idx_start": [0, *accumulate(lengths[:-1])],
        "idx_length": lengths,
        **splits,
    }


def _export(zoo: Zoo, member: ZooMember, folder: Path) -> int:
    folder.mkdir()
    config = {**_config(zoo), **config_of(member.values, member.seed)}
    _write(folder / "params.json", config)
    last = int(zoo.last_epochs[member.number])
    names = _names(zoo, dropout=float(member.values["dropout"]) > 0)
    epochs = range(zoo.header.first_epoch, last + 1)
    with (folder / "result.json").open("w", encoding="utf-8") as file:
        for epoch in epochs:
            row = _result(zoo, member.number, epoch)
            file.write(json.dumps({**row, "config": config}) + "\n")
    for epoch in epochs:
        checkpoint = folder / f"checkpoint_{epoch:06}"
        checkpoint.mkdir()
        values = zoo.state_dict(member.number, epoch).values()
        torch.save(dict(zip(names, values, strict=True)), checkpoint / "checkpoints")
    torch.save(_optimizer(zoo, member), folder / f"checkpoint_{last:06}" / "optimizer")
    return len(epochs)


def _names(zoo: Zoo, *, dropout: bool) -> list[str]:
    numbers = module_numbers(zoo.spec.net, dropout=dropout)
    names = [f"module_list.{number}.{kind}" for number in numbers for kind in ("weight", "bias")]
    if len(names) != len(zoo.parameters):
        raise ZooError(f"zoo {zoo.name!r}: its net has other layers than the published one")
    return names


def _result(zoo: Zoo, member: int, epoch: int) -> dict[str, Any]:
    scores = zoo.scores[member, epoch].reshape(-1)
    row = {}
    for (name, keys), value, is_known in zip(
        SCORE_KEYS.items(), scores, is_recorded(scores), strict=True
    ):
        is_trained = epoch > 0 or not name.startswith("train")
        row[keys[0]] = float(value) if is_trained and is_known else UNKNOWN
    return {**row, ITERATION: epoch}


def _optimizer(zoo: Zoo, member: ZooMember) -> dict[str, Any]:
    """Return the optimizer's state as ``torch.optim`` gives it."""
    first, second, steps = zoo.moments(member.number)
    sizes = [parameter.elements for parameter in zoo.parameters]
    parts = [torch.from_numpy(row.copy()).split(sizes) for row in (first, second)]
    shapes = [parameter.shape for parameter in zoo.parameters]
    values = member.values
    state: Mapping[int, Any]
    if values["optimizer"] == "adam":
        state = {
            number: {
                "step": torch.tensor(float(steps)),
                "exp_avg": moment.reshape(shape),
                "exp_avg_sq": square.reshape(shape),
            }
            for number, (moment, square, shape) in enumerate(zip(*parts, shapes, strict=True))
        }
    else:
        state = {
            number: {"momentum_buffer": moment.reshape(shape)}
            for number, (moment, shape) in enumerate(zip(parts[0], shapes, strict=True))
        }
    group: dict[str, Any] = {
        "lr": values["lr"],
        "weight_decay": values["weight_decay"],
        "params": list(range(len(shapes))),
    }
    return {"state": state, "param_groups": [group]}


def _write(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
