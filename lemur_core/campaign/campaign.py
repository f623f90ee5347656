"""Run the campaign of a `lemur run`: pipelines, their studies and their trials, all recorded."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING

import torch

from lemur_core.campaign.dataset_fetcher import DatasetFetcher
from lemur_core.campaign.dispatch import Dispatch
from lemur_core.campaign.finished_campaign import FinishedCampaign
from lemur_core.campaign.hooks import watcher_with_hooks
from lemur_core.campaign.studies import ClosedStudy, Studies
from lemur_core.campaign.supply import DataSupply
from lemur_core.campaign.trackers import Trackers
from lemur_core.errors import MisfitError
from lemur_core.events import CampaignEnded, CampaignStarted, Event, Warned, Watch
from lemur_core.initial_weights import InitialWeights
from lemur_core.search.forecast import Forecasting
from lemur_core.search.prepare import PreparedStudy, continuing, prepare, repeats_line
from lemur_core.search.study import check_search
from lemur_core.search.trial_resources import TrialResources
from lemur_core.store.database import folder_beside, open_database, place
from lemur_core.store.datasets import on_each_data
from lemur_core.store.patience import patiently
from lemur_core.store.reading.standings import standings
from lemur_core.store.reading.trial_counts import trial_counts
from lemur_core.store.writing.spill import check_not_missing
from lemur_core.store.writing.writer import Writer
from lemur_core.summary import Summary
from lemur_core.train.data import Bundles
from lemur_core.train.devices import devices_of
from lemur_core.train.epoch_hooks import EpochHooks
from lemur_core.train.file_digests import FileDigests
from lemur_core.train.in_process_worker import InProcessWorker
from lemur_core.train.interruption import Interruption
from lemur_core.train.process_worker import ProcessWorker
from lemur_core.train.versions import versions
from lemur_core.trial import Keep, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from lemur_core.campaign.plan import Plan
    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.search.completion import Completion
    from lemur_core.search.start import Start
    from lemur_core.settings import Settings
    from lemur_core.spawn import SpawnedProcess
    from lemur_core.train.worker import Worker
    from lemur_core.trial import Outcome


class Campaign:
    """One run of a plan.

    Args:
        settings: The settings of the campaign.
        plan: The pipelines to train, and their ranges.
        registry: The installed plugins, whose hooks are called.
        watch: Called with each event.
        started: Worker processes that are already running.
        began: When the campaign began, by `time.monotonic`; None is now.
        trackers: The trackers that the settings select; None makes them.
        start: The trial that the campaign continues; None if it continues none.

    Attributes:
        summary: The outcome of the campaign.
        finished: The record of the campaign if nothing is left to train, used to repeat the
            command without torch; None if something is left.
    """

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        registry: Registry,
        watch: Watch,
        started: Sequence[SpawnedProcess] = (),
        began: float | None = None,
        trackers: Trackers | None = None,
        start: Start | None = None,
    ) -> None:
        began = time.monotonic() if began is None else began
        self._deadline = None if settings.time is None else began + settings.time
        self.settings, self.plan, self._started, self._start = settings, plan, started, start
        self._trackers = trackers or Trackers(settings, registry)
        self._tell = watcher_with_hooks(registry, watch, settings)
        self._registry, self._has_started = registry, False
        self.devices = devices_of(settings.device, settings.gpus, settings.worker_count)
        self._versions = versions(registry)
        self.summary, self._initial = Summary(), InitialWeights()
        self.finished: FinishedCampaign | None = None
        self._has_warned = False
        self._forecasting: Forecasting | None = None
        if settings.estimator is not None:
            self._forecasting = Forecasting(settings, registry, self._warn)
            self.summary.audit = self._forecasting.audit
        skip_corrupt = self._leave_out if settings.skip_corrupt else None
        self._bundles = Bundles(settings.data, skip_corrupt, FileDigests(say=self._warn))

    def run(self) -> Summary:
        """Train all missing trials; Ctrl-C stops after the epoch, a second one at once.

        Raises:
            LemurError: The settings are invalid, or no net can process its data.
        """
        settings = self.settings
        ready = prepare(
            self.plan.pipelines, self.plan.ranges, settings, self._leave_out, self._initial
        )
        if self._start is not None:
            ready = [continuing(ready[0], self._start)]
        pipelines = [study.pipeline for study in ready]
        check_search([study.space for study in ready if study.points is None], settings)
        if repeated := repeats_line(ready):
            self._warn(repeated)
        supply = self._supply(pipelines)
        if self._start is not None:
            self._start.check_data(self._bundles.record(pipelines[0]))
        check_not_missing(settings.db)
        engine = open_database(settings.db)
        self.summary.db = place(engine)
        try:
            with (
                self._workers() as workers,
                Interruption(self._warn, self._deadline) as interruption,
            ):
                writer = self._writer(engine)
                with closing(writer):
                    studies = Studies(ready, supply, self._resources(writer, interruption))
                    self._train(ready, studies, workers, interruption)
                    self.summary.interrupted = interruption.is_requested
                    self._report_unwritten(writer)
            self.summary.standings = standings(
                engine,
                [pipeline.name for pipeline in pipelines],
                on_each_data((study.pipeline, study.data) for study in studies.closed),
            )
            self._record_if_finished(pipelines, studies.closed, engine)
        finally:
            if self._has_started:
                self._watch(CampaignEnded(self.summary))
            engine.dispose()
        return self.summary

    def _writer(self, engine: Engine) -> Writer:
        writer = Writer(engine, self._versions)
        if writer.imported:
            self._warn(f"imported {writer.imported} records that an earlier run could not write")
        if writer.refused:
            is_single = writer.refused == 1
            self._warn(
                f"{'1 record' if is_single else f'{writer.refused} records'} of an earlier run "
                f"{'belongs' if is_single else 'belong'} to no trial of this database, "
                f"or {'is' if is_single else 'are'} damaged; kept in {writer.refused_file}"
            )
        return writer

    def _report_unwritten(self, writer: Writer) -> None:
        waiting = self.summary.unwritten = writer.unwritten
        if waiting:
            self._leave_out(
                f"{waiting} records could not be written to the database; "
                f"they are stored in {writer.unwritten_file} for the next lemur run"
            )

    def _resources(self, writer: Writer, interruption: Interruption) -> TrialResources:
        settings = self.settings
        checkpoints = folder_beside(writer.engine, "checkpoints") if settings.checkpoint else None
        weights = (
            folder_beside(writer.engine, "weights")
            if settings.keep_weights is not Keep.NO
            else None
        )
        return TrialResources(
            settings,
            writer,
            self._bundles,
            checkpoints,
            weights,
            interruption,
            self._watch,
            self._initial,
            self._forecasting,
        )

    @contextmanager
    def _workers(self) -> Iterator[Sequence[Worker]]:
        settings, bundles = self.settings, self._bundles
        if settings.in_process:
            if settings.threads:
                torch.set_num_threads(settings.threads)
            yield [InProcessWorker(bundles, self.devices[0], EpochHooks(self._registry))]
            return
        limits, start = settings.limits(), settings.start()
        with ExitStack() as processes:
            yield [
                processes.enter_context(
                    closing(ProcessWorker(bundles, limits, device, start, started))
                )
                for device, started in zip_longest(self.devices, self._started)
            ]

    def _supply(self, pipelines: Sequence[Pipeline]) -> DataSupply:
        names = self.plan.named
        fetch = names.datasets if self.settings.download else ()
        fetcher = DatasetFetcher(self._bundles, self._watch, fetch)
        supply = DataSupply(pipelines, fetcher, names, self._leave_out)
        supply.check_named()
        return supply

    def _train(
        self,
        ready: Sequence[PreparedStudy],
        studies: Studies,
        workers: Sequence[Worker],
        interruption: Interruption,
    ) -> None:
        settings, pipelines = self.settings, [study.pipeline for study in ready]
        self._trackers.start(pipelines, self.summary.db)
        self._has_started = True
        self._watch(
            CampaignStarted(
                pipelines,
                sum(study.trial_count(settings.trials) for study in ready),
                settings.epochs,
                self.devices,
                self.summary.db,
                settings.seed,
            )
        )
        studies.remember_past()
        Dispatch(studies, workers, interruption, self._warn).run()
        if interruption.is_late and not interruption.is_requested:
            self.summary.left = studies.left
        studies.close()
        for study in studies.closed:
            self._sum_up(study)
        outcomes = [outcome for study in studies.closed for outcome in study.outcomes]
        if outcomes and all(outcome.misfit for outcome in outcomes):
            raise MisfitError(outcomes[0].reason)

    def _record_if_finished(
        self, pipelines: Sequence[Pipeline], closed: Sequence[ClosedStudy], engine: Engine
    ) -> None:
        """Record that nothing is left to train, if that is so."""
        studies = [study.reopened for study in closed if study.reopened is not None]
        # Warnings are repeated each time, and failed trials are tried again.
        if self._has_warned or self.summary.interrupted or len(studies) < len(pipelines):
            return
        if not all(self._bundles.is_within_folder(pipeline) for pipeline in pipelines):
            return
        trials = patiently(engine, lambda connection: trial_counts(connection, pipelines))
        data = [study.data for study in closed]
        self.finished = FinishedCampaign(studies, data, self.devices, trials)

    def _sum_up(self, study: ClosedStudy) -> None:
        for outcome in study.outcomes:
            self.summary.states[outcome.state] += 1
            if self.summary.audit:
                self.summary.audit.take(outcome, self.settings.epochs)
            if outcome.state is State.FAILED:
                self.summary.reasons[outcome.reason] += 1
        for completion, outcome in study.completions:
            self._sum_up_completion(completion, outcome)
        self.summary.left_out += study.left_out

    def _sum_up_completion(self, completion: Completion, outcome: Outcome) -> None:
        base, states = completion.base, self.summary.states
        if completion.replaces_state(outcome):
            # The trial counts once, in its last state.
            states.subtract([base.state_in_search])
            self.summary.states = states = +states
        states[outcome.state] += 1
        if outcome.state is State.FAILED:
            self.summary.reasons[outcome.reason] += 1
        is_stopped = base.state_in_search is State.CONVERGED and completion.trial.seed == base.seed
        if self.summary.audit and base.prediction and is_stopped:
            self.summary.audit.complete(
                base.prediction,
                outcome,
                completion.trained,
                was_stopped_here=completion.was_stopped_here,
            )

    def _leave_out(self, reason: str) -> None:
        self.summary.left_out.append(reason)
        self._warn(reason)

    def _watch(self, event: Event) -> None:
        self._has_warned |= isinstance(event, Warned)
        self._tell(event)
        self._trackers.tell(event, self._warn)

    def _warn(self, message: str) -> None:
        self._watch(Warned(message))
