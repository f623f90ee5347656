"""What one `lemur run` does: pipelines, their studies, their trials, all recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from platform import python_version
from typing import Any

import torch

from lemur_core.errors import MisfitError, SettingsError
from lemur_core.registry import Registry, installed
from lemur_core.search.events import (
    CampaignStarted,
    EpochEnded,
    StudyStarted,
    TrialFinished,
    TrialStarted,
    Warned,
    Watch,
)
from lemur_core.search.hooks import tell_plugins
from lemur_core.search.interruption import Interruption
from lemur_core.search.plan import plan, spelt_out_datasets
from lemur_core.search.prepare import Ready, prepare
from lemur_core.search.settings import Settings
from lemur_core.search.study import Study, derived_seed
from lemur_core.space import fixed
from lemur_core.store.database import open_database, place
from lemur_core.store.standings import Standing, standings
from lemur_core.store.writer import Past, Writer
from lemur_core.train.attempt import attempt
from lemur_core.train.data import Bundles
from lemur_core.train.worker import Worker
from lemur_core.trial import Epoch, Outcome, State, Trial, Verdict

Attempt = Callable[[Trial, Callable[[Epoch], Verdict]], Outcome]


@dataclass
class Summary:
    """How a campaign ended.

    Attributes:
        standings: The best of each pipeline, over all that the database holds of it.
        states: How many of this campaign's trials ended in each state.
        reasons: How many of them failed for each reason.
        left_out: Why pipelines were left out or set aside, a line each.
        db: Where the results are.
    """

    standings: list[Standing] = field(default_factory=list)
    states: Counter[State] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    db: str = ""

    @property
    def exit_status(self) -> int:
        """0 when all was done, 1 when some of it failed, 130 when it was interrupted."""
        if self.states[State.INTERRUPTED]:
            return 130
        return int(bool(self.states[State.FAILED]))


@dataclass(frozen=True)
class Job:
    """A pipeline that is ready, what is known of it, and how many trials it lacks."""

    ready: Ready
    past: Sequence[Past]
    trials: int


def run(*patterns: str, watch: Watch = lambda event: None, **settings: Any) -> Summary:
    """Train the pipelines that patterns name, and record every epoch.

    Args:
        patterns: As on the command line; none trains the demo.
        watch: Called with each event, in the order things happen.
        settings: As `Settings` has them, ``trials=3`` say.

    Returns:
        How the campaign ended; trials that failed are counted there and do not raise.

    Raises:
        LemurError: The settings cannot be met.
    """
    return Campaign(Settings.of({"patterns": patterns, **settings}), installed(), watch).run()


class Campaign:
    """One run of the settings over what is installed."""

    def __init__(self, settings: Settings, registry: Registry, watch: Watch) -> None:
        self.settings = settings
        self._watch = tell_plugins(registry, watch)
        self.pipelines = plan(settings, registry)
        self.device = _device(settings.device)
        self._versions = _versions(registry)
        self._bundles = Bundles(settings.data)
        self._interruption = Interruption(self._warn)
        self.summary = Summary()

    def run(self) -> Summary:
        """Train everything that is missing; Ctrl-C ends it after the epoch, a second one at once.

        Raises:
            LemurError: The settings cannot be met, or no net can take its data.
        """
        ready = prepare(
            self.pipelines,
            self._bundles,
            self.settings.prm,
            spelt_out_datasets(self.settings),
            self._leave_out,
        )
        engine = open_database(self.settings.db)
        self.summary.db = place(engine)
        try:
            writer = Writer(engine, self._versions)
            with self._attempts() as attempt, self._interruption:
                self._train([self._job(writer, one) for one in ready], writer, attempt)
            self.summary.standings = standings(engine, [one.pipeline.name for one in ready])
        finally:
            engine.dispose()
        return self.summary

    @contextmanager
    def _attempts(self) -> Iterator[Attempt]:
        settings = self.settings
        if not settings.in_process:
            worker = Worker(self._bundles, settings.limits(), settings.threads)
            try:
                yield worker.attempt
            finally:
                worker.close()
            return
        if settings.threads:
            torch.set_num_threads(settings.threads)
        yield lambda trial, epoch_ended: attempt(trial, self._bundles, epoch_ended)

    def _train(self, jobs: Sequence[Job], writer: Writer, attempt: Attempt) -> None:
        pipelines = [job.ready.pipeline for job in jobs]
        trials = sum(job.trials for job in jobs)
        self._watch(
            CampaignStarted(pipelines, trials, self.settings.epochs, self.device, self.summary.db)
        )
        misfits: list[str] = []
        for job in jobs:
            self._study(job, writer, attempt, misfits)
            if self._interruption.asked:
                return
        if misfits and len(misfits) == sum(self.summary.states.values()):
            raise MisfitError(misfits[0])

    def _job(self, writer: Writer, ready: Ready) -> Job:
        past = writer.past(ready.pipeline, self.settings.epochs)
        asked = self.settings.trials
        return Job(ready, past, -asked if asked < 0 else max(0, asked - len(past)))

    def _study(self, job: Job, writer: Writer, attempt: Attempt, misfits: list[str]) -> None:
        settings, pipeline = self.settings, job.ready.pipeline
        self._watch(StudyStarted(pipeline, len(job.past), job.trials, fixed(job.ready.space)))
        seed = derived_seed(settings.seed, pipeline.name, len(job.past))
        study = Study(job.ready.space, settings.sampler, settings.pruner, seed, job.past)
        missing, failures = job.trials, 0
        while missing and failures < settings.fail_attempts:
            outcome = self._trial(job, study, writer, attempt)
            if self._interruption.asked:
                return
            failed = outcome.state is State.FAILED
            failures = failures + 1 if failed else 0
            missing -= not failed
            if outcome.misfit:
                misfits.append(outcome.reason)
        if missing:
            self._leave_out(
                f"{pipeline.name} is set aside: its last {failures} trials failed, "
                f"the last of them: {outcome.reason}"
            )

    def _trial(self, job: Job, study: Study, writer: Writer, attempt: Attempt) -> Outcome:
        pipeline = job.ready.pipeline
        number = writer.next_number(pipeline)
        seed = derived_seed(self.settings.seed, pipeline.name, number, "trial")
        trial = Trial(pipeline, number, study.ask(), seed, self.settings.epochs, self.device)
        trial_id = writer.begin(trial)
        self._watch(TrialStarted(trial))

        epochs: list[Epoch] = []

        def epoch_ended(epoch: Epoch) -> Verdict:
            writer.record(trial_id, epoch)
            epochs.append(epoch)
            self._watch(EpochEnded(trial, epoch))
            if self._interruption.asked:
                return Verdict.INTERRUPT
            return Verdict.PRUNE if study.report(epoch) else Verdict.GO_ON

        try:
            outcome = attempt(trial, epoch_ended)
        except KeyboardInterrupt:
            outcome = Outcome(State.INTERRUPTED, tuple(epochs), "interrupted")
        writer.finish(trial_id, outcome)
        study.tell(outcome)
        self._count(outcome)
        self._watch(TrialFinished(trial, outcome))
        return outcome

    def _count(self, outcome: Outcome) -> None:
        self.summary.states[outcome.state] += 1
        if outcome.state is State.FAILED:
            self.summary.reasons[outcome.reason] += 1

    def _leave_out(self, reason: str) -> None:
        self.summary.left_out.append(reason)
        self._warn(reason)

    def _warn(self, message: str) -> None:
        self._watch(Warned(message))


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        # The trials' processes use it; trying a GPU here would take memory of it.
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise RuntimeError(f"there are {torch.cuda.device_count()} GPUs")
        torch.empty(0, device="cpu" if device.type == "cuda" else device)
    # torch says that a device is not there by whatever its backend happens to raise.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"device {name!r} cannot be used: {reason}") from None
    return name


def _versions(registry: Registry) -> dict[str, str]:
    plugins = {
        plugin.distribution: plugin.version
        for plugin in registry.plugins.values()
        if plugin.distribution
    }
    core = {"python": python_version(), "torch": torch.__version__}
    return core | {"lemur-core": version("lemur-core")} | plugins
