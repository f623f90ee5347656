"""Train a study: a campaign for each dataset, in which each design is a point."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lemur_core
from lemur_core import State, installed
from lemur_core.code_facts import code_database
from lemur_core.errors import SettingsError
from lemur_spaces.population import draw_population
from lemur_spaces.study.pipelines import TASK, pipeline_of, samples_of
from lemur_spaces.study.record import (
    KIND,
    changes,
    check_population,
    recorded,
    spec_of,
    trials_of,
)
from lemur_spaces.study.spec import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lemur_core import Entry, Summary
    from lemur_spaces.population import Population
    from lemur_spaces.study.pipelines import Samples
    from lemur_spaces.study.spec import Condition, Study


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

    study: Study
    population: Population
    net: Entry
    samples: Sequence[Samples]
    db: str
    data: Path

    @property
    def names(self) -> list[str]:
        """Names of the designs."""
        return [member.name for member in self.population.members]

    def trials(self, condition: Condition) -> Mapping[str, Sequence[str]]:
        """Return the ids of the finished trials of a condition, by name of the design."""
        if not _exists(self.db):
            return {}
        return trials_of(condition, self.population.members, self.net, self.db)


@dataclass
class Outcome:
    """What became of a study.

    Attributes:
        trained: Number of finished trainings of the study, earlier ones included.
        missing: Names of the designs without a finished training, by role of the condition.
        reasons: Number of trials that failed for each reason.
        interrupted: Whether the study was interrupted, or its time was over.
    """

    trained: int = 0
    missing: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False


def prepare(study: Study, db: str, data: Path, say: Callable[[str], None]) -> Prepared:
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
    say(f"{len(population.members):,} designs of {study.request.name} from {population.draws}")
    found = recorded(study.name, db) if _exists(db) else None
    if found is not None:
        check_population(study, spec_of(study, population.members), found)
        for line in changes(study, found):
            say(f"study {study.name!r} changed: {line}")
    net = installed().get("net", study.request.space.net)
    pairs = [(one, pipeline_of(one, net.name)) for one in study.conditions]
    samples = [samples_of(condition, pipeline, data) for condition, pipeline in pairs]
    for condition, size in zip(study.conditions, samples, strict=True):
        _check_images(study, population, condition, size)
    return Prepared(study, population, net, samples, db, data)


def run_study(prepared: Prepared, say: Callable[[str], None], **settings: Any) -> Outcome:
    """Train the population on each dataset, and record the trials in the study's collection.

    What is already trained is not trained again. A failed training does not stop the study.

    Args:
        prepared: The study.
        say: Called with a line before and after each dataset.
        settings: Further settings of the campaigns, for example ``workers``.
    """
    study, outcome = prepared.study, Outcome()
    with code_database(prepared.db, create=True):
        _collect(prepared, {})
    for condition in study.conditions:
        say(f"{condition.role}: {len(prepared.names):,} nets")
        summary = lemur_core.run(**campaign_of(prepared, condition), **settings)
        _add(outcome, summary)
        trials = prepared.trials(condition)
        _collect(
            prepared,
            {condition.role: [one for name in prepared.names for one in trials.get(name, ())]},
        )
        outcome.trained += sum(map(len, trials.values()))
        if missing := [name for name in prepared.names if name not in trials]:
            outcome.missing[condition.role] = missing
        if outcome.interrupted:
            break
    return outcome


def campaign_of(prepared: Prepared, condition: Condition) -> dict[str, Any]:
    """Return the settings of the campaign that trains the population on a dataset."""
    members, study = prepared.population.members, prepared.study
    values = {name: [member.design[name] for member in members] for name in members[0].design}
    return {
        "task": TASK,
        "dataset": condition.dataset,
        "metric": METRICS[condition.error],
        "net": prepared.net.name,
        "transform": condition.transform,
        "points": [dict(member.design) for member in members],
        # The net fixes the numbers of its design: its ranges become what the population has.
        "prm": {name: list(dict.fromkeys(drawn)) for name, drawn in values.items()}
        | dict(condition.prm),
        "epochs": condition.epochs,
        "seeds": study.seeds,
        "seed": study.request.seed,
        "db": prepared.db,
        "data": prepared.data,
    }


def _collect(prepared: Prepared, members: Mapping[str, Sequence[str]]) -> None:
    study = prepared.study
    spec = spec_of(study, prepared.population.members)
    lemur_core.collect(study.name, members, kind=KIND, spec=spec, db=prepared.db)


def _add(outcome: Outcome, summary: Summary) -> None:
    for reason, count in summary.reasons.items():
        outcome.reasons[reason] = outcome.reasons.get(reason, 0) + count
    interrupted = summary.states[State.INTERRUPTED] or summary.left is not None
    outcome.interrupted = summary.interrupted or bool(interrupted)


def _check_images(
    study: Study, population: Population, condition: Condition, samples: Samples
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


def _exists(db: str) -> bool:
    return "://" in db or Path(db).exists()
