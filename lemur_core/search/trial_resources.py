"""One trial under way: what it tells is recorded, shown, and told to the search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lemur_core.errors import FactError
from lemur_core.events import EpochEnded, TrialFinished, TrialStarted, Warned, Watch
from lemur_core.store.writing.writer import TrialLostError, Writer
from lemur_core.train.states import remove_states
from lemur_core.trial import Epoch, Outcome, State, Trial, TrialDecision

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
    """What every study of a campaign needs.

    Attributes:
        settings: The campaign's.
        writer: Of the database.
        bundles: The data.
        checkpoints: Folder of the trials' states; None keeps none.
        weights: Folder of the weights that are kept of trials; None keeps none.
        interruption: Whether to stop.
        watch: Told what happens.
        initial: The files of weights that trials begin with.
        forecasting: Of its estimator; None where it has none.
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


def record_epoch(means: TrialResources, trial_id: int, epoch: Epoch) -> Epoch:
    """Record an epoch, without the facts of plugins if these clash with others; return it."""
    try:
        means.writer.record(trial_id, epoch)
    except FactError as error:
        means.watch(Warned(f"facts of epoch {epoch.number} are left out: {error}"))
        epoch = replace(epoch, facts={})
        means.writer.record(trial_id, epoch)
    return epoch


class Attempt:
    """A trial that a worker trains.

    Args:
        trial_id: Of the trial in the database.
        trial: The trial.
        study: The search that proposed it.
        asked: The proposal, as the search knows it.
        means: The campaign's.
        forecast: Of its estimator; None where it has none.

    Attributes:
        lost: Who took the trial over while it was trained here; empty while nobody did.
    """

    lost = ""

    def __init__(
        self,
        trial_id: int,
        trial: Trial,
        study: Study,
        asked: optuna.Trial,
        means: TrialResources,
        forecast: Forecast | None = None,
    ) -> None:
        self.trial_id, self.trial = trial_id, trial
        self._study, self._asked, self._means = study, asked, means
        self._forecast, self._epochs = forecast, list(trial.done)
        means.watch(TrialStarted(trial))
        for epoch in trial.done:
            self._may_stop(epoch)

    @property
    def done(self) -> Outcome | None:
        """How it ended, where of a trial that was gone on with only its end is missing."""
        if len(self._epochs) == self.trial.epochs:
            return Outcome(State.FINISHED, tuple(self._epochs))
        if self._forecast and self._forecast.stops:
            return Outcome(State.CONVERGED, tuple(self._epochs))
        return None

    def epoch_ended(self, epoch: Epoch) -> TrialDecision:
        """Record an epoch and say whether to go on."""
        try:
            epoch = record_epoch(self._means, self.trial_id, epoch)
        except TrialLostError as error:
            self.lost = str(error)
            return TrialDecision.INTERRUPT
        self._epochs.append(epoch)
        self._means.watch(EpochEnded(self.trial, epoch))
        may_stop = self._may_stop(epoch)
        if self._means.interruption.asked:
            return TrialDecision.INTERRUPT
        if self._study.report(self._asked, epoch):
            return TrialDecision.PRUNE
        return TrialDecision.CONVERGE if may_stop else TrialDecision.GO_ON

    def _may_stop(self, epoch: Epoch) -> bool:
        return self._forecast is not None and self._forecast.take(epoch)

    def ended(self, outcome: Outcome) -> Outcome:
        """Record how the trial ended, and return that with what was predicted of it.

        Of one that was lost nothing is recorded, and its state stays for whoever took it over.
        """
        if self._forecast:
            outcome = replace(outcome, prediction=self._forecast.prediction)
        if not self.lost:
            try:
                self._means.writer.finish(self.trial_id, outcome)
            except TrialLostError as error:
                self.lost = str(error)
        if self.lost:
            outcome = Outcome(State.INTERRUPTED, tuple(self._epochs), self.lost)
            self._study.forget(self._asked)
            self._means.watch(TrialFinished(self.trial, outcome))
            return outcome
        if self.trial.checkpoint and outcome.state is not State.INTERRUPTED:
            remove_states(self.trial.checkpoint)
        self._study.tell(self._asked, self.trial.uid, outcome)
        self._means.watch(TrialFinished(self.trial, outcome))
        return outcome

    def stopped(self) -> Outcome:
        """Return how it ended where it was stopped, to go on when the command is given again."""
        return Outcome(State.INTERRUPTED, tuple(self._epochs), "interrupted")
