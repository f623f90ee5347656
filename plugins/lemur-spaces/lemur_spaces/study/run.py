"""Train a study: a campaign for each dataset, in which each design is a point."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lemur_core
from lemur_core import Settings, installed
from lemur_core.code_facts import code_database
from lemur_core.errors import SettingsError
from lemur_spaces.population import draw_population
from lemur_spaces.study.controls import chosen
from lemur_spaces.study.pipelines import TASK, pipeline_of, samples_of
from lemur_spaces.study.pretraining import store_weights, stored_weights
from lemur_spaces.study.record import (
    KIND,
    changes,
    check_population,
    check_scores,
    recorded,
    spec_of,
    trials_of,
)
from lemur_spaces.study.results import read_results
from lemur_spaces.study.spec import base_of, controlled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lemur_core import Artefact, Entry, Summary
    from lemur_spaces.population import Population, PopulationMember
    from lemur_spaces.study.pipelines import DatasetSize
    from lemur_spaces.study.spec import Condition, SpaceStudy


# A campaign whose time is over at once still says what is left.
_LEAST_S = 0.1


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


@dataclass
class StudyOutcome:
    """What became of a study.

    Attributes:
        trials: Ids of the finished trainings of the study, earlier ones included.
        missing: Names of the designs that lack a finished training, by role of the condition.
        reasons: Number of trials that failed for each reason.
        is_interrupted: Whether the user interrupted the study.
        is_timed_out: Whether its time was over.
    """

    trials: set[str] = field(default_factory=set)
    missing: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    is_interrupted: bool = False
    is_timed_out: bool = False

    @property
    def trained(self) -> int:
        """Number of finished trainings; one that is also part of a control counts once."""
        return len(self.trials)

    @property
    def is_partial(self) -> bool:
        """Whether the same study has something left to train, failed trainings aside."""
        return self.is_interrupted or self.is_timed_out

    @property
    def exit_status(self) -> int:
        """0 if all nets are trained or the time was over, 1 if some are not, 130 if interrupted."""
        if self.is_interrupted:
            return 130
        return int(bool(self.missing) and not self.is_timed_out)


def prepare(study: SpaceStudy, db: str, data: Path, say: Callable[[str], None]) -> Prepared:
    """Draw the population of a study, and check its datasets and its record.

    Args:
        study: The study.
        db: The database, which need not exist.
        data: Folder of the datasets.
        say: Called with lines about what was drawn, and what changed since the study began.

    Raises:
        LemurError: The population cannot be drawn, a dataset is unknown, missing or for another
            task, the study began with another population, or earlier trainings lack an error.
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
        elif condition.source is not None:
            _check_channels(condition, condition.source, sizes)
    samples = [sizes[controlled(condition.role)[0]] for condition in study.conditions]
    prepared = Prepared(study, population, net, samples, db, data)
    if exists(db):
        for condition in study.conditions:
            if condition.metrics[1:]:
                members, initial = prepared.members(condition), prepared.initial(condition)
                check_scores(condition, members, net, db, initial)
    return prepared


def run_study(
    prepared: Prepared, say: Callable[[str], None], *, time_limit: str = "", **settings: Any
) -> StudyOutcome:
    """Train the population on each dataset, and record the trials in the study's collection.

    What is already trained is not trained again. A failed training does not stop the study.

    Args:
        prepared: The study.
        say: Called with a line before each dataset.
        time_limit: Time after which no training starts, for example ``2h30m``; empty for no limit.
        settings: Further settings of the campaigns, for example ``workers``.

    Raises:
        SettingsError: A setting is invalid.
    """
    from lemur_spaces.study.training_errors import record_training_errors

    study, outcome = prepared.study, StudyOutcome()
    seconds = Settings.of({"time": time_limit}).time if time_limit else None
    ends = None if seconds is None else time.monotonic() + seconds
    with code_database(prepared.db, create=True):
        _collect(prepared, {})
    for condition in study.conditions:
        if condition.source is not None:
            sources = prepared.trials(condition.source, prepared.population.members)
            store_weights(sources, prepared.db, prepared.data, say)
        members = prepared.members(condition)
        say(f"{condition.role}: {len(members):,} net{'s' * (len(members) != 1)}")
        if not members:
            continue
        campaign = campaign_of(prepared, condition, members) | settings
        if ends is not None:
            campaign["time"] = f"{max(ends - time.monotonic(), _LEAST_S):.1f}s"
        summary = lemur_core.run(**campaign)
        for line in summary.left_out:
            say(line)
        _add(outcome, summary)
        finished = _record(prepared, condition, members, outcome)
        if outcome.is_partial:
            break
        if prepared.scores_training(condition):
            record_training_errors(
                condition, prepared.net.name, finished, prepared.db, prepared.data, say
            )
    return outcome


def _record(
    prepared: Prepared,
    condition: Condition,
    members: Sequence[PopulationMember],
    outcome: StudyOutcome,
) -> list[str]:
    """Add the trials of a condition to the collection, count them, and return their ids."""
    by_design = prepared.trials(condition, members)
    trials = {member.name: by_design.get(member.name, ()) for member in members}
    finished = [uid for uids in trials.values() for uid in uids]
    _collect(prepared, {condition.role: finished})
    outcome.trials.update(finished)
    missing = [name for name, ids in trials.items() if len(ids) < condition.seeds]
    if missing:
        outcome.missing[condition.role] = missing
    return finished


def campaign_of(
    prepared: Prepared, condition: Condition, members: Sequence[PopulationMember]
) -> dict[str, Any]:
    """Return the settings of the campaign that trains designs on a dataset."""
    initial = prepared.initial(condition)
    values = {name: [member.design[name] for member in members] for name in members[0].design}
    return {
        "task": TASK,
        "dataset": condition.dataset,
        "metric": ",".join(condition.metrics),
        "net": prepared.net.name,
        "transform": condition.transform,
        "points": [
            dict(member.design)
            | ({"weights": str(initial[member.name].path)} if member.name in initial else {})
            for member in members
        ],
        # The net fixes the numbers of its design: its ranges become what the population has.
        "prm": {name: list(dict.fromkeys(drawn)) for name, drawn in values.items()}
        | condition.training,
        "epochs": condition.trained_epochs,
        "seeds": condition.seeds,
        "seed": prepared.study.request.seed,
        # Each design is another net: however many fail, the others are trained.
        "fail_attempts": len(members) * condition.seeds + 1,
        "db": prepared.db,
        "data": prepared.data,
        "keep_weights": "best" if prepared.keeps_weights(condition) else "no",
    }


def _collect(prepared: Prepared, members: Mapping[str, Sequence[str]]) -> None:
    study = prepared.study
    spec = spec_of(study, prepared.population.members)
    lemur_core.collect(study.name, members, kind=KIND, spec=spec, db=prepared.db)


def _add(outcome: StudyOutcome, summary: Summary) -> None:
    for reason, count in summary.reasons.items():
        outcome.reasons[reason] = outcome.reasons.get(reason, 0) + count
    outcome.is_interrupted = summary.interrupted
    outcome.is_timed_out = summary.left is not None


def _check_images(
    study: SpaceStudy, population: Population, condition: Condition, samples: DatasetSize
) -> None:
    """Check that the images of a dataset are large enough for all designs.

    Raises:
        SettingsError: They are too small for a design.
    """
    from lemur_core.errors import MisfitError

    for member in population.members:
        try:
            study.request.space.complexity(member.design, samples.images)
        except MisfitError as error:
            raise SettingsError(f"dataset {condition.dataset!r}, {member.name}: {error}") from None


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
