"""What nets are to be tried with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lemur_core.entry import Entry
from lemur_core.errors import SettingsError
from lemur_core.pattern import Pattern
from lemur_core.pipeline import Pipeline, compose
from lemur_core.registry import Registry
from lemur_core.store.identity import code_hash, digest, exact

_PLUGIN = "checked"


@dataclass(frozen=True)
class Asked:
    """What nets are to be tried with.

    Attributes:
        task: What they are for.
        dataset: Name of the data set, with its restriction.
        metric: Name of the metric.
        transform: Name of the transform; None takes the first that fits.
        prm: Hyperparameters that are given; the others are from the middle of their ranges.
        epochs: How many to train; 0 stops after the first batch.
        seed: Seeds all that is random.
    """

    task: str = "img-classification"
    dataset: str = "digits"
    metric: str = "acc"
    transform: str | None = None
    prm: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.epochs, int) or self.epochs < 0:
            raise SettingsError(f"epochs is {self.epochs!r}; expected 0 or more")

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    def key(self, code: str, name: str | None) -> str:
        """Return the identity of checking a source so, under this name."""
        return digest(exact({**self.facts(), "code": code_hash(code), "name": name}))

    def pipeline(self, registry: Registry, name: str, file: str) -> Pipeline:
        """Return the pipeline that the net in a file is tried in.

        Raises:
            LemurError: There is no such data set, metric or transform, or they do not fit.
        """
        entry = Entry(name, file, (self.task,))
        known = registry.with_entries(_PLUGIN, "net", [entry])
        pattern = f"{self.task}_{self.dataset}_{self.metric}_{_PLUGIN}/{name}"
        transforms = [self.transform] if self.transform else []
        return compose(known, [Pattern.parse(pattern)], transforms)[0]
