"""Prepare a study: draw its population, and check its datasets and its record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core import installed
from lemur_core.errors import MisfitError, SettingsError
from lemur_spaces.population import draw_population
from lemur_spaces.study.controls import changed_members, chosen
from lemur_spaces.study.pipelines import pipeline_of, samples_of
from lemur_spaces.study.pretraining import stored_weights
from lemur_spaces.study.record import (
    changes,
    check_population,
    fixed_prm,
    recorded,
    spec_of,
    trials_of,
)
from lemur_spaces.study.results import read_results
from lemur_spaces.study.spec import CHANGED, base_of, controlled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lemur_core import Artefact, Entry
    from lemur_spaces.population import Population, PopulationMember
    from lemur_spaces.study.pipelines import DatasetSize
    from lemur_spaces.study.spec import Condition, SpaceStudy


@dataclass(frozen=True)
class Prepared:
    """A study whose datasets are there, and whose population is drawn.

    Attributes:
        study: The study.
        population: Its population.
        net: The net of its space.
        samples: The size of the dataset of each condition.
        db: The database.
        data: Folder of the datasets.
    """

    study: SpaceStudy
    population: Population
    net: Entry
    samples: Sequence[DatasetSize]
    db: str
    data: Path

    @property
    def names(self) -> list[str]:
        """Names of the designs."""
        return [member.name for member in self.population.members]

    def trials(
        self, condition: Condition, members: Sequence[PopulationMember]
    ) -> Mapping[str, Sequence[str]]:
        """Return the ids of the finished trainings of designs, by name of the design."""
        if not exists(self.db):
            return {}
        return trials_of(condition, members, self.net, self.db, self.initial(condition))

    def initial(self, condition: Condition) -> Mapping[str, Artefact]:
        """Return the files of weights from which designs start, by name; empty for scratch."""
        if condition.source is None or not exists(self.db):
            return {}
        trials = trials_of(condition.source, self.population.members, self.net, self.db)
        return stored_weights(trials, self.db)

    def keeps_weights(self, condition: Condition) -> bool:
        """Return whether the weights of a condition's nets are used once they are trained."""
        is_source = any(other.source == condition for other in self.study.conditions)
        return is_source or self.scores_training(condition)

    def scores_training(self, condition: Condition) -> bool:
        """Return whether the training split of a condition is scored."""
        return self.study.has_training_errors and not condition.control

    def members(self, condition: Condition) -> Sequence[PopulationMember]:
        """Return the designs that are trained under a condition.

        Those of a control are known once nets are trained under the condition that it controls, or
        from which it starts.
        """
        if not condition.control:
            return self.population.members
        if condition.changed:
            return changed_members(condition, self.population.members)
        if condition.source is not None:
            names = {*self.initial(condition)}
        else:
            errors = self._errors(base_of(condition, self.study.conditions))
            names = set(chosen(condition, errors)) if errors else set()
        return [member for member in self.population.members if member.name in names]

    def _errors(self, condition: Condition) -> Mapping[str, float]:
        """Return the mean validation error of each net that was trained under a condition."""
        if not exists(self.db):
            return {}
        try:
            runs = read_results(self.study.name, self.db, [condition]).runs
        except LookupError:
            return {}
        errors: dict[str, float] = runs.groupby("net")["selection"].mean().to_dict()
        return errors


def prepare(study: SpaceStudy, db: str, data: Path, say: Callable[[str], None]) -> Prepared:
    """Draw the population of a study, and check its datasets and its record.

    Args:
        study: The study.
        db: The database, which need not exist.
        data: Folder of the datasets.
        say: Called with lines about what was drawn, and what changed since the study began.

    Raises:
        LemurError: The population cannot be drawn, a dataset is unknown, missing or for another
            task, or the study began with another population.
    """
    population = draw_population(study.request)
    say(population.summary(study.request.name))
    collection = recorded(study.name, db) if exists(db) else None
    if collection is not None:
        check_population(study, spec_of(study, population.members), collection)
        for line in changes(study, collection):
            say(f"study {study.name!r} changed: {line}")
    net = installed().get("net", study.request.space.net)
    sizes: dict[str, DatasetSize] = {}
    for condition in study.conditions:
        if not condition.control:
            size = samples_of(condition, pipeline_of(condition, net.name), data)
            _check_images(study, population, condition, size)
            sizes[condition.role] = size
        elif condition.changed:
            _check_changed(population, net, condition)
            _check_images(study, population, condition, sizes[controlled(condition.role)[0]])
        elif condition.source is not None:
            _check_channels(condition, condition.source, sizes)
    samples = [sizes[controlled(condition.role)[0]] for condition in study.conditions]
    return Prepared(study, population, net, samples, db, data)


def _check_images(
    study: SpaceStudy, population: Population, condition: Condition, samples: DatasetSize
) -> None:
    """Check that the designs are valid, and the images of a dataset large enough for all of them.

    Raises:
        SettingsError: The images are too small for a design, or `CHANGED` makes it invalid.
    """
    space = study.request.space
    where = f"[{CHANGED}]: " if condition.changed else ""
    for member in changed_members(condition, population.members):
        if fault := space.fault(member.design):
            raise SettingsError(f"{where}{member.name}: {fault}")
        try:
            space.complexity(member.design, samples.images)
        except MisfitError as error:
            raise SettingsError(
                f"{where}dataset {condition.dataset!r}, {member.name}: {error}"
            ) from None


def _check_changed(population: Population, net: Entry, condition: Condition) -> None:
    """Check that a control changes each of its hyperparameters.

    Raises:
        SettingsError: The population has one of the values.
    """
    own = {**fixed_prm(net), **population.members[0].design}
    for name, value in condition.changed.items():
        if own.get(name) == value:
            raise SettingsError(
                f"[{CHANGED}]: {name} is {value!r}, as in the population; expected another value"
            )


def _check_channels(
    condition: Condition, source: Condition, sizes: Mapping[str, DatasetSize]
) -> None:
    """Check that nets of one dataset can be trained on the images of another.

    Raises:
        SettingsError: The images have other channels.
    """
    own, other = (
        sizes[role].images.channels for role in (controlled(condition.role)[0], source.role)
    )
    if own != other:
        raise SettingsError(
            f"[{condition.control}]: dataset {condition.dataset!r} has images of {own} "
            f"channel{'s' * (own != 1)}, {source.dataset!r} of {other}; expected the same number"
        )


def exists(db: str) -> bool:
    """Return whether a database exists; one on a server is taken to."""
    file = db.removeprefix("sqlite:///")
    return "://" in file or Path(file).exists()
