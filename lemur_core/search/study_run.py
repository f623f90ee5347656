"""Pursue one study until it has the trials it was asked for: resume, begin, tell."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lemur_core.errors import LemurError
from lemur_core.events import StudyStarted, Warned
from lemur_core.search.failures import given_up
from lemur_core.search.study import Study, derived_seed
from lemur_core.search.trial_resources import Attempt, TrialResources, record_epoch
from lemur_core.space import fixed
from lemur_core.store.identity import prm_uid
from lemur_core.store.writing.writer import NumberTakenError, PastTrial, TrialLostError
from lemur_core.train import checkpoint
from lemur_core.train.states import move_states, state_folder
from lemur_core.trial import Epoch, Outcome, State, Trial
from lemur_core.values import below, fits, greatest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import optuna

    from lemur_core.dataset import DatasetRecord
    from lemur_core.search.prepare import PreparedStudy
    from lemur_core.store.writing.holders import Holder

_ENDED = (State.FINISHED, State.CONVERGED, State.PRUNED)
_UNFINISHED = (State.RUNNING, State.INTERRUPTED)


class StudyRun:
    """One study: its trials so far, those under way, and those to come.

    Args:
        ready: What is trained, and where it is searched or which points are trained.
        means: The campaign's.
        chance: Score of guessing on its data, 0 to 1.
        left_out: How many samples of each split of its data are left out.

    Attributes:
        pipeline: What is trained.
        outcomes: How this campaign's trials of it ended, in that order.
        exhausted: That the sampler has nothing left to propose, a line; empty while it has.
        held: Trials that are asked for and that other campaigns hold, by the last call of `next`.
    """

    _data_changed = False

    def __init__(
        self,
        ready: PreparedStudy,
        means: TrialResources,
        chance: float,
        left_out: Mapping[str, int],
    ) -> None:
        self._ready, self._means = ready, means
        self.pipeline, self._points = ready.pipeline, ready.points
        # What counts is asked for once; what is searched gets smaller where memory runs out.
        self._whole_space = self.space = ready.space
        self._chance, self._left_out = chance, left_out
        self.outcomes: list[Outcome] = []
        self.exhausted = ""
        self.held: list[PastTrial] = []
        self._under_way: dict[int, Attempt] = {}
        self._repeats: deque[tuple[Mapping[str, Any], int | None]] = deque()
        self._known: dict[int, PastTrial] = {}
        self._uids: dict[int, str] = {}
        # Points that failed in this campaign, which the next one tries again.
        self._failed: set[str] = set()
        self._study = self._new_study()
        self._already = self._done = self._wanted = 0
        self._has_begun = self._is_complete = False
        self._started: StudyStarted | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way, here or elsewhere, and nothing more will be begun."""
        has_all = self._has_begun and self._done >= self._wanted
        has_none = bool(self.exhausted) and not self.held
        ended = has_all or self._is_complete or has_none or bool(self.set_aside)
        return ended and not self._under_way

    @property
    def again(self) -> StudyStarted | None:
        """What the study says when it is opened again; None if it lacks trials."""
        if self._started is None or self._done < self._wanted:
            return None
        return replace(self._started, done=self._done, trials=0)

    def next(self, device: str) -> Attempt | None:
        """Begin the next trial, or go on with one; None when there is nothing to begin now."""
        self.held = []
        while not self.set_aside and not self._has_enough():
            # Read before the past: a trial that is begun later elsewhere takes this number, so
            # that a point that is not in the past is nobody's when its trial gets the number.
            number = self._means.writer.next_number(self.pipeline)
            past = self._past()
            self._announce(past)
            resumable = [one for one in past if self._can_go_on(one)]
            self.held = [one for one in past if self._is_held(one)]
            if not self._is_lacking(past, resumable):
                return None
            if self._has_other_data():
                self._means.watch(Warned(self.set_aside))
                return None
            try:
                attempt = self._resumed(resumable, device)
                if attempt is None and resumable:
                    # Others were first: what is lacking is to be counted again.
                    continue
                attempt = attempt or self._begun(number, past, device)
            except (NumberTakenError, TrialLostError, checkpoint.StateLostError):
                continue
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
        if attempt.lost:
            self._means.watch(Warned(f"{self.pipeline.name} trial {trial.number}: {attempt.lost}"))
            return
        if outcome.state is State.ABANDONED:
            self._repeat(trial.prm, trial.seed)
            return
        if outcome.out_of_memory and self._points is None and self._lower_batch(trial):
            return
        self.outcomes.append(outcome)
        if outcome.state in _ENDED:
            self._done += 1
        if outcome.state is State.FAILED:
            self._failed.add(prm_uid(trial.prm))
        if self._means.forecasting:
            # Trials of other studies are compared with it, whether or not this study goes on.
            self._past()
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
        """Return whether the data set is not what it was when the study was opened."""
        if not self._data_changed:
            try:
                self._data_changed = self._means.bundles.current(self.pipeline) != self.data
            except (LemurError, OSError):
                self._data_changed = True
        return self._data_changed

    def _announce(self, past: Sequence[PastTrial]) -> None:
        if self._has_begun:
            return
        self._has_begun, self._already = True, self._done
        self._wanted = self._ready.wanted(self._means.settings.trials, self._already)
        missing = self._wanted - self._already
        if self._study.combinations:
            # Unfinished trials have a combination of their own, and are still to end.
            left = self._count(past, *_UNFINISHED) + self._study.combinations.left
            missing = min(missing, left)
        same = self._points.fixed() if self._points is not None else fixed(self.space)
        others = sum(one.state in _ENDED and not self._is_asked(one) for one in past)
        asked = self._ready.wanted(self._means.settings.trials)
        event = StudyStarted(self.pipeline, self._already, max(0, missing), asked, same, others)
        self._started = event
        self._means.watch(event)

    def _new_study(self) -> Study:
        settings = self._means.settings
        seed = derived_seed(settings.seed, self.pipeline.name)
        if self._points is not None:
            return Study({}, "Random", settings.pruner, seed, self._is_asked)
        return Study(self.space, settings.sampler, settings.pruner, seed)

    def _past(self) -> list[PastTrial]:
        epochs = self._means.settings.epochs
        past = self._means.writer.past(self.pipeline, epochs, self._known, self.data, self.recipe)
        self._known = {one.id: one for one in past}
        for one in past:
            self._study.remember(one)
        if self._means.forecasting:
            self._means.forecasting.remember(self.pipeline, past)
        self._done = self._count(past, *_ENDED)
        return past

    def _count(self, past: Sequence[PastTrial], *states: State) -> int:
        """Return how many trials that are asked for are in these states, a point's counted once."""
        asked = [one for one in past if one.state in states and self._is_asked(one)]
        return len(asked) if self._points is None else len(set(map(self._uid, asked)))

    def _uid(self, past: PastTrial) -> str:
        if past.id not in self._uids:
            self._uids[past.id] = prm_uid(past.prm)
        return self._uids[past.id]

    def _is_asked(self, past: PastTrial) -> bool:
        """Return whether a trial's hyperparameters are among those that are asked for."""
        if self._points is not None:
            return self._uid(past) in self._points
        return fits(self._whole_space, past.prm)

    def _has_enough(self) -> bool:
        """Return whether what ended and what is under way here is all that is wanted."""
        return self._has_begun and self._done + len(self._under_way) >= self._wanted

    def _is_lacking(self, past: Sequence[PastTrial], resumable: Sequence[PastTrial]) -> bool:
        """Return whether a trial is still to be begun, or gone on with."""
        if self._points is not None:
            left = self._points.first_without(self._taken(past)) is not None
            lacking = bool(resumable) or left
            unfinished = any(one.state in _UNFINISHED and self._is_asked(one) for one in past)
            self._is_complete = not lacking and not unfinished
            return lacking
        lost = sum(map(self._is_lost, past))
        under_way = self._count(past, *_UNFINISHED) - len(resumable) - lost
        self._is_complete = self._done >= self._wanted
        return self._done + under_way < self._wanted

    def _taken(self, past: Sequence[PastTrial]) -> set[str]:
        """Return the identities of points that ended, are under way anywhere, or failed here."""
        states = (*_ENDED, *_UNFINISHED)
        return self._failed | {self._uid(one) for one in past if one.state in states}

    def _is_lost(self, past: PastTrial) -> bool:
        # With a batch that memory ran out for: this command will not go on with it.
        return (
            past.state in _UNFINISHED
            and fits(self._whole_space, past.prm)
            and not fits(self.space, past.prm)
            and not self._is_alive(past)
        )

    def _can_go_on(self, past: PastTrial) -> bool:
        if past.state not in _UNFINISHED or not self._is_asked(past) or self._is_alive(past):
            return False
        if self._points is None:
            return fits(self.space, past.prm)
        known = self._known.values()
        uid = self._uid(past)
        return not any(one.state in _ENDED and self._uid(one) == uid for one in known)

    def _is_held(self, past: PastTrial) -> bool:
        """Return whether another campaign is to end a trial that is asked for."""
        if past.state is not State.RUNNING or past.id in self._under_way:
            return False
        return self._is_asked(past) and self._is_alive(past)

    def _is_alive(self, past: PastTrial) -> bool:
        if past.id in self._under_way:
            return True
        holder = None if past.state is State.INTERRUPTED else self.holder(past)
        return holder is not None and holder.free_in_s != 0

    def holder(self, past: PastTrial) -> Holder | None:
        """Return what is known of the owner of a trial that runs; None if it is this campaign."""
        patience_s = 2 * self._means.settings.limits().epoch_s
        return self._means.writer.holder(past, patience_s)

    def _resumed(self, resumable: Sequence[PastTrial], device: str) -> Attempt | None:
        for past in resumable:
            if not self._means.writer.claim(past, self._left_out):
                continue
            if past.state is State.RUNNING and self._means.checkpoints:
                move_states(self._means.checkpoints, past.uid, self._means.writer.owner)
            # Its owner may have recorded an epoch since the past was read.
            past = next(one for one in self._past() if one.id == past.id)
            try:
                epochs = self._recovered(past)
            except checkpoint.StateLostError as error:
                lost = Outcome(State.ABANDONED, past.epochs, f"{error}; begun again")
                self._means.writer.finish(past.id, lost)
                self._means.watch(
                    Warned(f"{self.pipeline.name}, trial {past.number}: {lost.reason}")
                )
                self._repeat(past.prm, past.seed)
                raise
            asked = self._study.take_up(past.prm, epochs)
            trial = self._trial(past.number, past.prm, past.seed, device)
            trial = self._placed(replace(trial, uid=past.uid, done=tuple(epochs)))
            return self._attempt(past.id, trial, asked)
        return None

    def _recovered(self, past: PastTrial) -> list[Epoch]:
        """Return the epochs to go on from.

        Raises:
            StateLostError: The trial's state was lost, or is that of another.
        """
        if len(past.epochs) == self._means.settings.epochs:
            return list(past.epochs)
        folder = self._folder(past.uid)
        saved = checkpoint.saved_epochs(folder) if folder else []
        if len(saved) < len(past.epochs):
            raise checkpoint.StateLostError("its state was lost")
        if _scores(saved[: len(past.epochs)]) != _scores(past.epochs):
            raise checkpoint.StateLostError("its state is not that of the epochs recorded")
        # Trained and kept, when the campaign ended before it was recorded.
        for epoch in saved[len(past.epochs) :]:
            record_epoch(self._means, past.id, epoch)
        return saved

    def _say_exhausted(self) -> None:
        combinations = self._study.combinations
        if combinations and not self.exhausted:
            self.exhausted = (
                f"{self.pipeline.name}: sampler {self._means.settings.sampler!r} has tried all "
                f"{combinations.total} combinations; {self._wanted} trials were asked for"
            )
            self._means.watch(Warned(self.exhausted))

    def _repeat(self, prm: Mapping[str, Any], seed: int) -> None:
        # A point that is nobody's is begun anyway, by this campaign or another one.
        if self._points is None:
            self._repeats.append((prm, seed))

    def _begun(self, number: int, past: Sequence[PastTrial], device: str) -> Attempt | None:
        """Begin a trial under a number; return None where nothing is left to begin.

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
        asked = self._study.ask(number)
        if asked is None:
            return None
        return self._numbered(number, self._study.prm(asked), None, device, asked)

    def _point_seed(self, prm: Mapping[str, Any]) -> int:
        # Whatever was trained before it, and by how many workers, a point gives the same numbers.
        return derived_seed(self._means.settings.seed, self.pipeline.name, prm_uid(prm), "point")

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
        asked: optuna.Trial,
    ) -> Attempt:
        trial = self._trial(number, prm, seed, device)
        try:
            trial_id = self._means.writer.begin(trial)
        except NumberTakenError:
            self._study.tell(asked, trial.uid, Outcome(State.ABANDONED, ()))
            raise
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
            keep=self._means.settings.keep_weights,
            initial=self._means.initial.file(trial.prm),
            parts=parts,
            left_out=self._left_out,
            data=self.data,
            recipe=self.recipe,
        )

    def _folder(self, uid: str) -> Path | None:
        return state_folder(self._means.checkpoints, uid) if self._means.checkpoints else None

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


def _scores(epochs: Sequence[Epoch]) -> list[tuple[int, float, float]]:
    return [(epoch.number, epoch.validation, epoch.accuracy) for epoch in epochs]
