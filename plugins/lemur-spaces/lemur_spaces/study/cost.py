"""The time that a study takes, from a few batches of a few of its nets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import SettingsError, error_text
from lemur_core.training import seed_everything
from lemur_spaces.counting import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from lemur_core import Entry
    from lemur_spaces.population import PopulationMember
    from lemur_spaces.study.pipelines import DatasetSize
    from lemur_spaces.study.spec import Condition

TIMED_NETS = 4
_BATCHES = 2


def seconds_per_net(
    members: Sequence[PopulationMember],
    net: Entry,
    condition: Condition,
    samples: DatasetSize,
    device: str,
    threads: int,
) -> float:
    """Return the mean time in which a net of a population is trained and scored, in seconds.

    Two batches of random images are timed with each of a few nets, after one that is not timed. The
    nets are evenly spaced in the order of multiply-adds. Reading and transforming the images, and
    starting the trainings, and scoring the training split, are not included. Nets that fail are
    not included either.

    Args:
        members: The population.
        net: The net of its space.
        condition: The training.
        samples: Size of the dataset.
        device: A torch device; ``auto`` is a GPU if there is one.
        threads: Number of CPU threads of each training.

    Raises:
        SettingsError: None of the timed nets can be trained.
    """
    torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    ordered = sorted(members, key=lambda member: member.complexity.macs)
    count = min(TIMED_NETS, len(ordered))
    timed = [ordered[(2 * number + 1) * len(ordered) // (2 * count)] for number in range(count)]
    seconds, errors = [], []
    for member in timed:
        try:
            seconds.append(_seconds(member, net, condition, samples, device))
        # The code of nets may raise anything. Trainings that fail are recorded by the study.
        except Exception as error:
            errors.append(f"{member.name}: {error_text(error)}")
    if not seconds:
        raise SettingsError(
            f"dataset {condition.dataset!r}: the nets cannot be trained with these settings; "
            f"{errors[0]}"
        )
    return sum(seconds) / len(seconds)


def _seconds(
    member: PopulationMember, net: Entry, condition: Condition, samples: DatasetSize, device: str
) -> float:
    seed_everything(0)
    built = build(net, member.design, samples.images)
    batch = int(condition.prm["batch"])
    built.device = torch.device(device)  # type: ignore[assignment]
    built.train_setup(condition.training)  # type: ignore[operator]
    images = samples.images
    inputs = torch.randn(batch, images.channels, images.px, images.px)
    targets = torch.randint(images.classes, (batch,))
    batches = [(inputs, targets)] * _BATCHES
    _timed(lambda: built.learn(batches[:1]), device)  # type: ignore[operator]
    training = _timed(lambda: built.learn(batches), device) / (_BATCHES * batch)  # type: ignore[operator]
    scoring = _timed(lambda: _score(built, inputs.to(device)), device) / batch
    return condition.trained_epochs * (samples.trained * training + samples.scored * scoring)


def _score(net: nn.Module, inputs: torch.Tensor) -> None:
    with torch.inference_mode():
        net.eval()(inputs)


def _timed(call: object, device: str) -> float:
    began = time.perf_counter()
    call()  # type: ignore[operator]
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began
