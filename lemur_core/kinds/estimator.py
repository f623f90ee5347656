"""Estimators of a trial's final score: the contract.

An estimator's target is a callable ``make(known, **options)`` that returns an `Estimator` for one
trial. ``known`` is a `TrialHistory`, what is known when the trial begins; the options are its
keyword-only parameters, each with a default, whose type, bool, int, float or str, is that of the
option.
A value out of range raises `SettingsError`; `within` checks it.

Scores are of the validation split, 0 to 1, higher is better. The final score of a trial is the
highest of its epochs, as `lemur_core.trial.best_of` says.

`lemur_core.options` reads what people write, ``peng4nn:threshold=0.5,window=3``.
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
    """How a trial went: what was measured after each epoch, or part of one.

    Attributes:
        epochs: How much was trained by then, in epochs; rising.
        scores: The validation score at each, 0 to 1.
        losses: A loss at each, None where it is not known; or none at all.
        predicted: The final score that an estimator settled on, 0 to 1, where it ended the trial;
            None where the trial was trained to its end.
        hyperparameters: Each one's value, as far as they are known.
        net: The name of its net; empty where that is not known.
    """

    epochs: tuple[float, ...]
    scores: tuple[float, ...]
    losses: tuple[float | None, ...] = ()
    predicted: float | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    net: str = ""

    @property
    def final(self) -> float:
        """The final score, 0 to 1, measured or else predicted."""
        return max(self.scores) if self.predicted is None else self.predicted

    def first(self, count: int) -> Curve:
        """Return the curve of its first so many scores."""
        return replace(
            self,
            epochs=self.epochs[:count],
            scores=self.scores[:count],
            losses=self.losses[:count],
        )

    def until(self, epoch: float) -> float | None:
        """Return the highest score up to an epoch, 0 to 1; None where there is none so early."""
        early = [score for at, score in zip(self.epochs, self.scores, strict=True) if at <= epoch]
        return max(early, default=None)


@dataclass(frozen=True)
class TrialHistory:
    """What is known when a trial begins.

    Attributes:
        epochs: How many it is to be trained for.
        chance: Score of guessing, 0 to 1: the share of the commonest class, say.
        curves: Trials on the same data, by the same metric, that have ended before, in their order:
            of all nets that are searched together, but none that failed.
        higher_is_better: Whether the metric's score rises as nets get better.
        seed: The trial's; what an estimator draws, it draws by this.
        hyperparameters: The trial's, each one's value, as far as they are known.
        net: The name of the trial's net, as `Curve` has it.
    """

    epochs: int
    chance: float = 0.0
    curves: Sequence[Curve] = ()
    higher_is_better: bool = True
    seed: int = 0
    hyperparameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    net: str = ""

    @property
    def of_its_net(self) -> list[Curve]:
        """The earlier trials of the same net, whose losses and hyperparameters mean the same."""
        return [curve for curve in self.curves if curve.net == self.net]

    @property
    def best(self) -> float | None:
        """The highest final score of the earlier trials, 0 to 1; None where there are none."""
        return max((curve.final for curve in self.curves), default=None)


Known = TrialHistory
"""Another name of `TrialHistory`."""


class Estimate(NamedTuple):
    """What an estimator believes after an epoch.

    Attributes:
        converged: Whether its prediction has settled, so that the trial may stop.
        score: The predicted final score, 0 to 1; None while it has none.
        lower: Where the final score lies with a probability of 0.9, from here, 0 to 1.
        upper: Likewise, to here. None where the estimator gives no interval.
        probability: That the final score exceeds those of all earlier trials, 0 to 1.
        parameters: Numbers by name, those of a fitted curve say.
        reason: Why it converged, in some words.
    """

    converged: bool
    score: float | None
    lower: float | None = None
    upper: float | None = None
    probability: float | None = None
    parameters: Mapping[str, float] = {}
    reason: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what it says beside `converged` and `score`, without what it does not say."""
        rest = self._asdict()
        del rest["converged"], rest["score"]
        rest["parameters"] = dict(self.parameters)
        return {name: value for name, value in rest.items() if value not in (None, {}, "")}


class Estimator(Protocol):
    """Predicts a trial's final score from its first epochs.

    Attributes:
        interval: How often it is to be told, in epochs: 1 over a whole number.
    """

    interval: float

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed.

        Args:
            epoch: How much was trained, in epochs; rises from call to call.
            score: The validation score, 0 to 1.
            loss: The mean training loss, any number; None where it is not known, in the middle of
                an epoch say.
        """
        ...


Maker = Callable[[TrialHistory], Estimator]


def maker(target: Any, selection: Selection) -> Maker:
    """Return what makes an estimator for each trial, with the options that were given.

    Args:
        target: Of the estimator's entry.
        selection: Its name and options.

    Raises:
        ContractError: The target is no estimator's.
        SettingsError: It has no such option, or a value is not of its type.
    """
    options = option_values("estimator", target, selection)
    return partial(_made, target, options, selection.name)


def parts_of(estimator: Estimator) -> int:
    """Return in how many parts each epoch is cut for an estimator.

    Raises:
        ContractError: Its interval is not 1 over a whole number.
    """
    interval = estimator.interval
    parts = round(1 / interval) if interval > 0 else 0
    if not parts or not math.isclose(parts * interval, 1, rel_tol=1e-6):
        raise ContractError(
            f"an estimator asks for scores every {interval:g} epochs; expected 1 over a whole "
            "number: 1, 0.5, 0.25"
        )
    return parts


def _made(target: Any, options: Mapping[str, Any], name: str, known: TrialHistory) -> Estimator:
    if not known.higher_is_better:
        raise SettingsError(
            f"estimator {name!r}: the metric falls as nets get better; estimators need one that "
            "rises, from 0 to 1: 1 - error, say"
        )
    made = target(known, **options)
    if not callable(getattr(made, "update", None)) or not hasattr(made, "interval"):
        raise ContractError(
            f"estimator {name!r}: gives {type(made).__name__}; expected an object with "
            "update(epoch, score, loss) and interval"
        )
    parts_of(made)
    return made  # type: ignore[no-any-return]


def within(name: str, value: float, least: float, most: float = math.inf) -> None:
    """Check an option's value.

    Raises:
        SettingsError: It is less than ``least``, more than ``most``, or not a number.
    """
    if not least <= value <= most or math.isinf(value):
        upper = "or more" if math.isinf(most) else f"to {most:g}"
        raise SettingsError(f"estimator option {name} is {value:g}; expected {least:g} {upper}")


def check_score(score: float) -> None:
    """Check that a score is one that an estimator can work with.

    Raises:
        SettingsError: It is not from 0 to 1.
    """
    if not 0 <= score <= 1:
        raise SettingsError(
            f"an estimator was given the score {score:g}; expected 0 to 1, higher is better"
        )
