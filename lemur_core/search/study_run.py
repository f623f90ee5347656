"""Run one study until it has all its trials: resume, start and record them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lemur_core.errors import LemurError
from lemur_core.events import StudyStarted, Warned
from lemur_core.restriction import without_fold
from lemur_core.search.after_search import AfterSearch
from lemur_core.search.completion import Completion
from lemur_core.search.failures import reason_to_give_up
from lemur_core.search.study import Study, derived_seed
from lemur_core.search.trial_resources import Attempt, BaseAttempt, TrialResources, record_epoch
from lemur_core.settings import DrawnSeed
from lemur_core.space import fixed, searched
from lemur_core.store.identity import prm_uid
from lemur_core.store.writing.writer import NumberTakenError, PastTrial, TrialLostError
from lemur_core.train import checkpoint
from lemur_core.train.checkpoint_folders import checkpoint_folder, move_checkpoint
from lemur_core.trial import Epoch, Keep, Outcome, State, Trial
from lemur_core.user import recorded_user
from lemur_core.values import below, fits, greatest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import optuna

    from lemur_core.dataset import DatasetRecord
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.store.writing.holders import Holder

CAMPAIGN_SEED = "campaign.seed"
"""Fact of a trial: the seed of its campaign, if it was drawn at random."""
_ENDED = (State.FINISHED, State.CONVERGED, State.PRUNED)
_UNFINISHED = (State.RUNNING, State.INTERRUPTED)


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
        held: Matching trials that other campaigns are training, as of the last call of `next`.
    """

    _data_changed = False

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
        # Trials anywhere in the whole space count; the searched space shrinks if memory runs out.
        self._whole_space = self.space = ready.space
        self._chance, self._left_out = chance, left_out
        self.outcomes: list[Outcome] = []
        self.exhausted = ""
        self.held: list[PastTrial] = []
        self._running: dict[int, BaseAttempt] = {}
        self._repeats: deque[tuple[Mapping[str, Any], int | None]] = deque()
        self._past_trials: dict[int, PastTrial] = {}
        self._uids: dict[int, str] = {}
        # Points that failed in this campaign; the next campaign tries them again.
        self._failed: set[str] = set()
        self._after_search = AfterSearch(self, resources)
        self._study = self._new_study()
        self._already = self._done = self._target = 0
        self._has_started = self._is_complete = False
        self._started: StudyStarted | None = None

    @property
    def is_over(self) -> bool:
        """Whether no trial is running, here or elsewhere, and no further trial will be started."""
        has_all = self._has_started and self._done >= self._target
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
        lacking = 0 if self.exhausted else max(0, self._target - self._done)
        return lacking + self._left_after_search

    @property
    def _left_after_search(self) -> int:
        """Number of trainings that are still to end after the search, as far as known."""
        if self._after_search.left is None and self._is_searched:
            self._after_search.count()
        return self._after_search.left or 0

    @property
    def completions(self) -> Sequence[tuple[Completion, Outcome]]:
        """The trainings after the search in this campaign, in order, with their outcomes."""
        return self._after_search.completions

    @property
    def is_search(self) -> bool:
        """Whether hyperparameters are searched, instead of given as points."""
        return self._points is None

    @property
    def reopened(self) -> StudyStarted | None:
        """The event for opening the finished study again; None if it lacks trials."""
        after = self._after_search
        has_all = self._done >= self._target and after.left == 0 and not after.has_failed
        if self._started is None or not has_all:
            return None
        return replace(self._started, done=self._done, trials=0)

    def next(self, device: str) -> BaseAttempt | None:
        """Start or resume a trial; return None if there is none to train at the moment.

        After the search, the best trials that ended early are trained to their last epoch.
        """
        self.held = []
        attempt: BaseAttempt | None = self._next_of_search(device)
        while attempt is None and self._is_searched:
            self.held = []
            attempt = self._after_search.next(device)
            if attempt is None:
                break
            self._running[attempt.trial_id] = attempt
            if attempt.done is not None:
                self.ended(attempt, attempt.done)
                attempt = None
        return attempt

    def _next_of_search(self, device: str) -> Attempt | None:
        while not self.set_aside and not self._has_enough():
            # Read before the past trials: if another campaign starts a trial after this, it takes
            # the number. So if this trial gets the number, no other campaign trains the same point.
            number = self._resources.writer.next_number(self.pipeline)
            past = self.past()
            self._announce(past)
            resumable = [trial for trial in past if self._can_resume(trial)]
            self.held = [trial for trial in past if self._is_held(trial)]
            if not self._is_lacking(past, resumable):
                return None
            if self.has_other_data():
                self._resources.watch(Warned(self.set_aside))
                return None
            try:
                attempt = self._resumed(resumable, device)
                if attempt is None and resumable:
                    # Other campaigns claimed them first; count the missing trials again.
                    continue
                attempt = attempt or self._started_attempt(number, past, device)
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

    def ended(self, attempt: BaseAttempt, outcome: Outcome) -> None:
        """Record the outcome of a trial.

        A trial whose checkpoint was lost is restarted; a trial that ran out of memory is restarted
        with a smaller batch.
        """
        trial, was_set_aside = attempt.trial, self.set_aside
        del self._running[attempt.trial_id]
        if outcome.state in _ENDED and self.has_other_data():
            outcome = replace(outcome, state=State.FAILED, reason=self._changed())
            self._resources.writer.forget_data(attempt.trial_id)
        outcome = attempt.ended(outcome)
        if isinstance(attempt, Completion):
            self._after_search.ended(attempt, outcome)
            if self._resources.forecasting:
                # Trials of other studies are compared with it.
                self.past()
            return
        if attempt.lost:
            self._resources.watch(
                Warned(f"{self.pipeline.name} trial {trial.number}: {attempt.lost}")
            )
            return
        if outcome.state is State.ABANDONED:
            self._repeat(trial.prm, trial.seed)
            return
        if outcome.out_of_memory and self._points is None and self._lower_batch(trial):
            return
        self._keep(trial, outcome)
        if self.set_aside and not was_set_aside:
            self._resources.watch(Warned(self.set_aside))

    def _keep(self, trial: Trial, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if outcome.state in _ENDED:
            self._done += 1
        if outcome.state is State.FAILED:
            self._failed.add(prm_uid(trial.prm))
        if self._resources.forecasting:
            # Trials of other studies are compared with it, even if this study is finished.
            self.past()
        self._after_search.keep_checkpoint(trial, outcome)

    @property
    def set_aside(self) -> str:
        """A line saying why no further trial is started; empty if trials may be started."""
        why = self._changed() if self._data_changed else ""
        why = why or reason_to_give_up(
            self.outcomes, self._resources.settings.fail_attempts, well=self._already
        )
        return f"{self.pipeline.name} is set aside: {why}" if why else ""

    @cached_property
    def data(self) -> DatasetRecord | None:
        """The record of the dataset; only trials on the same data belong to the study."""
        return self._resources.bundles.record(self.pipeline)

    @cached_property
    def recipe(self) -> str | None:
        """The identity of the code that trains the net; only trials with it belong to the study."""
        return self.pipeline.net_entry.recipe()

    def _changed(self) -> str:
        return f"dataset {self.pipeline.dataset!r} changed while the campaign ran"

    def has_other_data(self) -> bool:
        """Return whether the dataset changed after the study was opened."""
        if not self._data_changed:
            try:
                self._data_changed = self._resources.bundles.current(self.pipeline) != self.data
            except (LemurError, OSError):
                self._data_changed = True
        return self._data_changed

    def _announce(self, past: Sequence[PastTrial]) -> None:
        if self._has_started:
            return
        self._has_started, self._already = True, self._done
        self._target = self._ready.trial_count(self._resources.settings.trials, self._already)
        missing = self._target - self._already
        if self._study.combinations:
            # Unfinished trials occupy combinations, and are still to end.
            left = self._count(past, *_UNFINISHED) + self._study.combinations.left
            missing = min(missing, left)
        same = self._points.fixed() if self._points is not None else fixed(self.space)
        others = sum(trial.state_in_search in _ENDED and not self.matches(trial) for trial in past)
        total = self._ready.trial_count(self._resources.settings.trials)
        event = StudyStarted(
            self.pipeline,
            self._already,
            max(0, missing),
            total,
            same,
            others,
            {} if self._points is not None else searched(self.space),
            self._validation,
            self.data is not None and "validation" not in self.data.parts,
        )
        self._started = event
        self._resources.watch(event)

    def _new_study(self) -> Study:
        settings = self._resources.settings
        # The first proposals are the same for all folds of a dataset, to compare their scores.
        dataset = without_fold(self.pipeline.dataset)
        seed = derived_seed(settings.seed, replace(self.pipeline, dataset=dataset).name)
        if self._points is not None:
            return Study({}, "Random", settings.pruner, seed, self.matches)
        return Study(self.space, settings.sampler, settings.pruner, seed)

    def past(self) -> list[PastTrial]:
        """Return the trials of the search so far, and tell the sampler and the estimator of them.

        Trials that repeat others are kept in ``repetitions`` of `AfterSearch`.
        """
        epochs = self._resources.settings.epochs
        writer, known = self._resources.writer, self._past_trials
        recorded = writer.past(self.pipeline, epochs, known, self.data, self.recipe)
        self._past_trials = {trial.id: trial for trial in recorded}
        self._after_search.repetitions = [trial for trial in recorded if trial.repeats is not None]
        past = [trial for trial in recorded if trial.repeats is None]
        for trial in past:
            self._study.remember(trial)
        if self._resources.forecasting:
            self._resources.forecasting.remember(self.pipeline, past)
        self._done = self._count(past, *_ENDED)
        return past

    def _count(self, past: Sequence[PastTrial], *states: State) -> int:
        """Return the number of matching trials in these states, counting each point once."""
        matching = [
            trial for trial in past if trial.state_in_search in states and self.matches(trial)
        ]
        return len(matching) if self._points is None else len(set(map(self._uid, matching)))

    def _uid(self, past: PastTrial) -> str:
        if past.id not in self._uids:
            self._uids[past.id] = prm_uid(past.prm)
        return self._uids[past.id]

    def matches(self, past: PastTrial) -> bool:
        """Return whether a trial's hyperparameters are in the space, or among the points."""
        if self._points is not None:
            return self._uid(past) in self._points
        return fits(self._whole_space, past.prm)

    def _has_enough(self) -> bool:
        """Return whether enough trials have ended or are running here."""
        return self._has_started and self._done + len(self._running) >= self._target

    def _is_lacking(self, past: Sequence[PastTrial], resumable: Sequence[PastTrial]) -> bool:
        """Return whether a trial is still to be started or resumed."""
        if self._points is not None:
            left = self._points.first_without(self._taken(past)) is not None
            lacking = bool(resumable) or left
            unfinished = any(
                trial.state_in_search in _UNFINISHED and self.matches(trial) for trial in past
            )
            self._is_complete = not lacking and not unfinished
            return lacking
        lost = sum(map(self._is_lost, past))
        running = self._count(past, *_UNFINISHED) - len(resumable) - lost
        self._is_complete = self._done >= self._target
        return self._done + running < self._target

    def _taken(self, past: Sequence[PastTrial]) -> set[str]:
        """Return the identities of points that ended, are running anywhere, or failed here."""
        states = (*_ENDED, *_UNFINISHED)
        return self._failed | {
            self._uid(trial) for trial in past if trial.state_in_search in states
        }

    def _is_lost(self, past: PastTrial) -> bool:
        # Its batch is too large for the memory, so this campaign will not resume it.
        return (
            past.state_in_search in _UNFINISHED
            and fits(self._whole_space, past.prm)
            and not fits(self.space, past.prm)
            and not self.is_alive(past)
        )

    def _can_resume(self, past: PastTrial) -> bool:
        if past.state_in_search not in _UNFINISHED or not self.matches(past) or self.is_alive(past):
            return False
        if self._points is None:
            return fits(self.space, past.prm)
        uid, others = self._uid(past), self._past_trials.values()
        return not any(
            trial.state_in_search in _ENDED and self._uid(trial) == uid for trial in others
        )

    def _is_held(self, past: PastTrial) -> bool:
        """Return whether another campaign is training a matching trial."""
        if past.state_in_search is not State.RUNNING or past.id in self._running:
            return False
        return self.matches(past) and self.is_alive(past)

    def is_alive(self, past: PastTrial) -> bool:
        """Return whether an unfinished trial is trained here, or its campaign may still run."""
        if past.id in self._running:
            return True
        holder = None if past.state is State.INTERRUPTED else self.holder(past)
        return holder is not None and holder.free_in_s != 0

    def holder(self, past: PastTrial) -> Holder | None:
        """Return the holder of a running trial; None if it is this campaign."""
        patience_s = 2 * self._resources.settings.limits().epoch_s
        return self._resources.writer.holder(past, patience_s)

    def _resumed(self, resumable: Sequence[PastTrial], device: str) -> Attempt | None:
        for past in resumable:
            if not self._resources.writer.claim(past, self._left_out):
                continue
            if past.state is State.RUNNING and self._resources.checkpoints:
                move_checkpoint(self._resources.checkpoints, past.uid, self._resources.writer.owner)
            # Its owner may have recorded another epoch in the meantime.
            past = next(trial for trial in self.past() if trial.id == past.id)
            try:
                epochs = self.recovered(past)
            except checkpoint.StateLostError as error:
                lost = Outcome(State.ABANDONED, past.epochs, f"{error}; restarted")
                self._resources.writer.finish(past.id, lost)
                self._resources.watch(
                    Warned(f"{self.pipeline.name}, trial {past.number}: {lost.reason}")
                )
                self._repeat(past.prm, past.seed)
                raise
            proposal = self._study.take_up(past.prm, epochs)
            trial = self.trial(past.number, past.prm, past.seed, device)
            trial = self.with_resources(replace(trial, uid=past.uid, done=tuple(epochs)))
            return self._attempt(past.id, trial, proposal)
        return None

    @property
    def _is_searched(self) -> bool:
        """Whether the search needs no further trial, so that its best ones are known."""
        has_all = self._done >= self._target or self._is_complete or bool(self.exhausted)
        is_searching = any(not isinstance(trial, Completion) for trial in self._running.values())
        is_over = has_all and not (is_searching or self.held or self.set_aside)
        return self._has_started and is_over and self._after_search.is_requested

    def past_trial(self, trial_id: int) -> PastTrial:
        """Return a recorded trial as it is now."""
        self.past()
        return self._past_trials[trial_id]

    def claim(self, past: PastTrial, facts: Mapping[str, Any]) -> bool:
        """Take over a trial and record facts of it; return False if another campaign was faster."""
        return self._resources.writer.claim(past, self._left_out, facts)

    def begin(self, trial: Trial, facts: Mapping[str, Any]) -> int:
        """Record that a trial starts, with its facts; return its id.

        Raises:
            NumberTakenError: Another campaign took the number.
        """
        drawn = self._resources.settings.seed
        own = {CAMPAIGN_SEED: int(drawn)} if isinstance(drawn, DrawnSeed) else {}
        return self._resources.writer.begin(trial, {**own, **facts})

    def is_trained_now(self, past: PastTrial) -> bool:
        """Return whether a trial is trained, here or elsewhere; one elsewhere is waited for."""
        if past.state is not State.RUNNING or not self.is_alive(past):
            return False
        if past.id not in self._running:
            self.held.append(past)
        return True

    def recovered(self, past: PastTrial) -> list[Epoch]:
        """Return the epochs from which to resume.

        Raises:
            StateLostError: The trial's checkpoint is missing, unreadable, or of another training.
        """
        if past.epochs and past.epochs[-1].number == self._resources.settings.epochs:
            return list(past.epochs)
        folder = self.folder(past.uid)
        saved = checkpoint.saved_epochs(folder) if folder else []
        if len(saved) < len(past.epochs):
            raise checkpoint.StateLostError("its checkpoint was lost")
        if _scores(saved[: len(past.epochs)]) != _scores(past.epochs):
            raise checkpoint.StateLostError("its checkpoint is not that of the recorded epochs")
        # These epochs were saved, but the campaign ended before it recorded them.
        for epoch in saved[len(past.epochs) :]:
            record_epoch(self._resources, past.id, epoch)
        return saved

    def _report_exhausted(self) -> None:
        combinations = self._study.combinations
        if combinations and not self.exhausted:
            self.exhausted = (
                f"{self.pipeline.name}: sampler {self._resources.settings.sampler!r} has tried all "
                f"{combinations.total} combinations; {self._target} trials were asked for"
            )
            self._resources.watch(Warned(self.exhausted))

    def _repeat(self, prm: Mapping[str, Any], seed: int) -> None:
        # Points without a trial are started in any case, by this campaign or another one.
        if self._points is None:
            self._repeats.append((prm, seed))

    def _started_attempt(
        self, number: int, past: Sequence[PastTrial], device: str
    ) -> Attempt | None:
        """Start a trial with this number; return None if there is none left to start.

        Raises:
            NumberTakenError: Another campaign took the number.
        """
        if self._repeats:
            attempt = self._with_prm(number, *self._repeats[0], device)
            self._repeats.popleft()
            return attempt
        if self._points is not None:
            prm = self._points.first_without(self._taken(past))
            return (
                None if prm is None else self._with_prm(number, prm, self._point_seed(prm), device)
            )
        proposal = self._study.ask(number)
        if proposal is None:
            return None
        return self._numbered(number, self._study.prm(proposal), None, device, proposal)

    def _point_seed(self, prm: Mapping[str, Any]) -> int:
        if self._ready.start is not None:
            # The random numbers of an epoch are those that the first trial would have had.
            return self._ready.start.seed
        # The results of a point do not depend on other trials or on the number of workers.
        return derived_seed(
            self._resources.settings.seed, self.pipeline.name, prm_uid(prm), "point"
        )

    def _with_prm(
        self, number: int, prm: Mapping[str, Any], seed: int | None, device: str
    ) -> Attempt:
        return self._numbered(number, prm, seed, device, self._study.take_up(prm))

    def _numbered(
        self,
        number: int,
        prm: Mapping[str, Any],
        seed: int | None,
        device: str,
        proposal: optuna.Trial,
    ) -> Attempt:
        trial = self.trial(number, prm, seed, device)
        try:
            trial_id = self.begin(trial, {})
        except NumberTakenError:
            self._study.tell(proposal, trial.uid, Outcome(State.ABANDONED, ()))
            raise
        return self._attempt(trial_id, trial, proposal)

    def _attempt(self, trial_id: int, trial: Trial, proposal: optuna.Trial) -> Attempt:
        forecasting = self._resources.forecasting
        forecast = forecasting.of(trial, self._chance) if forecasting else None
        return Attempt(trial_id, trial, self._study, proposal, self._resources, forecast)

    def trial(self, number: int, prm: Mapping[str, Any], seed: int | None, device: str) -> Trial:
        """Return a trial of the pipeline; without a seed, its seed depends on its number."""
        settings = self._resources.settings
        if seed is None:
            seed = derived_seed(settings.seed, self.pipeline.name, number, "trial")
        trial = Trial(self.pipeline, number, prm, seed, settings.epochs, device)
        return self.with_resources(trial)

    def with_resources(self, trial: Trial) -> Trial:
        """Return a trial with its files, its data and the identity of its code."""
        weights = self._resources.weights and self._resources.weights / f"{trial.uid}.safetensors"
        parts = self._resources.forecasting.parts if self._resources.forecasting else 1
        if (start := self._ready.start) is not None:
            trial = replace(trial, first=start.origin.epoch + 1, start=start.folder)
        return replace(
            trial,
            checkpoint=self.folder(trial.uid),
            weights=weights,
            keep=self._resources.settings.keep_weights,
            keep_checkpoint=self._resources.settings.keep_checkpoints is not Keep.NO,
            initial=self._resources.initial.file(trial.prm),
            parts=parts,
            left_out=self._left_out,
            data=self.data,
            recipe=self.recipe,
            versions=self._resources.writer.versions,
            user=recorded_user(self._resources.settings.user),
        )

    def folder(self, uid: str) -> Path | None:
        """Return the folder of a trial's checkpoint; None if none is saved."""
        return (
            checkpoint_folder(self._resources.checkpoints, uid)
            if self._resources.checkpoints
            else None
        )

    def _lower_batch(self, trial: Trial) -> bool:
        """Restrict the search to smaller batches; return False if there are none."""
        smaller = below(self.space["batch"], trial.prm["batch"])
        if smaller is None:
            return False
        self._repeats.append((dict(trial.prm) | {"batch": greatest(smaller)}, None))
        if smaller != self.space["batch"]:
            self.space = self.space | {"batch": smaller}
            self._study = self._new_study()
            self._resources.watch(Warned(self._lowered(trial.prm["batch"])))
        return True

    def _lowered(self, batch: int) -> str:
        text = f"{self.pipeline.name}: memory ran out with batch={batch}"
        return f"{text}; it continues with batch={self.space['batch']}"


def _scores(epochs: Sequence[Epoch]) -> list[tuple[int, float, float]]:
    return [(epoch.number, epoch.validation, epoch.accuracy) for epoch in epochs]
