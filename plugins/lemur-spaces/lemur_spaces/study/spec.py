"""Studies: a population, and the conditions under which its nets are trained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lemur_spaces.population import Request
    from lemur_spaces.space import Value

METRICS = {"top-1": "acc", "top-5": "acc5"}
"""Metric of each kind of error; the error is 1 minus its score."""
TRAINING_ERROR = "spaces.training_error"
"""Fact of the error on the training split, of a trial's best epoch by validation; 0 to 1."""
CLASSES = "spaces.classes"
"""Fact of the number of classes of the dataset, of one trial of each dataset of a study."""
LONGER, NOISE, CHANGED, PRETRAINED = CONTROLS = ("longer", "noise", "changed", "pretrained")
"""Controls of a study: trainings of nets under other conditions."""
_DIGITS = 8


@dataclass(frozen=True)
class Condition:
    """How the nets of a study are trained on one dataset.

    Attributes:
        dataset: Name of the dataset, with its restriction as it is recorded, without spaces.
        px: Height and width of the images, in pixels.
        epochs: Number of epochs, before they are multiplied by ``times``.
        error: Kinds of error, keys of `METRICS` joined by ``+``; the first is that of the study.
        transform: Name of the transform.
        prm: Hyperparameters of the training.
        seeds: Number of trainings of each net.
        control: One of `CONTROLS` if the condition is a control; empty otherwise.
        times: Factor of the number of epochs.
        nets: For `LONGER`, the number of best and of worst nets; for `NOISE`, the number of nets.
        changed: For `CHANGED`, the shared hyperparameters that differ from those of the population.
        source: For `PRETRAINED`, the condition from whose weights each net starts.
    """

    dataset: str
    px: int
    epochs: int
    error: str
    transform: str
    prm: Mapping[str, Value]
    seeds: int = 1
    control: str = ""
    times: int = 1
    nets: int = 0
    changed: Mapping[str, Value] = field(default_factory=dict)
    source: Condition | None = None

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, that of the study first."""
        return [METRICS[error] for error in self.error.split("+")]

    @property
    def trained_epochs(self) -> int:
        """Number of epochs that each net is trained for."""
        return self.epochs * self.times

    @property
    def training(self) -> dict[str, Value]:
        """The hyperparameters of the training, with what `lemur_core.run` adds to them."""
        is_finite = self.prm.get("scheduler") in ("cosine", "onecycle")
        added: dict[str, Value] = {"scheduler_epochs": self.trained_epochs} if is_finite else {}
        return {**added, **self.prm}

    @property
    def settings(self) -> dict[str, Value]:
        """All but the dataset."""
        own: dict[str, Value] = {"px": self.px, "epochs": self.epochs, "error": self.error}
        return own | {"transform": self.transform} | dict(sorted(self.prm.items()))

    @property
    def role(self) -> str:
        """The text that stands for the condition in the collection of a study.

        It is ``DATASET NAME=VALUE ...``; in that of a control, the last name is the control.
        """
        value: int | str = self.times if self.control == LONGER else self.nets
        if self.changed:
            value = ",".join(f"{name}={new}" for name, new in sorted(self.changed.items()))
        if self.source is not None:
            # All settings of the source would be too long for a role.
            digits = hashlib.sha256(self.source.role.encode()).hexdigest()[:_DIGITS]
            value = f"{self.source.dataset}@{digits}"
        control = [f"{self.control}={value}"] if self.control else []
        settings = [f"{name}={value}" for name, value in self.settings.items()]
        return " ".join([self.dataset, *settings, *control])


def changed_in(role: str) -> str:
    """Return what `CHANGED` changes in a role, for example ``stem=cifar``; empty if nothing.

    >>> changed_in("digits px=8 changed=stem=cifar,stem_width=16"), changed_in("digits px=8")
    ('stem=cifar, stem_width=16', '')
    """
    name, _, value = role.rpartition(" ")[2].partition("=")
    return value.replace(",", ", ") if name == CHANGED else ""


def controlled(role: str) -> tuple[str, str]:
    """Return the role of the condition that a role's control controls, and the control.

    >>> controlled("digits px=8 longer=5"), controlled("digits px=8")
    (('digits px=8', 'longer'), ('digits px=8', ''))
    """
    base, _, last = role.rpartition(" ")
    control = last.partition("=")[0]
    return (base, control) if control in CONTROLS else (role, "")


def base_of(condition: Condition, conditions: Iterable[Condition]) -> Condition:
    """Return the condition that a condition controls, itself if it is no control."""
    role = controlled(condition.role)[0]
    return next(base for base in conditions if base.role == role)


@dataclass(frozen=True)
class SpaceStudy:
    """A study.

    Attributes:
        name: Name of the study, and of its collection.
        request: The population.
        conditions: The datasets with their training, before the controls of them.
        has_training_errors: Whether the training split is also scored, except in controls.
    """

    name: str
    request: Request
    conditions: Sequence[Condition]
    has_training_errors: bool = False
