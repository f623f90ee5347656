"""What a study trains after its search: trials that ended early, and further seeds."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.early_end import EARLY, ENDED_EARLY, REPEATS
from lemur_core.events import Noted, Warned
from lemur_core.search.completion import Completion, best_first, end_of
from lemur_core.search.study import derived_seed
from lemur_core.store.writing.writer import NumberTakenError, TrialLostError
from lemur_core.train import checkpoint
from lemur_core.train.checkpoint_folders import remove_checkpoints
from lemur_core.trial import ENDED, UNFINISHED, Keep, Outcome, State, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lemur_core.search.open_study import OpenStudy
    from lemur_core.search.trial_resources import TrialResources
    from lemur_core.store.writing.past_trials import PastTrial


class Job(NamedTuple):
    """A training that a study lacks after its search.

    Attributes:
        base: A trial of the search: one that ended early, or one of the hyperparameters that are
            trained with further seeds.
        seed: Seed to train to the last epoch; that of ``base`` completes the trial.
    """

    base: PastTrial
    seed: int

    @property
    def is_completion(self) -> bool:
        """Whether the trial that ended early is completed."""
        return self.seed == self.base.seed


class AfterSearch:
    """Completes the best trials that ended early, then trains the best hyperparameters again.

    Trials that repeat others, to their end or with another seed, are not among those of the search.

    Args:
        study: The study.
        resources: The resources of the campaign.

    Attributes:
        completions: The trials trained here so far, with their outcomes.
        left: Number of trainings that are still to end; None before the search has ended.
    """

    def __init__(self, study: OpenStudy, resources: TrialResources) -> None:
        self._study, self._resources = study, resources
        self._recorded, self._settings = study.recorded, resources.settings
        self._uid, self._matches = study.scope.uid, study.scope.matches
        self._identity = study.scope.identity
        self.completions: list[tuple[Completion, Outcome]] = []
        self.left = None if self.is_requested else 0
        self._failed: set[tuple[str, int]] = set()
        # Recorded trials that repeat others, by the identity of their hyperparameters and the seed.
        self._repeating: defaultdict[tuple[str, int], list[PastTrial]] = defaultdict(list)
        self._noted: set[str] = set()
        self._without_state: set[str] = set()
        self._with_state: set[str] = set()
        self._stopped_here: set[str] = set()

    @property
    def has_failed(self) -> bool:
        """Whether a training failed in this campaign."""
        return bool(self._failed)

    @property
    def is_requested(self) -> bool:
        """Whether the settings ask for anything after the search."""
        return self._settings.finish_best > 0 or self._settings.seeds > 1

    def next(self, device: str) -> Completion | None:
        """Start or resume a training; return None if there is none at the moment."""
        while True:
            # Before the past trials are read, as in `StudyRun.next`.
            number = self._resources.writer.next_number(self._study.pipeline)
            jobs = self.count()
            free = [job for job in jobs if not self._is_running(job)]
            if not free or self._study.inputs.has_other_data():
                return None
            try:
                attempt = self._begun(free[0], number, device)
            except (NumberTakenError, TrialLostError):
                continue
            if attempt is not None:
                return attempt

    def count(self) -> Sequence[Job]:
        """Return what is left to train, and count it."""
        past = self._recorded.read()
        self._repeating = defaultdict(list)
        for trial in self._recorded.repetitions:
            self._repeating[self._uid(trial), trial.seed].append(trial)
        # The best hyperparameters are only known when the best trials are complete.
        jobs = [*self._completions(past)] or [*self._seeds(past)]
        self.left = len(jobs)
        return jobs

    def ended(self, attempt: Completion, outcome: Outcome) -> None:
        """Take the recorded outcome of a training."""
        name = f"{self._study.pipeline.name} trial {attempt.trial.number}"
        if attempt.lost:
            self._resources.watch(Warned(f"{name}: {attempt.lost}"))
            return
        if outcome.state is State.ABANDONED:
            # Its state could not be read, so it stays as it had ended, and is repeated.
            self._without_state.add(attempt.trial.uid)
            return
        self.completions.append((attempt, outcome))
        if outcome.state is State.FAILED:
            trial = attempt.trial
            self._failed.add((self._identity(trial.prm, trial.seed), trial.seed))
        self.keep_checkpoint(attempt.trial, outcome)

    def keep_checkpoint(self, trial: Trial, outcome: Outcome) -> None:
        """Keep the checkpoint of an ended trial while it is needed."""
        if outcome.state in EARLY:
            self._stopped_here.add(trial.uid)
        keeps = self._settings.finish_best > 0 or self._settings.keep_checkpoints is not Keep.NO
        if outcome.state in ENDED and trial.checkpoint is not None and keeps:
            self._with_state.add(trial.uid)
            self._remove_checkpoints()

    def _completions(self, past: Sequence[PastTrial]) -> Iterator[Job]:
        for trial in self._best_ended_early(past):
            job = Job(trial, trial.seed)
            if trial.state is not State.FINISHED and not self._is_done(job):
                yield job

    def _seeds(self, past: Sequence[PastTrial]) -> Iterator[Job]:
        """Yield the seeds that are still to be trained for the best trial, or for each point."""
        wanted = self._settings.seeds
        finished = defaultdict(set)
        for trial in (*past, *self._recorded.repetitions) if wanted > 1 else ():
            if trial.state is State.FINISHED:
                finished[self._uid(trial)].add(trial.seed)
        for base in self._bases(past) if wanted > 1 else ():
            uid = self._uid(base)
            failed = sum(failed_uid == uid for failed_uid, _ in self._failed)
            missing = wanted - len(finished[uid]) - failed
            further = (self._seed(uid, index) for index in range(1, 2 * wanted + failed + 1))
            # A trial that ended early is completed first.
            jobs = [Job(base, seed) for seed in (base.seed, *further) if seed not in finished[uid]]
            yield from [job for job in jobs if not self._is_done(job)][: max(0, missing)]

    def _seed(self, uid: str, index: int) -> int:
        return derived_seed(self._settings.seed, self._study.pipeline.name, uid, str(index), "seed")

    def _bases(self, past: Sequence[PastTrial]) -> list[PastTrial]:
        ended = self._ended(past)
        if self._study.is_search:
            uids = set(map(self._uid, self._best(past)))
            return [trial for trial in ended if self._uid(trial) in uids][:1]
        return list({self._uid(trial): trial for trial in reversed(ended)}.values())[::-1]

    def _best(self, past: Sequence[PastTrial]) -> list[PastTrial]:
        """Return the best trial, which may repeat another one; an empty list if there is none."""
        return best_first(self._ended((*past, *self._recorded.repetitions)))[:1]

    def _ended(self, trials: Iterable[PastTrial]) -> list[PastTrial]:
        ended = (trial for trial in trials if trial.state_in_search in ENDED)
        return [trial for trial in ended if self._matches(trial)]

    def _is_done(self, job: Job) -> bool:
        """Return whether a training has ended, or failed in this campaign."""
        has_failed = (self._uid(job.base), job.seed) in self._failed
        return has_failed or any(again.state is State.FINISHED for again in self._trials(job))

    def _trials(self, job: Job) -> list[PastTrial]:
        """Return the trials that repeat the base of a job with its seed."""
        return self._repeating[self._uid(job.base), job.seed]

    def _is_running(self, job: Job) -> bool:
        """Return whether a training goes on, here or elsewhere."""
        base = [job.base] if job.is_completion else []
        return any(map(self._recorded.is_trained_now, (*base, *self._trials(job))))

    def _best_ended_early(self, past: Sequence[PastTrial]) -> list[PastTrial]:
        early = best_first(trial for trial in past if self._matches(trial) and end_of(trial))
        return early[: self._settings.finish_best]

    def _remove_checkpoints(self) -> None:
        """Remove the checkpoints that this campaign's ended trials no longer need."""
        if self._settings.keep_checkpoints is Keep.EVERY:
            return
        past = self._recorded.read()
        early = self._best_ended_early(past)
        needed = {trial.uid for trial in early if trial.state is not State.FINISHED}
        # Another campaign may train a trial to its end that this one stopped.
        needed |= {trial.uid for trial in past if trial.state in UNFINISHED}
        if self._settings.keep_checkpoints is Keep.BEST:
            needed |= {trial.uid for trial in self._best(past)}
        for uid in self._with_state - needed:
            self._with_state.discard(uid)
            if (folder := self._study.builder.folder(uid)) is not None:
                remove_checkpoints(folder)

    def _begun(self, job: Job, number: int, device: str) -> Completion | None:
        """Start or resume a training; return None if the attempt must be made again."""
        unfinished = [trial for trial in self._trials(job) if trial.state in UNFINISHED]
        if unfinished:
            return self._resumed(unfinished[0], job, device)
        base = job.base
        if job.is_completion and (base.state in UNFINISHED or self._has_state(base)):
            return self._resumed(base, job, device)
        trial = self._study.builder.trial(number, base.prm, job.seed, device)
        trial_id = self._study.builder.begin(trial, {REPEATS: base.uid})
        if not job.is_completion:
            self._note_seeds(base)
        else:
            self._note(base, f"has no checkpoint and is trained from the start, as trial {number}")
        return self._attempt(trial_id, trial, base)

    def _resumed(self, past: PastTrial, job: Job, device: str) -> Completion | None:
        is_base, end = past.uid == job.base.uid, end_of(past)
        facts = {ENDED_EARLY: end.fact} if end is not None and past.early_end is None else {}
        now = self._study.resumption.take_over(past, facts)
        if now is None:
            return None
        try:
            trial = self._study.resumption.trial(now, device)
        except checkpoint.StateLostError as error:
            state = State.ABANDONED if end is None else end.state
            lost = Outcome(state, now.epochs, str(error), prediction=now.prediction)
            self._resources.writer.finish(now.id, lost)
            self._without_state.add(now.uid)
            return None
        if is_base:
            self._note(now, "is trained to the end")
        return self._attempt(now.id, trial, now if is_base else job.base)

    def _attempt(self, trial_id: int, trial: Trial, base: PastTrial) -> Completion:
        is_own = base.uid in self._stopped_here
        return Completion(trial_id, trial, base, self._resources, was_stopped_here=is_own)

    def _has_state(self, stopped: PastTrial) -> bool:
        """Return whether the state after the last epoch of an ended trial is kept."""
        if stopped.uid in self._without_state:
            return False
        folder = self._study.builder.folder(stopped.uid)
        try:
            saved = checkpoint.saved_epochs(folder) if folder is not None else []
        except checkpoint.StateLostError:
            return False
        return len(saved) >= len(stopped.epochs)

    def _note_seeds(self, base: PastTrial) -> None:
        # With points, the user knows which hyperparameters are trained.
        if self._study.is_search and base.uid not in self._noted:
            self._noted.add(base.uid)
            self._resources.watch(
                Noted(
                    f"{self._study.pipeline.name}: the hyperparameters of trial {base.number}, the "
                    f"best, are trained with {self._settings.seeds} seeds in total"
                )
            )

    def _note(self, stopped: PastTrial, how: str) -> None:
        end = end_of(stopped)
        epochs = len(stopped.epochs) if end is None else end.epochs
        self._resources.watch(
            Noted(
                f"{self._study.pipeline.name}: trial {stopped.number}, which ended early after "
                f"{epochs} of {self._settings.epochs} epochs, {how}"
            )
        )
