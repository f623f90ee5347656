"""Train a study: a campaign for each dataset, in which each design is a point."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import lemur_core
from lemur_core import Settings
from lemur_core.code_facts import code_database
from lemur_spaces.study.pipelines import TASK
from lemur_spaces.study.pretraining import store_weights
from lemur_spaces.study.record import KIND, spec_of
from lemur_spaces.study.spec import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lemur_core import Summary
    from lemur_spaces.population import PopulationMember
    from lemur_spaces.study.prepare import Prepared
    from lemur_spaces.study.spec import Condition

# A campaign whose time is over at once still says what is left.
_LEAST_S = 0.1


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
    for condition, size in zip(study.conditions, prepared.samples, strict=True):
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
        if finished and not condition.control:
            lemur_core.record(finished[0], {CLASSES: size.images.classes}, db=prepared.db)
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
