"""The studies of a campaign, each opened when a worker is available."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.campaign.data import check_code, check_data, check_metrics
from lemur_core.events import StudyStarted, TrialsHeld
from lemur_core.search.study_run import StudyRun
from lemur_core.summary import Left

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.campaign.supply import DataSupply
    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.search.completion import Completion
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.trial_resources import BaseAttempt, TrialResources
    from lemur_core.store.writing.holders import Holder
    from lemur_core.store.writing.past_trials import PastTrial
    from lemur_core.trial import Outcome


class ClosedStudy(NamedTuple):
    """A study that starts no further trials.

    Attributes:
        pipeline: The pipeline.
        data: The record of its dataset.
        outcomes: The outcomes of the study's trials in this campaign.
        completions: The trials that ended early and were trained on in this campaign, with their
            outcomes.
        left_out: Lines saying which trials are missing and why.
        reopened: The event for opening the study again; None if trials are missing.
    """

    pipeline: Pipeline
    data: DatasetRecord | None
    outcomes: Sequence[Outcome]
    completions: Sequence[tuple[Completion, Outcome]]
    left_out: Sequence[str]
    reopened: StudyStarted | None


class Studies:
    """Opens studies in their order, and closes those that are over.

    Args:
        ready: The prepared studies.
        supply: Provides their data.
        resources: The resources of the campaign.

    Attributes:
        closed: The studies that are over.
    """

    def __init__(
        self, ready: Sequence[PreparedStudy], supply: DataSupply, resources: TrialResources
    ) -> None:
        self._waiting, self._open = deque(ready), list[StudyRun]()
        self._supply, self._resources = supply, resources
        self._compared: set[tuple[str, str]] = set()
        self._scored: set[tuple[str, str, str]] = set()
        self._reported: dict[str, set[int]] = {}
        self.closed: list[ClosedStudy] = []

    def remember_past(self) -> None:
        """Pass the earlier trials of all nets to the estimator, if there is one."""
        forecasting, bundles = self._resources.forecasting, self._resources.bundles
        if forecasting is None:
            return
        previous_key = None
        for pipeline in [study.pipeline for study in self._waiting]:
            if previous_key is not None and previous_key != bundles.key(pipeline):
                bundles.drop(previous_key)
            if self._supply.has(pipeline):
                epochs, data = self._resources.settings.epochs, bundles.record(pipeline)
                recipe = pipeline.net_entry.recipe()
                past = self._resources.writer.past(pipeline, epochs, data=data, recipe=recipe)
                forecasting.remember(pipeline, past)
            previous_key = bundles.key(pipeline)

    def next(self, device: str) -> tuple[StudyRun, BaseAttempt] | None:
        """Start the next trial, of an open study or else of the next study.

        Returns:
            Its study and the trial; None if there is none to start at the moment.
        """
        for study_run in list(self._open):
            if attempt := self._started(study_run, device):
                return study_run, attempt
        while (opened := self._opened()) is not None:
            if attempt := self._started(opened, device):
                return opened, attempt
        return None

    @property
    def is_waiting(self) -> bool:
        """Whether other campaigns are training trials of the open studies."""
        return any(study_run.held for study_run in self._open)

    @property
    def left(self) -> Left | None:
        """What is left to train; None if nothing is."""
        counts = [study_run.left for study_run in self._open if study_run.left]
        left = Left(sum(counts), len(counts), len(self._waiting))
        return left if any(left) else None

    def report_held(self) -> None:
        """Report which campaigns hold trials that this one waits for, once for each trial."""
        held: dict[str, list[tuple[StudyRun, PastTrial]]] = {}
        for study_run in self._open:
            for past in study_run.held:
                held.setdefault(past.owner, []).append((study_run, past))
        for owner, trials in held.items():
            ids = {past.id for _, past in trials}
            if ids <= self._reported.get(owner, set()):
                continue
            study_run, past = trials[0]
            if (holder := study_run.holder(past)) is not None:
                self._reported[owner] = ids
                self._resources.watch(_held(len(ids), holder))

    def close(self) -> None:
        """Close all open studies.

        Raises:
            LemurError: No study could be opened.
        """
        for study_run in list(self._open):
            self._close(study_run)
        if not self.closed and not self._waiting:
            self._supply.raise_reason()

    def _started(self, study_run: StudyRun, device: str) -> BaseAttempt | None:
        attempt = study_run.next(device)
        if attempt is None and study_run.is_over:
            self._close(study_run)
        return attempt

    def _opened(self) -> StudyRun | None:
        while self._waiting:
            ready = self._waiting.popleft()
            pipeline = ready.pipeline
            bundle = self._supply.bundle(pipeline)
            if bundle is None:
                continue
            if (pipeline.task, pipeline.dataset) not in self._compared:
                self._compared.add((pipeline.task, pipeline.dataset))
                check_data(pipeline, self._resources)
            if (pipeline.task, pipeline.dataset, pipeline.metric) not in self._scored:
                self._scored.add((pipeline.task, pipeline.dataset, pipeline.metric))
                check_code(pipeline, self._resources)
            check_metrics(pipeline, self._resources)
            left_out = self._resources.bundles.left_out(pipeline)
            validation = 0 if bundle.validation is None else len(bundle.validation)
            study_run = StudyRun(ready, self._resources, bundle.chance, left_out, validation)
            self._open.append(study_run)
            return study_run
        return None

    def _close(self, study_run: StudyRun) -> None:
        self._open.remove(study_run)
        faults = [why for why in (study_run.set_aside, study_run.exhausted) if why]
        closed = ClosedStudy(
            study_run.pipeline,
            study_run.data,
            study_run.outcomes,
            study_run.completions,
            faults,
            study_run.reopened,
        )
        self.closed.append(closed)
        self._supply.release(study_run.pipeline)


def _held(trials: int, holder: Holder) -> TrialsHeld:
    free_at = None
    if holder.free_in_s is not None:
        free_at = datetime.now().astimezone() + timedelta(seconds=holder.free_in_s)
    return TrialsHeld(trials, holder.host, holder.silent_s, free_at)
