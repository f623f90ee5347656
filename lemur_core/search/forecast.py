"""Predict the final scores of trials with an estimator, and audit its predictions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_core.continuation import origin_in
from lemur_core.errors import LemurError, PluginError, error_text
from lemur_core.file_entry import named_entry
from lemur_core.kinds.estimator import (
    Curve,
    Estimate,
    Estimator,
    Maker,
    TrialHistory,
    maker,
    parts_per_epoch,
)
from lemur_core.options import read_selection
from lemur_core.search.study import derived_seed
from lemur_core.trial import Epoch, Outcome, Prediction, State, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings
    from lemur_core.store.writing.writer import PastTrial

# The number of values of `derived_seed`, which selects the trials to audit.
_SEEDS = 2**31


@dataclass
class EstimatorAudit:
    """Statistics of an estimator in a campaign.

    Attributes:
        estimator: Name of the estimator, with its options.
        stopped: Number of trials that it stopped.
        saved: Number of epochs by which these trials were shortened, without those by which some
            were continued after the search.
        expected: Number of epochs that all trials that ended well would have had without it.
        drawn: For each trial that was trained to the end for the audit, the predicted and the
            measured score.
        completed: The same for each trial that was stopped, in this campaign or an earlier one, and
            trained to the end after the search.
    """

    estimator: str
    stopped: int = 0
    saved: int = 0
    expected: int = 0
    drawn: list[tuple[float, float]] = field(default_factory=list)
    completed: list[tuple[float, float]] = field(default_factory=list)

    def take(self, outcome: Outcome, epochs: int) -> None:
        """Count the outcome of a trial that was to have `epochs` epochs."""
        if outcome.state not in (State.FINISHED, State.CONVERGED):
            return
        self.expected += epochs
        if outcome.state is State.CONVERGED:
            self.stopped += 1
            self.saved += epochs - len(outcome.epochs)
        elif outcome.prediction and outcome.prediction.audited and outcome.best:
            self.drawn.append((outcome.prediction.score, outcome.best.validation))

    def complete(
        self, prediction: Prediction, outcome: Outcome, trained: int, *, was_stopped_here: bool
    ) -> None:
        """Count a trial that was stopped and then continued.

        Args:
            prediction: The prediction because of which it was stopped.
            outcome: The outcome of the rest of its training.
            trained: Number of epochs that were trained after it was stopped.
            was_stopped_here: Whether this campaign stopped it.
        """
        if was_stopped_here:
            self.saved -= trained
        if outcome.state is State.FINISHED and outcome.best:
            self.completed.append((prediction.score, outcome.best.validation))


class Forecasting:
    """Creates the forecast of each trial of a campaign.

    Args:
        settings: The settings of the campaign.
        registry: The installed plugins.
        warn: Called with a line about each distinct error of the estimator.

    Attributes:
        audit: Statistics of the estimator.
        parts: The number of parts of an epoch after which the estimator wants a score.

    Raises:
        UnknownNameError: There is no such estimator.
        SettingsError: The estimator has no such options.
        ContractError: The entry is not an estimator.
        PluginError: The estimator cannot be created.
    """

    def __init__(self, settings: Settings, registry: Registry, warn: Callable[[str], None]) -> None:
        assert settings.estimator is not None
        selection = read_selection("estimator", settings.estimator)
        entry = named_entry(registry, "estimator", selection.name)
        self._make: Maker = maker(entry.load(), selection)
        self._settings, self._warn = settings, warn
        self._reported: set[str] = set()
        # Curves of ended trials by trial id, grouped by their data and metric.
        self._curves: defaultdict[tuple[str, ...], dict[int, Curve]] = defaultdict(dict)
        self.audit = EstimatorAudit(str(selection))
        # Invalid option values are reported before anything is trained.
        try:
            self.parts = parts_per_epoch(self._make(TrialHistory(settings.epochs)))
        except LemurError:
            raise
        # Foreign code may raise anything. Without the estimator, no trial would have a forecast.
        except Exception as error:
            why = error_text(error)
            raise PluginError(f"estimator {str(selection)!r} cannot be created: {why}") from error

    def remember(self, pipeline: Pipeline, past: Sequence[PastTrial]) -> None:
        """Add a pipeline's trials so far, for comparison with later trials on the same data."""
        curves = self._curves[_data_of(pipeline)]
        for past_trial in past:
            state = past_trial.state_in_search
            # A trial that was stopped may have been trained to its end since.
            is_new = past_trial.id not in curves or (
                state is State.FINISHED and curves[past_trial.id].predicted is not None
            )
            # The curve of a trial that continues another one lacks its beginning.
            is_whole = not past_trial.repeats and origin_in(past_trial.prm) is None
            if state in (State.FINISHED, State.CONVERGED) and is_new and is_whole:
                curves[past_trial.id] = curve_of(past_trial, pipeline.net)

    def of(self, trial: Trial, chance: float) -> Forecast:
        """Return the forecast of a trial.

        Args:
            trial: The trial.
            chance: Score of random guessing, 0 to 1.
        """
        curves = [curve for _, curve in sorted(self._curves[_data_of(trial.pipeline)].items())]
        history = TrialHistory(
            trial.epochs,
            chance,
            curves,
            seed=trial.seed,
            hyperparameters=trial.prm,
            net=trial.pipeline.net,
        )
        seed = derived_seed(self._settings.seed, trial.pipeline.name, trial.number, "audit")
        audited = seed < self._settings.audit * _SEEDS
        name = self.audit.estimator
        return Forecast(lambda: self._make(history), name, trial.epochs, audited, self._report)

    def _report(self, error: Exception) -> None:
        why = error_text(error)
        if why not in self._reported:
            self._reported.add(why)
            name = self.audit.estimator
            self._warn(f"estimator {name!r} raised {why}; trials continue without it")


