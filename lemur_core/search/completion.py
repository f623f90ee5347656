"""Train a trial to its last epoch after the search, whatever an estimator or a pruner says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lemur_core.early_end import EARLY, EarlyEnd
from lemur_core.events import EpochEnded, TrialFinished, TrialStarted
from lemur_core.search.trial_resources import BaseAttempt
from lemur_core.store.writing.writer import TrialLostError
from lemur_core.trial import Epoch, Keep, Outcome, State, TrialDecision, best_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lemur_core.search.trial_resources import TrialResources
    from lemur_core.store.writing.past_trials import PastTrial
    from lemur_core.trial import Trial


def best_first(past: Iterable[PastTrial]) -> list[PastTrial]:
    """Return the trials that have epochs, the best by validation first."""
    return sorted((trial for trial in past if trial.epochs), key=_rank)


def end_of(past: PastTrial) -> EarlyEnd | None:
    """Return how a trial ended early, even if it continued afterwards; None if it did not."""
    if past.early_end is None and past.state in EARLY:
        return EarlyEnd(past.state, len(past.epochs), past.ended)
    return past.early_end


def _rank(past: PastTrial) -> tuple[float, int, int]:
    # As in `lemur_core.store.ranking`.
    best = best_of(past.epochs)
    return -best.validation, -best.number, past.id


class Completion(BaseAttempt):
    """The training of a trial that ended early, or of one that repeats a trial, to the last epoch.

    Args:
        trial_id: Id of the trial in the database.
        trial: The trial that is trained.
        base: The trial of the search: ``trial`` itself, or the one that it repeats, to its end or
            with another seed.
        resources: The resources of the campaign.
        was_stopped_here: Whether this campaign ended ``base`` early.

    Attributes:
        base: The trial of the search.
        was_stopped_here: Whether this campaign ended it early.
        trained: Number of epochs that this campaign trained.
    """

    def __init__(
        self,
        trial_id: int,
        trial: Trial,
        base: PastTrial,
        resources: TrialResources,
        *,
        was_stopped_here: bool,
    ) -> None:
        super().__init__(trial_id, trial, resources)
        self.base, self.was_stopped_here, self.trained = base, was_stopped_here, 0
        resources.watch(TrialStarted(trial, completes=True))

    @property
    def done(self) -> Outcome | None:
        """The outcome of a resumed trial that only lacked its end; None if epochs are missing."""
        if self._has_all:
            return Outcome(State.FINISHED, tuple(self._epochs))
        return None

    @property
    def continues(self) -> bool:
        """Whether the same trial continues, instead of another one that repeats it."""
        return self.trial.uid == self.base.uid

    def replaces_state(self, outcome: Outcome) -> bool:
        """Return whether the outcome replaces an outcome of the same trial in this campaign."""
        return self.continues and self.was_stopped_here and outcome.state is not State.FAILED

    def epoch_ended(self, epoch: Epoch) -> TrialDecision:
        """Record an epoch; only an interruption of the campaign ends the trial."""
        recorded = self._record(epoch)
        if recorded is None:
            return TrialDecision.INTERRUPT
        self.trained += 1
        self._resources.watch(EpochEnded(self.trial, recorded))
        is_over = self._resources.interruption.stops
        return TrialDecision.INTERRUPT if is_over else TrialDecision.GO_ON

    def ended(self, outcome: Outcome) -> Outcome:
        """Record and return the outcome; a trial that fails stays as it had ended early."""
        if self.continues:
            outcome = replace(outcome, prediction=self.base.prediction)
        try:
            if not self.lost:
                self._resources.writer.finish(self.trial_id, self._recorded(outcome))
        except TrialLostError as error:
            self.lost = str(error)
        if self.lost:
            outcome = Outcome(State.INTERRUPTED, tuple(self._epochs), self.lost)
        else:
            self._end_checkpoint(outcome.state, is_needed=self._may_continue(outcome.state))
        self._resources.watch(TrialFinished(self.trial, outcome))
        return outcome

    def _recorded(self, outcome: Outcome) -> Outcome:
        end = end_of(self.base)
        if (
            not self.continues
            or end is None
            or outcome.state in (State.FINISHED, State.INTERRUPTED)
        ):
            return outcome
        return replace(outcome, state=end.state)

    def _may_continue(self, state: State) -> bool:
        if state is State.FINISHED:
            return self._resources.settings.keep_checkpoints is not Keep.NO
        # After a failure, the next campaign can try again from the last epoch.
        return self.continues and state is State.FAILED
