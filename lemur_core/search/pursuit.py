"""Pursue one study until it has the trials it was asked for: resume, begin, record, tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lemur_core.search.events import EpochEnded, StudyStarted, TrialFinished, TrialStarted, Watch
from lemur_core.search.interruption import Interruption
from lemur_core.search.prepare import Ready
from lemur_core.search.settings import Settings
from lemur_core.search.study import Study, derived_seed
from lemur_core.space import fixed
from lemur_core.store.owner import is_alive
from lemur_core.store.writer import NumberTakenError, Past, Writer
from lemur_core.train import checkpoint
from lemur_core.trial import Epoch, Outcome, State, Trial, Verdict

Attempt = Callable[[Trial, Callable[[Epoch], Verdict]], Outcome]
_ENDED = (State.FINISHED, State.PRUNED)
_UNFINISHED = (State.RUNNING, State.INTERRUPTED)


@dataclass(frozen=True)
class Means:
    """What every study of a campaign needs.

    Attributes:
        settings: The campaign's.
        device: A torch device.
        writer: Of the database.
        attempt: Trains a trial.
        checkpoints: Folder of the trials' states; None keeps none.
        interruption: Whether to stop.
        watch: Told what happens.
    """

    settings: Settings
    device: str
    writer: Writer
    attempt: Attempt
    checkpoints: Path | None
    interruption: Interruption
    watch: Watch


class Pursuit:
    """One study: its trials so far, and those to come."""

    def __init__(self, ready: Ready, means: Means) -> None:
        self.pipeline, self.space, self.means = ready.pipeline, ready.space, means
        settings = means.settings
        seed = derived_seed(settings.seed, self.pipeline.name)
        self.study = Study(self.space, settings.sampler, settings.pruner, seed)
        self.outcomes: list[Outcome] = []
        self._known: dict[int, Past] = {}
        done = self._count(self._past(), *_ENDED)
        self.already = done
        self.wanted = settings.trials if settings.trials > 0 else done - settings.trials

    @property
    def missing(self) -> int:
        """How many trials are still to end well."""
        return max(0, self.wanted - self.already)

    def run(self) -> None:
        """Train until nothing is missing, too many failed in a row, or it was interrupted."""
        self.means.watch(StudyStarted(self.pipeline, self.already, self.missing, fixed(self.space)))
        while not self.means.interruption.asked and not self.set_aside:
            past = self._past()
            resumable = [one for one in past if self._can_go_on(one)]
            elsewhere = self._count(past, *_UNFINISHED) - len(resumable)
            if self._count(past, *_ENDED) + elsewhere >= self.wanted:
                return
            trial_id, trial = self._resumed(resumable) or self._begun()
            self.outcomes.append(self._train(trial_id, trial))

    @property
    def set_aside(self) -> bool:
        """Whether its last trials failed, as many as may."""
        last = self.outcomes[-self.means.settings.fail_attempts :]
        return len(last) == self.means.settings.fail_attempts and all(
            outcome.state is State.FAILED for outcome in last
        )

    def _past(self) -> list[Past]:
        past = self.means.writer.past(self.pipeline, self.means.settings.epochs, self._known)
        self._known = {one.id: one for one in past}
        for one in past:
            self.study.remember(one)
        return past

    def _count(self, past: Sequence[Past], *states: State) -> int:
        return sum(one.state in states and not self._is_lost(one) for one in past)

    def _is_lost(self, past: Past) -> bool:
        # Of other ranges than today's: this command will not go on with it.
        return past.state in _UNFINISHED and not self._is_alive(past) and not self._fits(past)

    def _can_go_on(self, past: Past) -> bool:
        return past.state in _UNFINISHED and not self._is_alive(past) and self._fits(past)

    def _is_alive(self, past: Past) -> bool:
        writer, limits = self.means.writer, self.means.settings.limits()
        if past.owner == writer.owner or past.state is State.INTERRUPTED:
            return False
        return is_alive(past.owner, past.seen, patience_s=2 * limits.epoch_s)

    def _fits(self, past: Past) -> bool:
        return set(past.prm) == set(self.space) and all(
            one.holds(past.prm[name]) for name, one in self.space.items()
        )

    def _resumed(self, resumable: Sequence[Past]) -> tuple[int, Trial] | None:
        for past in resumable:
            if not self.means.writer.claim(past):
                continue
            epochs = self._recovered(past)
            if epochs is None:
                return self._restarted(past)
            self.study.go_on(replace(past, epochs=tuple(epochs)))
            return past.id, self._trial(past.number, past.prm, past.seed, past.uid, tuple(epochs))
        return None

    def _recovered(self, past: Past) -> list[Epoch] | None:
        """Return the epochs to go on from; None where the trial's state was lost."""
        if len(past.epochs) == self.means.settings.epochs:
            return list(past.epochs)
        folder = self._folder(past.uid)
        saved = checkpoint.saved_epochs(folder) if folder else []
        if len(saved) < len(past.epochs):
            return None
        # Trained and kept, when the campaign ended before it was recorded.
        for epoch in saved[len(past.epochs) :]:
            self.means.writer.record(past.id, epoch)
        return saved

    def _restarted(self, past: Past) -> tuple[int, Trial]:
        lost = Outcome(State.ABANDONED, past.epochs, "its state was lost; it was begun again")
        self.means.writer.finish(past.id, lost)
        self.study.go_on(replace(past, epochs=()))
        while True:
            number = self.means.writer.next_number(self.pipeline)
            trial = self._trial(number, past.prm, past.seed)
            try:
                return self.means.writer.begin(trial), trial
            except NumberTakenError:
                continue

    def _begun(self) -> tuple[int, Trial]:
        while True:
            number = self.means.writer.next_number(self.pipeline)
            seed = derived_seed(self.means.settings.seed, self.pipeline.name, number, "trial")
            trial = self._trial(number, self.study.ask(number), seed)
            try:
                return self.means.writer.begin(trial), trial
            except NumberTakenError:
                self.study.tell(trial.uid, Outcome(State.ABANDONED, ()))

    def _trial(
        self,
        number: int,
        prm: object,
        seed: int,
        uid: str | None = None,
        done: tuple[Epoch, ...] = (),
    ) -> Trial:
        settings = self.means.settings
        trial = Trial(self.pipeline, number, prm, seed, settings.epochs, self.means.device)  # type: ignore[arg-type]
        trial = replace(trial, uid=uid or trial.uid, done=done)
        return replace(trial, checkpoint=self._folder(trial.uid))

    def _folder(self, uid: str) -> Path | None:
        return self.means.checkpoints / uid if self.means.checkpoints else None

    def _train(self, trial_id: int, trial: Trial) -> Outcome:
        means, epochs = self.means, list(trial.done)
        means.watch(TrialStarted(trial))

        def epoch_ended(epoch: Epoch) -> Verdict:
            means.writer.record(trial_id, epoch)
            epochs.append(epoch)
            means.watch(EpochEnded(trial, epoch))
            if means.interruption.asked:
                return Verdict.INTERRUPT
            return Verdict.PRUNE if self.study.report(epoch) else Verdict.GO_ON

        try:
            # Of a trial that ended with its last epoch recorded, only its end is missing.
            complete = len(epochs) == trial.epochs
            outcome = (
                Outcome(State.FINISHED, trial.done)
                if complete
                else means.attempt(trial, epoch_ended)
            )
        except KeyboardInterrupt:
            means.interruption.asked = True
            outcome = Outcome(State.INTERRUPTED, tuple(epochs), "interrupted")
        means.writer.finish(trial_id, outcome)
        if trial.checkpoint and outcome.state is not State.INTERRUPTED:
            checkpoint.remove(trial.checkpoint)
        self.study.tell(trial.uid, outcome)
        means.watch(TrialFinished(trial, outcome))
        return outcome