class Forecast:
    """Feeds one trial's estimator until it converges.

    Args:
        make: Creates the estimator.
        name: Name of the estimator, with its options.
        epochs: Number of epochs that the trial is to have.
        audited: Whether the trial is trained to the end after its estimator converged.
        on_error: Called with an exception of the estimator, which is then not used again.

    Attributes:
        prediction: The final score that the estimator predicted; None until it converges.
    """

    def __init__(
        self,
        make: Callable[[], Estimator],
        name: str,
        epochs: int,
        audited: bool,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._make, self._name, self._epochs = make, name, epochs
        self._audited, self._on_error = audited, on_error
        self._estimator: Estimator | None = None
        self._has_failed = False
        self._highest = 0.0
        self.prediction: Prediction | None = None

    @property
    def stops(self) -> bool:
        """Whether the trial may stop."""
        return self.prediction is not None and not self.prediction.audited

    def take(self, epoch: Epoch) -> bool:
        """Pass an epoch to the estimator; return whether the trial may stop."""
        for at, score, loss in _points(epoch):
            self._highest = max(self._highest, score)
            # At the last epoch the score is measured, so there is nothing to predict.
            if self.prediction is None and not self._has_failed and at < self._epochs:
                self._update(at, score, loss)
        return self.stops

    def _update(self, at: float, score: float, loss: float | None) -> None:
        try:
            self._estimator = self._estimator or self._make()
            estimate = self._estimator.update(at, score, loss)
            if estimate.converged:
                self.prediction = self._prediction(estimate, at)
        # An error in a foreign estimator must not end the training.
        except Exception as error:
            self._has_failed = True
            self._on_error(error)

    def _prediction(self, estimate: Estimate, at: float) -> Prediction:
        # If an estimator stops a trial without a prediction, the best score so far counts.
        score = self._highest if estimate.score is None else estimate.score
        if not 0 <= score <= 1:
            raise ForecastError(f"it predicts {score}; expected 0 to 1")
        return Prediction(float(score), at, self._name, estimate.facts(), self._audited)


class ForecastError(LemurError, ValueError):
    """An estimator predicted a value that is not a score."""


def _data_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the attributes that trials must share for their scores to be comparable."""
    return pipeline.task, pipeline.dataset, pipeline.metric


def curve_of(past: PastTrial, net: str) -> Curve:
    """Return the learning curve of an ended trial of a net."""
    points = [point for epoch in past.epochs for point in _points(epoch)]
    stopped = past.state_in_search is State.CONVERGED
    return Curve(
        tuple(at for at, _, _ in points),
        tuple(score for _, score, _ in points),
        tuple(loss for _, _, loss in points),
        past.predicted if stopped else None,
        past.prm,
        net,
    )


def _points(epoch: Epoch) -> Iterator[tuple[float, float, float | None]]:
    """Yield the number of epochs, the validation score, and the loss or None, for each point."""
    yield from ((at, score, None) for at, score in epoch.within)
    yield float(epoch.number), epoch.validation, epoch.loss
