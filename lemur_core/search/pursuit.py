"""Pursue one study until it has the trials it was asked for: resume, begin, tell."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna

from lemur_core.dataset import DatasetRecord
from lemur_core.errors import LemurError
from lemur_core.search.attempt import Attempt, Means
from lemur_core.search.events import StudyStarted, Warned
from lemur_core.search.failures import given_up
from lemur_core.search.prepare import Ready
from lemur_core.search.study import Study, derived_seed
from lemur_core.space import below, fits, fixed, greatest
from lemur_core.store.writing.owner import is_alive
from lemur_core.store.writing.writer import NumberTakenError, Past
from lemur_core.train import checkpoint
from lemur_core.trial import Epoch, Outcome, State, Trial

_ENDED = (State.FINISHED, State.CONVERGED, State.PRUNED)
_UNFINISHED = (State.RUNNING, State.INTERRUPTED)


class Pursuit:
    """One study: its trials so far, those under way, and those to come.

    Args:
        ready: What is trained, and where it is searched.
        means: The campaign's.
        left_out: How many samples of each split of its data are left out.

    Attributes:
        pipeline: What is trained.
        outcomes: How this campaign's trials of it ended, in that order.
        exhausted: That the sampler has nothing left to propose, a line; empty while it has.
    """

    _data_changed = False

    def __init__(self, ready: Ready, means: Means, left_out: Mapping[str, int]) -> None:
        self.pipeline, self._means = ready.pipeline, means
        # What counts is asked for once; what is searched gets smaller where memory runs out.
        self._whole_space = self.space = ready.space
        self._chance, self._left_out = ready.chance, left_out
        self.outcomes: list[Outcome] = []
        self.exhausted = ""
        self._under_way: dict[int, Attempt] = {}
        self._repeats: deque[tuple[Mapping[str, Any], int | None]] = deque()
        self._known: dict[int, Past] = {}
        self._study = self._new_study()
        past = self._past()
        self._already = self._count(past, *_ENDED)
        self._others = sum(one.state in _ENDED for one in past) - self._already
        trials = means.settings.trials
        self._wanted = trials if trials > 0 else self._already - trials
        self._possible: int | None = None
        if self._study.combinations:
            # Unfinished trials have a combination of their own, and are still to end.
            unfinished = self._count(past, *_UNFINISHED)
            self._possible = self._already + unfinished + self._study.combinations.left
        self._has_begun = False

    @property
    def missing(self) -> int:
        """How many trials are still to end well."""
        wanted = self._wanted if self._possible is None else min(self._wanted, self._possible)
        return max(0, wanted - self._already)

    def next(self, device: str) -> Attempt | None:
        """Begin the next trial, or go on with one; None when there is nothing to begin now."""
        self._announce()
        while not self.set_aside:
            past = self._past()
            resumable = [one for one in past if self._can_go_on(one)]
            lost = sum(map(self._is_lost, past))
            under_way = self._count(past, *_UNFINISHED) - len(resumable) - lost
            if self._count(past, *_ENDED) + under_way >= self._wanted:
                return None
            if self._has_other_data():
                self._means.watch(Warned(self.set_aside))
                return None
            attempt = self._resumed(resumable, device) or self._begun(device)
            if attempt is None:
                self._say_exhausted()
                return None
            self._under_way[attempt.trial_id] = attempt
            if attempt.done is None:
                return attempt
            self.ended(attempt, attempt.done)
        return None

    def ended(self, attempt: Attempt, outcome: Outcome) -> None:
        """Take the end of a trial.

        One whose state was lost is begun again; one that its device had no memory for, smaller.
        """
        trial, was_set_aside = attempt.trial, self.set_aside
        del self._under_way[attempt.trial_id]
        if outcome.state in _ENDED and self._has_other_data():
            outcome = replace(outcome, state=State.FAILED, reason=self._changed())
            self._means.writer.forget_data(attempt.trial_id)
        outcome = attempt.ended(outcome)
        if outcome.state is State.ABANDONED:
            self._repeats.append((trial.prm, trial.seed))
            return
        if outcome.out_of_memory and self._lower_batch(trial):
            return
        self.outcomes.append(outcome)
        if self.set_aside and not was_set_aside:
            self._means.watch(Warned(self.set_aside))

    @property
    def set_aside(self) -> str:
        """Why nothing more is begun, a line; empty while something may be."""
        why = self._changed() if self._data_changed else ""
        why = why or given_up(self.outcomes, self._means.settings.fail_attempts, well=self._already)
        return f"{self.pipeline.name} is set aside: {why}" if why else ""

    @cached_property
    def data(self) -> DatasetRecord | None:
        """What identifies the data set; only trials on the same data belong to the study."""
        return self._means.bundles.record(self.pipeline)

    @cached_property
    def recipe(self) -> str | None:
        """What identifies the code that trains the net; only trials by it belong to the study."""
        return self.pipeline.net_entry.recipe()

    def _changed(self) -> str:
        return f"data set {self.pipeline.dataset!r} changed while the campaign ran"

    def _has_other_data(self) -> bool:
        """Return whether the data set is not what it was when the campaign began."""
        if not self._data_changed:
            try:
                self._data_changed = self._means.bundles.current(self.pipeline) != self.data
            except (LemurError, OSError):
                self._data_changed = True
        return self._data_changed

    def _announce(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._means.watch(
                StudyStarted(
                    self.pipeline, self._already, self.missing, fixed(self.space), self._others
                )
            )

    def _new_study(self) -> Study:
        settings = self._means.settings
        seed = derived_seed(settings.seed, self.pipeline.name)
        return Study(self.space, settings.sampler, settings.pruner, seed)

    def _past(self) -> list[Past]:
        epochs = self._means.settings.epochs
        past = self._means.writer.past(self.pipeline, epochs, self._known, self.data, self.recipe)
        self._known = {one.id: one for one in past}
        for one in past:
            self._study.remember(one)
        if self._means.forecasting:
            self._means.forecasting.remember(self.pipeline, past)
        return past

    def _count(self, past: Sequence[Past], *states: State) -> int:
        """Return how many trials with hyperparameters that are asked for are in these states."""
        return sum(one.state in states and fits(self._whole_space, one.prm) for one in past)

    def _is_lost(self, past: Past) -> bool:
        # With a batch that memory ran out for: this command will not go on with it.
        return (
            past.state in _UNFINISHED
            and fits(self._whole_space, past.prm)
            and not fits(self.space, past.prm)
            and not self._is_alive(past)
        )

    def _can_go_on(self, past: Past) -> bool:
        return past.state in _UNFINISHED and fits(self.space, past.prm) and not self._is_alive(past)

    def _is_alive(self, past: Past) -> bool:
        writer, limits = self._means.writer, self._means.settings.limits()
        if past.owner == writer.owner:
            return past.id in self._under_way
        if past.state is State.INTERRUPTED:
            return False
        return is_alive(past.owner, past.seen, patience_s=2 * limits.epoch_s)

    def _resumed(self, resumable: Sequence[Past], device: str) -> Attempt | None:
        for past in resumable:
            if not self._means.writer.claim(past, self._left_out):
                continue
            epochs = self._recovered(past)
            if epochs is None:
                lost = Outcome(State.ABANDONED, past.epochs, "its state was lost; begun again")
                self._means.writer.finish(past.id, lost)
                return self._anew(past.prm, past.seed, device)
            asked = self._study.take_up(past.prm, epochs)
            trial = self._trial(past.number, past.prm, past.seed, device)
            trial = self._placed(replace(trial, uid=past.uid, done=tuple(epochs)))
            return self._attempt(past.id, trial, asked)
        return None

    def _recovered(self, past: Past) -> list[Epoch] | None:
        """Return the epochs to go on from; None where the trial's state was lost."""
        if len(past.epochs) == self._means.settings.epochs:
            return list(past.epochs)
        folder = self._folder(past.uid)
        saved = checkpoint.saved_epochs(folder) if folder else []
        if len(saved) < len(past.epochs):
            return None
        # Trained and kept, when the campaign ended before it was recorded.
        for epoch in saved[len(past.epochs) :]:
            self._means.writer.record(past.id, epoch)
        return saved

    def _say_exhausted(self) -> None:
        combinations = self._study.combinations
        if combinations and not self.exhausted:
            self.exhausted = (
                f"{self.pipeline.name}: sampler {self._means.settings.sampler!r} has tried all "
                f"{combinations.total} combinations; {self._wanted} trials were asked for"
            )
            self._means.watch(Warned(self.exhausted))

    def _begun(self, device: str) -> Attempt | None:
        if self._repeats:
            return self._anew(*self._repeats.popleft(), device)
        return self._numbered(self._study.ask, None, device)

    def _anew(self, prm: Mapping[str, Any], seed: int | None, device: str) -> Attempt | None:
        return self._numbered(lambda number: self._study.take_up(prm), seed, device)

    def _numbered(
        self, ask: Callable[[int], optuna.Trial | None], seed: int | None, device: str
    ) -> Attempt | None:
        """Return a trial under a number that no other campaign took; None where none is left."""
        while True:
            number = self._means.writer.next_number(self.pipeline)
            asked = ask(number)
            if asked is None:
                return None
            trial = self._trial(number, self._study.prm(asked), seed, device)
            try:
                trial_id = self._means.writer.begin(trial)
            except NumberTakenError:
                self._study.tell(asked, trial.uid, Outcome(State.ABANDONED, ()))
            else:
                return self._attempt(trial_id, trial, asked)

    def _attempt(self, trial_id: int, trial: Trial, asked: optuna.Trial) -> Attempt:
        forecasting = self._means.forecasting
        forecast = forecasting.of(trial, self._chance) if forecasting else None
        return Attempt(trial_id, trial, self._study, asked, self._means, forecast)

    def _trial(self, number: int, prm: Mapping[str, Any], seed: int | None, device: str) -> Trial:
        settings = self._means.settings
        if seed is None:
            seed = derived_seed(settings.seed, self.pipeline.name, number, "trial")
        trial = Trial(self.pipeline, number, prm, seed, settings.epochs, device)
        return self._placed(trial)

    def _placed(self, trial: Trial) -> Trial:
        weights = self._means.weights and self._means.weights / f"{trial.uid}.safetensors"
        parts = self._means.forecasting.parts if self._means.forecasting else 1
        return replace(
            trial,
            checkpoint=self._folder(trial.uid),
            weights=weights,
            parts=parts,
            left_out=self._left_out,
            data=self.data,
            recipe=self.recipe,
        )

    def _folder(self, uid: str) -> Path | None:
        return self._means.checkpoints / uid if self._means.checkpoints else None

    def _lower_batch(self, trial: Trial) -> bool:
        """Search smaller batches only, from here on; False where there are none."""
        smaller = below(self.space["batch"], trial.prm["batch"])
        if smaller is None:
            return False
        self._repeats.append((dict(trial.prm) | {"batch": greatest(smaller)}, None))
        if smaller != self.space["batch"]:
            self.space = self.space | {"batch": smaller}
            self._study = self._new_study()
            self._means.watch(Warned(self._lowered(trial.prm["batch"])))
        return True

    def _lowered(self, batch: int) -> str:
        text = f"{self.pipeline.name}: memory ran out with batch={batch}"
        return f"{text}; it goes on with batch={self.space['batch']}"
