"""What a campaign's estimator says of its trials: when they may stop, and how true that was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_core.errors import LemurError, PluginError
from lemur_core.kinds.estimator import (
    Curve,
    Estimate,
    Estimator,
    Maker,
    TrialHistory,
    maker,
    parts_of,
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

# Of `derived_seed`, which an audit is drawn by.
_SEEDS = 2**31


@dataclass
class EstimatorAudit:
    """How an estimator did in a campaign.

    Attributes:
        estimator: Its name, with the options that were given.
        stopped: How many trials it stopped.
        spared: How many epochs these were not trained for.
        asked: How many epochs all trials would have had that ended well.
        drawn: Of trials that were trained on for it, what was predicted and what they came to.
    """

    estimator: str
    stopped: int = 0
    spared: int = 0
    asked: int = 0
    drawn: list[tuple[float, float]] = field(default_factory=list)

    def take(self, outcome: Outcome, epochs: int) -> None:
        """Count how a trial ended that was asked for so many epochs."""
        if outcome.state not in (State.FINISHED, State.CONVERGED):
            return
        self.asked += epochs
        if outcome.state is State.CONVERGED:
            self.stopped += 1
            self.spared += epochs - len(outcome.epochs)
        elif outcome.prediction and outcome.prediction.audited and outcome.best:
            self.drawn.append((outcome.prediction.score, outcome.best.validation))


class Forecasting:
    """Gives each trial of a campaign an estimator.

    Args:
        settings: The campaign's.
        registry: What is installed.
        warn: Told why an estimator is not listened to, once.

    Attributes:
        audit: How it does.
        parts: In how many parts it wants each epoch to be scored.

    Raises:
        UnknownNameError: There is no such estimator.
        SettingsError: It has no such options.
        ContractError: It is none.
        PluginError: It cannot be made.
    """

    def __init__(self, settings: Settings, registry: Registry, warn: Callable[[str], None]) -> None:
        assert settings.estimator is not None
        selection = read_selection("estimator", settings.estimator)
        entry = registry.get("estimator", selection.name)
        self._make: Maker = maker(entry.load(), selection)
        self._settings, self._warn = settings, warn
        self._said: set[str] = set()
        # Of each trial that has ended, by its id, those on the same data together.
        self._curves: defaultdict[tuple[str, ...], dict[int, Curve]] = defaultdict(dict)
        self.audit = EstimatorAudit(str(selection))
        # What an option's value should be is said before anything is trained.
        try:
            self.parts = parts_of(self._make(TrialHistory(settings.epochs)))
        except LemurError:
            raise
        # A stranger's code may raise anything; without it, the trials would be no forecast's.
        except Exception as error:
            why = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise PluginError(f"estimator {str(selection)!r} cannot be made: {why}") from error

    def remember(self, pipeline: Pipeline, past: Sequence[PastTrial]) -> None:
        """Take the trials of a pipeline so far, which those on the same data are compared with."""
        curves = self._curves[_data_of(pipeline)]
        for one in past:
            if one.state in (State.FINISHED, State.CONVERGED) and one.id not in curves:
                curves[one.id] = curve_of(one, pipeline.net)

    def of(self, trial: Trial, chance: float) -> Forecast:
        """Return what listens to a trial's estimator.

        Args:
            trial: The trial.
            chance: Score of guessing, 0 to 1.
        """
        curves = [curve for _, curve in sorted(self._curves[_data_of(trial.pipeline)].items())]
        known = TrialHistory(
            trial.epochs,
            chance,
            curves,
            seed=trial.seed,
            hyperparameters=trial.prm,
            net=trial.pipeline.net,
        )
        drawn = derived_seed(self._settings.seed, trial.pipeline.name, trial.number, "audit")
        audited = drawn < self._settings.audit * _SEEDS
        name = self.audit.estimator
        return Forecast(lambda: self._make(known), name, trial.epochs, audited, self._deaf)

    def _deaf(self, error: Exception) -> None:
        why = f"{type(error).__name__}: {error}".partition("\n")[0]
        if why not in self._said:
            self._said.add(why)
            self._warn(f"estimator {self.audit.estimator!r} raised {why}; trials go on without it")


class Forecast:
    """Listens to one trial's estimator until it settles.

    Args:
        make: Makes the estimator.
        name: Of the estimator, with its options.
        epochs: How many the trial is asked for.
        audited: Whether the trial is trained on when it has settled.
        deaf: Told what it raises, after which it is not asked again.

    Attributes:
        prediction: What it settled on; None until it does.
    """

    def __init__(
        self,
        make: Callable[[], Estimator],
        name: str,
        epochs: int,
        audited: bool,
        deaf: Callable[[Exception], None],
    ) -> None:
        self._make, self._name, self._epochs = make, name, epochs
        self._audited, self._deaf = audited, deaf
        self._estimator: Estimator | None = None
        self._is_deaf = False
        self._highest = 0.0
        self.prediction: Prediction | None = None

    @property
    def stops(self) -> bool:
        """Whether the trial may stop."""
        return self.prediction is not None and not self.prediction.audited

    def take(self, epoch: Epoch) -> bool:
        """Tell an epoch; return whether the trial may stop."""
        for at, score, loss in _points(epoch):
            self._highest = max(self._highest, score)
            # What a trial came to at its end is measured, and nothing is left to predict.
            if self.prediction is None and not self._is_deaf and at < self._epochs:
                self._ask(at, score, loss)
        return self.stops

    def _ask(self, at: float, score: float, loss: float | None) -> None:
        try:
            self._estimator = self._estimator or self._make()
            estimate = self._estimator.update(at, score, loss)
            if estimate.converged:
                self.prediction = self._settled(estimate, at)
        # A stranger's estimator must not end the training that it looks at.
        except Exception as error:
            self._is_deaf = True
            self._deaf(error)

    def _settled(self, estimate: Estimate, at: float) -> Prediction:
        # What stops a trial and predicts nothing takes it at its best.
        score = self._highest if estimate.score is None else estimate.score
        if not 0 <= score <= 1:
            raise ForecastError(f"it predicts {score}; expected 0 to 1")
        return Prediction(float(score), at, self._name, estimate.facts(), self._audited)


class ForecastError(LemurError, ValueError):
    """An estimator's prediction that is no score."""


def _data_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Return what trials have to share so that their scores can be compared."""
    return pipeline.task, pipeline.dataset, pipeline.metric


def curve_of(past: PastTrial, net: str) -> Curve:
    """Return how a trial of a net went that has ended."""
    points = [point for epoch in past.epochs for point in _points(epoch)]
    stopped = past.state is State.CONVERGED
    return Curve(
        tuple(at for at, _, _ in points),
        tuple(score for _, score, _ in points),
        tuple(loss for _, _, loss in points),
        past.predicted if stopped else None,
        past.prm,
        net,
    )


def _points(epoch: Epoch) -> Iterator[tuple[float, float, float | None]]:
    """Yield how much was trained, the validation score by then, and the loss where it is known."""
    yield from ((at, score, None) for at, score in epoch.within)
    yield float(epoch.number), epoch.validation, epoch.loss
