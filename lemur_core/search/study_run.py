"""Run one study until it has all its trials: resume, start and record them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lemur_core.events import StudyStarted, Warned
from lemur_core.search.after_search import AfterSearch
from lemur_core.search.completion import Completion
from lemur_core.search.failures import reason_to_give_up
from lemur_core.search.open_study import OpenStudy
from lemur_core.space import fixed, searched
from lemur_core.store.writing.writer import NumberTakenError, TrialLostError
from lemur_core.train import checkpoint
from lemur_core.trial import ENDED, UNFINISHED, Outcome, State, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core.dataset import DatasetRecord
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.search.trial_resources import Attempt, BaseAttempt, TrialResources
    from lemur_core.store.writing.holders import Holder
    from lemur_core.store.writing.past_trials import PastTrial


class StudyRun:
    """One study: its trials so far, those being trained, and those to come.

    Args:
        ready: The prepared pipeline, with its space or its points.
        resources: The resources of the campaign.
        chance: Score of random guessing on the data, 0 to 1.
        left_out: Number of samples left out of each split of the data.
        validation: Number of samples in the validation split.

    Attributes:
        pipeline: The pipeline.
        outcomes: The outcomes of the study's trials in this campaign, in order.
        exhausted: A line saying that the sampler has nothing left to propose; empty if it has.
    """

    def __init__(
        self,
        ready: PreparedStudy,
        resources: TrialResources,
        chance: float,
        left_out: Mapping[str, int],
        validation: int = 0,
    ) -> None:
        self._validation = validation
        self._ready, self._resources = ready, resources
        self.pipeline, self._points = ready.pipeline, ready.points
        self.outcomes: list[Outcome] = []
        self.exhausted = ""
        self._running: dict[int, BaseAttempt] = {}
        study = OpenStudy.of(ready, resources, chance, left_out, self._running)
        self._inputs, self._scope, self._recorded = study.inputs, study.scope, study.recorded
        self._proposals, self._resumption = study.proposals, study.resumption
        self._after_search = AfterSearch(study, resources)
        self._already = self._target = 0
        self._has_started = self._is_complete = False
        self._started: StudyStarted | None = None

    @property
    def data(self) -> DatasetRecord | None:
        """The record of the dataset; only trials on the same data belong to the study."""
        return self._inputs.data

    @property
    def held(self) -> Sequence[PastTrial]:
        """Matching trials that other campaigns are training, as of the last call of `next`."""
        return self._recorded.held

    @property
    def is_over(self) -> bool:
        """Whether no trial is running, here or elsewhere, and no further trial will be started."""
        has_all = self._has_started and self._recorded.done >= self._target
        has_none = bool(self.exhausted) and not self.held
        ended = has_all or self._is_complete or has_none or bool(self.set_aside)
        return ended and not self._running and not self._left_after_search

    @property
    def left(self) -> int:
        """Number of trials that are still to end; 0 if no further trial will be started."""
        if self.is_over or self.set_aside:
            return 0
        if not self._has_started:
            return self._ready.trial_count(self._resources.settings.trials)
        lacking = 0 if self.exhausted else max(0, self._target - self._recorded.done)
        return lacking + self._left_after_search

    @property
    def completions(self) -> Sequence[tuple[Completion, Outcome]]:
        """The trainings after the search in this campaign, in order, with their outcomes."""
        return self._after_search.completions

    @property
    def reopened(self) -> StudyStarted | None:
        """The event for opening the finished study again; None if it lacks trials."""
        after, done = self._after_search, self._recorded.done
        has_all = done >= self._target and after.left == 0 and not after.has_failed
        if self._started is None or not has_all:
            return None
        return replace(self._started, done=done, trials=0)

    @property
    def set_aside(self) -> str:
        """A line saying why no further trial is started; empty if trials may be started."""
        why = self._inputs.fault or reason_to_give_up(
            self.outcomes, self._resources.settings.fail_attempts, well=self._already
        )
        return f"{self.pipeline.name} is set aside: {why}" if why else ""

    def holder(self, past: PastTrial) -> Holder | None:
        """Return the holder of a running trial; None if it is this campaign."""
        return self._recorded.holder(past)

    def next(self, device: str) -> BaseAttempt | None:
        """Start or resume a trial; return None if there is none to train at the moment.

        After the search, the best trials that ended early are trained to their last epoch.
        """
        self._recorded.held = []
        attempt: BaseAttempt | None = self._next_of_search(device)
        while attempt is None and self._is_searched:
            self._recorded.held = []
            attempt = self._after_search.next(device)
            if attempt is None:
                break
            self._running[attempt.trial_id] = attempt
            if attempt.done is not None:
                self.ended(attempt, attempt.done)
                attempt = None
        return attempt

    def ended(self, attempt: BaseAttempt, outcome: Outcome) -> None:
        """Record the outcome of a trial.

        A trial whose checkpoint was lost is restarted; a trial that ran out of memory is restarted
        with a smaller batch.
        """
        trial, was_set_aside = attempt.trial, self.set_aside
        del self._running[attempt.trial_id]
        if outcome.state in ENDED and self._inputs.has_other_data():
            outcome = replace(outcome, state=State.FAILED, reason=self._inputs.fault)
            self._resources.writer.forget_data(attempt.trial_id)
        outcome = attempt.ended(outcome)
        if isinstance(attempt, Completion):
            self._after_search.ended(attempt, outcome)
            self._compare()
            return
        if attempt.lost:
            self._warn(f"{self.pipeline.name} trial {trial.number}: {attempt.lost}")
            return
        if outcome.state is State.ABANDONED:
            self._proposals.repeat(trial.prm, trial.seed)
            return
        if outcome.out_of_memory and self._proposals.lower_batch(trial):
            return
        self._keep(trial, outcome)
        if self.set_aside and not was_set_aside:
            self._warn(self.set_aside)

    def _keep(self, trial: Trial, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._recorded.count_ended(trial, outcome)
        self._compare()
        self._after_search.keep_checkpoint(trial, outcome)

    def _compare(self) -> None:
        if self._resources.forecasting:
            # Trials of other studies are compared with it, even if this study is finished.
            self._recorded.read()

    def _next_of_search(self, device: str) -> Attempt | None:
        while not self.set_aside and not self._has_enough():
            # Read before the past trials: if another campaign starts a trial after this, it takes
            # the number. So if this trial gets the number, no other campaign trains the same point.
            number = self._resources.writer.next_number(self.pipeline)
            past = self._recorded.read()
            self._announce(past)
            resumable = [trial for trial in past if self._recorded.can_resume(trial)]
            self._recorded.held = [trial for trial in past if self._recorded.is_held(trial)]
            if not self._is_lacking(past, resumable):
                return None
            if self._inputs.has_other_data():
                self._warn(self.set_aside)
                return None
            try:
                attempt = self._resumed(resumable, device)
                if attempt is None and resumable:
                    # Other campaigns claimed them first; count the missing trials again.
                    continue
                attempt = attempt or self._proposals.start(
                    number, self._recorded.taken(past), device
                )
            except (NumberTakenError, TrialLostError, checkpoint.StateLostError):
                continue
            if attempt is None:
                self._report_exhausted()
                return None
            self._running[attempt.trial_id] = attempt
            if attempt.done is None:
                return attempt
            self.ended(attempt, attempt.done)
        return None

    def _resumed(self, resumable: Sequence[PastTrial], device: str) -> Attempt | None:
        for trial in resumable:
            past = self._resumption.take_over(trial, {})
            if past is None:
                continue
            try:
                resumed = self._resumption.trial(past, device)
            except checkpoint.StateLostError as error:
                lost = Outcome(State.ABANDONED, past.epochs, f"{error}; restarted")
                self._resources.writer.finish(past.id, lost)
                self._warn(f"{self.pipeline.name}, trial {past.number}: {lost.reason}")
                self._proposals.repeat(past.prm, past.seed)
                raise
            return self._proposals.resume(past.id, resumed)
        return None

    def _announce(self, past: Sequence[PastTrial]) -> None:
        if self._has_started:
            return
        self._has_started, self._already = True, self._recorded.done
        self._target = self._ready.trial_count(self._resources.settings.trials, self._already)
        missing = self._target - self._already
        if self._proposals.combinations:
            # Unfinished trials occupy combinations, and are still to end.
            unfinished = self._scope.count(past, *UNFINISHED)
            missing = min(missing, unfinished + self._proposals.combinations.left)
        same = self._points.fixed() if self._points is not None else fixed(self._ready.space)
        others = [trial for trial in past if not self._scope.matches(trial)]
        event = StudyStarted(
            self.pipeline,
            self._already,
            max(0, missing),
            self._ready.trial_count(self._resources.settings.trials),
            same,
            sum(trial.state_in_search in ENDED for trial in others),
            {} if self._points is not None else searched(self._ready.space),
            self._validation,
            self.data is not None and "validation" not in self.data.parts,
        )
        self._started = event
        self._resources.watch(event)

    def _has_enough(self) -> bool:
        """Return whether enough trials have ended or are running here."""
        return self._has_started and self._recorded.done + len(self._running) >= self._target

    def _is_lacking(self, past: Sequence[PastTrial], resumable: Sequence[PastTrial]) -> bool:
        """Return whether a trial is still to be started or resumed."""
        if self._points is not None:
            left = self._points.first_without(self._recorded.taken(past)) is not None
            lacking = bool(resumable) or left
            self._is_complete = not lacking and not self._scope.count(past, *UNFINISHED)
            return lacking
        lost = sum(map(self._recorded.is_lost, past))
        running = self._scope.count(past, *UNFINISHED) - len(resumable) - lost
        self._is_complete = self._recorded.done >= self._target
        return self._recorded.done + running < self._target

    @property
    def _is_searched(self) -> bool:
        """Whether the search needs no further trial, so that its best ones are known."""
        has_all = self._recorded.done >= self._target or self._is_complete or bool(self.exhausted)
        is_searching = any(not isinstance(trial, Completion) for trial in self._running.values())
        is_over = has_all and not (is_searching or self.held or self.set_aside)
        return self._has_started and is_over and self._after_search.is_requested

    @property
    def _left_after_search(self) -> int:
        """Number of trainings that are still to end after the search, as far as known."""
        if self._after_search.left is None and self._is_searched:
            self._after_search.count()
        return self._after_search.left or 0

    def _report_exhausted(self) -> None:
        combinations = self._proposals.combinations
        if combinations and not self.exhausted:
            self.exhausted = (
                f"{self.pipeline.name}: sampler {self._resources.settings.sampler!r} has tried all "
                f"{combinations.total} combinations; {self._target} trials were asked for"
            )
            self._warn(self.exhausted)

    def _warn(self, text: str) -> None:
        self._resources.watch(Warned(text))
