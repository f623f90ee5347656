"""Run one trial: record its epochs, report them to the user and pass them to the search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lemur_core.early_end import EARLY
from lemur_core.errors import FactError
from lemur_core.events import EpochEnded, TrialFinished, TrialStarted, Warned, Watch
from lemur_core.store.writing.writer import TrialLostError, Writer
from lemur_core.train.checkpoint import remove_older
from lemur_core.train.checkpoint_folders import remove_checkpoints
from lemur_core.trial import Epoch, Keep, Outcome, State, Trial, TrialDecision

if TYPE_CHECKING:
    from pathlib import Path

    import optuna

    from lemur_core.initial_weights import InitialWeights
    from lemur_core.search.forecast import Forecast, Forecasting
    from lemur_core.search.study import Study
    from lemur_core.settings import Settings
    from lemur_core.train.data import Bundles
    from lemur_core.train.interruption import Interruption


@dataclass(frozen=True)
class TrialResources:
    """The resources that all studies of a campaign share.

    Attributes:
        settings: The settings of the campaign.
        writer: Writes to the database.
        bundles: The data.
        checkpoints: Folder of the trials' checkpoints; None saves none.
        weights: Folder of the trials' weights; None saves none.
        interruption: Tells whether to stop.
        watch: Called with each event.
        initial: The files of initial weights.
        forecasting: Creates forecasts with the campaign's estimator; None if it has none.
    """

    settings: Settings
    writer: Writer
    bundles: Bundles
    checkpoints: Path | None
    weights: Path | None
    interruption: Interruption
    watch: Watch
    initial: InitialWeights
    forecasting: Forecasting | None = None


def record_epoch(resources: TrialResources, trial_id: int, epoch: Epoch) -> Epoch:
    """Record and return an epoch, omitting plugins' facts if they conflict with recorded ones."""
    try:
        resources.writer.record(trial_id, epoch)
    except FactError as error:
        resources.watch(Warned(f"facts of epoch {epoch.number} are left out: {error}"))
        epoch = replace(epoch, facts={})
        resources.writer.record(trial_id, epoch)
    return epoch


class BaseAttempt:
    """A trial that a worker trains, and whose epochs are recorded.

    Args:
        trial_id: Id of the trial in the database.
        trial: The trial.
        resources: The resources of the campaign.

    Attributes:
        lost: Says who took the trial over while it was trained here; empty if nobody did.
    """

    lost = ""

    def __init__(self, trial_id: int, trial: Trial, resources: TrialResources) -> None:
        self.trial_id, self.trial, self._resources = trial_id, trial, resources
        self._epochs = list(trial.done)

    @property
    def done(self) -> Outcome | None:
        """The outcome of a resumed trial that only lacked its end; None if epochs are missing."""
        raise NotImplementedError

    def epoch_ended(self, epoch: Epoch) -> TrialDecision:
        """Record an epoch and decide how the trial continues."""
        raise NotImplementedError

    def ended(self, outcome: Outcome) -> Outcome:
        """Record and return the trial's outcome."""
        raise NotImplementedError

    def interrupted(self) -> Outcome:
        """Return the outcome of an interrupted trial, which the same command can resume."""
        return Outcome(State.INTERRUPTED, tuple(self._epochs), "interrupted")

    def _end_checkpoint(self, state: State, *, is_needed: bool) -> None:
        """Remove what an ended trial no longer needs of its checkpoints."""
        if self.trial.checkpoint is None or state is State.INTERRUPTED:
            return
        if is_needed:
            remove_older(self.trial.checkpoint)
        else:
            remove_checkpoints(self.trial.checkpoint)

    @property
    def _has_all(self) -> bool:
        return bool(self._epochs) and self._epochs[-1].number == self.trial.epochs

    def _record(self, epoch: Epoch) -> Epoch | None:
        """Record an epoch and return it; return None if the trial was lost."""
        try:
            recorded = record_epoch(self._resources, self.trial_id, epoch)
        except TrialLostError as error:
            self.lost = str(error)
            return None
        self._epochs.append(recorded)
        return recorded


class Attempt(BaseAttempt):
    """A trial that a study proposed.

    Args:
        trial_id: Id of the trial in the database.
        trial: The trial.
        study: The study that proposed it.
        proposal: The study's proposal.
        resources: The resources of the campaign.
        forecast: The forecast of the trial; None if there is no estimator.
    """

    def __init__(
        self,
        trial_id: int,
        trial: Trial,
        study: Study,
        proposal: optuna.Trial,
        resources: TrialResources,
        forecast: Forecast | None = None,
    ) -> None:
        super().__init__(trial_id, trial, resources)
        self._study, self._proposal, self._forecast = study, proposal, forecast
        resources.watch(TrialStarted(trial))
        for epoch in trial.done:
            self._may_stop(epoch)

    @property
    def done(self) -> Outcome | None:
        """The outcome of a resumed trial that only lacked its end; None if epochs are missing."""
        if self._has_all:
            return Outcome(State.FINISHED, tuple(self._epochs))
        if self._forecast and self._forecast.stops:
            return Outcome(State.CONVERGED, tuple(self._epochs))
        return None

    def epoch_ended(self, epoch: Epoch) -> TrialDecision:
        """Record an epoch and decide how the trial continues."""
        recorded = self._record(epoch)
        if recorded is None:
            return TrialDecision.INTERRUPT
        self._resources.watch(EpochEnded(self.trial, recorded))
        may_stop = self._may_stop(recorded)
        if self._resources.interruption.stops:
            return TrialDecision.INTERRUPT
        if self._study.report(self._proposal, recorded):
            return TrialDecision.PRUNE
        return TrialDecision.CONVERGE if may_stop else TrialDecision.GO_ON

    def _may_stop(self, epoch: Epoch) -> bool:
        return self._forecast is not None and self._forecast.take(epoch)

    def ended(self, outcome: Outcome) -> Outcome:
        """Record and return the trial's outcome, with the prediction of its estimator.

        The outcome of a lost trial is not recorded, and its checkpoint is left to the new owner.
        """
        if self._forecast:
            outcome = replace(outcome, prediction=self._forecast.prediction)
        if not self.lost:
            try:
                self._resources.writer.finish(self.trial_id, outcome)
            except TrialLostError as error:
                self.lost = str(error)
        if self.lost:
            outcome = Outcome(State.INTERRUPTED, tuple(self._epochs), self.lost)
            self._study.forget(self._proposal)
            self._resources.watch(TrialFinished(self.trial, outcome))
            return outcome
        self._end_checkpoint(outcome.state, is_needed=self._may_continue(outcome.state))
        self._study.tell(self._proposal, self.trial.uid, outcome)
        self._resources.watch(TrialFinished(self.trial, outcome))
        return outcome

    def _may_continue(self, state: State) -> bool:
        settings, is_early = self._resources.settings, state in EARLY
        is_kept = settings.keep_checkpoints is not Keep.NO and (is_early or state is State.FINISHED)
        return is_kept or (is_early and settings.finish_best > 0)
