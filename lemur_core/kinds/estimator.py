"""The contract of estimators, which predict a trial's final score.

An estimator's target is a callable ``make(history, **options)`` that returns an `Estimator` for one
trial. ``history`` is a `TrialHistory`, passed positionally. The options are the callable's
keyword-only parameters. Each has a default, whose type (bool, int, float or str) is the type of
the option. If a value is out of range, the callable raises `SettingsError`; `within` checks this.

Scores are scores on the validation split, 0 to 1, higher is better. The final score of a trial is
the highest score of its epochs, as `lemur_core.trial.best_of` defines it.

`lemur_core.options` parses what users write, for example ``peng4nn:threshold=0.5,window=3``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from lemur_core.errors import ContractError, SettingsError
from lemur_core.options import Selection, option_values


@dataclass(frozen=True)
class Curve:
    """A learning curve: the measurements of a trial after each epoch or part of an epoch.

    Attributes:
        epochs: The number of epochs trained at each measurement, increasing; may be fractional.
        scores: The validation score of each measurement, 0 to 1.
        losses: The loss of each measurement, None if it is unknown; empty if all are unknown.
        predicted: The final score that an estimator predicted when it stopped the trial, 0 to 1;
            None if the trial was trained to its end.
        hyperparameters: The known hyperparameters, by name.
        net: The name of the trial's net; empty if it is unknown.
    """

    epochs: tuple[float, ...]
    scores: tuple[float, ...]
    losses: tuple[float | None, ...] = ()
    predicted: float | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    net: str = ""

    @property
    def final(self) -> float:
        """The final score, 0 to 1: `predicted` if it is not None, otherwise the measured one."""
        return max(self.scores) if self.predicted is None else self.predicted

    def first(self, count: int) -> Curve:
        """Return the curve of the first ``count`` measurements."""
        return replace(
            self,
            epochs=self.epochs[:count],
            scores=self.scores[:count],
            losses=self.losses[:count],
        )

    def until(self, epoch: float) -> float | None:
        """Return the highest score up to an epoch, 0 to 1; None if there is no score by then."""
        measurements = zip(self.epochs, self.scores, strict=True)
        return max((score for time, score in measurements if time <= epoch), default=None)


@dataclass(frozen=True)
class TrialHistory:
    """What is known when a trial starts.

    Attributes:
        epochs: The number of epochs that the trial is to be trained for.
        chance: The score of guessing, 0 to 1, for example the share of the most common class.
        curves: The earlier trials on the same data with the same metric, in the order in which they
            ended. They include all nets that are searched together, but no failed trials.
        higher_is_better: Whether the metric's score rises as nets get better.
        seed: The trial's seed, which an estimator uses for its random numbers.
        hyperparameters: The trial's known hyperparameters, by name.
        net: The name of the trial's net; empty if it is unknown.
    """

    epochs: int
    chance: float = 0.0
    curves: Sequence[Curve] = ()
    higher_is_better: bool = True
    seed: int = 0
    hyperparameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    net: str = ""

    @property
    def same_net(self) -> list[Curve]:
        """The earlier trials of the same net; only their losses and hyperparameters compare."""
        return [curve for curve in self.curves if curve.net == self.net]

    @property
    def best(self) -> float | None:
        """The highest final score of the earlier trials, 0 to 1; None if there are none."""
        return max((curve.final for curve in self.curves), default=None)


Known = TrialHistory
"""An alias of `TrialHistory`."""


class Estimate(NamedTuple):
    """An estimator's prediction after a measurement.

    Attributes:
        converged: Whether the prediction is final, which means that the trial may be stopped.
        score: The predicted final score, 0 to 1; None if there is no prediction yet.
        lower: The lower bound of the 90 % interval of the final score, 0 to 1; None if the
            estimator gives no interval.
        upper: The upper bound of this interval, 0 to 1; None if there is none.
        probability: The probability that the final score exceeds those of all earlier trials, 0 to
            1; None if it is unknown.
        parameters: Numbers by name, for example the parameters of a fitted curve.
        reason: Why the estimator converged, in a few words; empty if it did not.
    """

    converged: bool
    score: float | None
    lower: float | None = None
    upper: float | None = None
    probability: float | None = None
    parameters: Mapping[str, float] = {}
    reason: str = ""

    def facts(self) -> dict[str, Any]:
        """Return the fields other than `converged` and `score`, without empty ones."""
        fields = self._asdict()
        del fields["converged"], fields["score"]
        fields["parameters"] = dict(self.parameters)
        return {name: value for name, value in fields.items() if value not in (None, {}, "")}


class Estimator(Protocol):
    """Predicts a trial's final score from its first epochs.

    Attributes:
        interval: The number of epochs between two calls of `update`: 1 divided by an integer.
    """

    interval: float

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction.

        Args:
            epoch: The number of epochs trained so far; increases from call to call.
            score: The validation score, 0 to 1.
            loss: The mean training loss, any number; None if it is unknown, for example in the
                middle of an epoch.
        """
        ...


Maker = Callable[[TrialHistory], Estimator]


def maker(target: Any, selection: Selection) -> Maker:
    """Return a function that makes an estimator, with the selected options, for each trial.

    Args:
        target: The target of the estimator's entry.
        selection: The estimator's name and options.

    Raises:
        ContractError: The target does not make an estimator.
        SettingsError: There is no such option, or a value is not of the option's type.
    """
    options = option_values("estimator", target, selection)
    return partial(_make, target, options, selection.name)


def parts_per_epoch(estimator: Estimator) -> int:
    """Return the number of parts that each epoch is divided into for an estimator.

    Raises:
        ContractError: The estimator's interval is not 1 divided by an integer.
    """
    interval = estimator.interval
    parts = round(1 / interval) if interval > 0 else 0
    if not parts or not math.isclose(parts * interval, 1, rel_tol=1e-6):
        raise ContractError(
            f"an estimator asks for scores every {interval:g} epochs; expected 1 divided by an "
            "integer: 1, 0.5, 0.25"
        )
    return parts


def _make(target: Any, options: Mapping[str, Any], name: str, history: TrialHistory) -> Estimator:
    if not history.higher_is_better:
        raise SettingsError(
            f"estimator {name!r}: the metric falls as nets get better; estimators need one that "
            "rises from 0 to 1, for example 1 - error"
        )
    estimator = target(history, **options)
    if not callable(getattr(estimator, "update", None)) or not hasattr(estimator, "interval"):
        raise ContractError(
            f"estimator {name!r}: gives {type(estimator).__name__}; expected an object with "
            "update(epoch, score, loss) and interval"
        )
    parts_per_epoch(estimator)
    return estimator  # type: ignore[no-any-return]


def within(name: str, value: float, least: float, most: float = math.inf) -> None:
    """Check the value of an estimator's option.

    Raises:
        SettingsError: The value is less than ``least``, more than ``most``, infinite, or NaN.
    """
    if not least <= value <= most or math.isinf(value):
        upper = "or more" if math.isinf(most) else f"to {most:g}"
        raise SettingsError(f"estimator option {name} is {value:g}; expected {least:g} {upper}")


def check_score(score: float) -> None:
    """Check that a score can be given to an estimator.

    Raises:
        SettingsError: The score is not between 0 and 1.
    """
    if not 0 <= score <= 1:
        raise SettingsError(
            f"an estimator was given the score {score:g}; expected 0 to 1, higher is better"
        )
