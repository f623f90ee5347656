"""Validate the messages of a trial; the process that trains it may send anything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lemur_core.errors import FactError
from lemur_core.fact import check_facts
from lemur_core.train.attempt import ENDS, REASON_LENGTH, TRACEBACK_LENGTH
from lemur_core.train.messages import Message, MessageError
from lemur_core.trial import Epoch, Outcome, State, Trial, TrialDecision

if TYPE_CHECKING:
    from collections.abc import Iterable

# The largest value of an integer column of a database.
_LARGEST_INTEGER = 2**63 - 1


class Conversation:
    """Checks each message of one trial against those before it.

    Args:
        trial: The trial; its ``done`` epochs were trained before.

    Attributes:
        epochs: The trial's epochs so far, those that it resumed from included.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial, self._decision = trial, TrialDecision.GO_ON
        self.epochs = list(trial.done)
        self._is_answered = True

    def take(self, message: Message) -> Epoch | Outcome:
        """Return an epoch, or an outcome with all epochs of the trial.

        Raises:
            MessageError: The message is invalid, or not allowed at this point; the text says why.
        """
        if not self._is_answered:
            raise MessageError("it sent another message before the answer")
        if isinstance(message, Epoch):
            self._check_epoch(message)
            self.epochs.append(message)
            self._is_answered = False
            return message
        if not isinstance(message, Outcome):
            raise MessageError
        self._check_outcome(message)
        return Outcome(**vars(message) | {"epochs": tuple(self.epochs)})

    def answered(self, decision: TrialDecision) -> None:
        """Record the decision on the last epoch."""
        self._decision, self._is_answered = decision, True

    def _check_epoch(self, epoch: Epoch) -> None:
        expected = self._last + 1
        if epoch.number != expected or expected > self._trial.epochs or self._is_to_end:
            expectation = "none" if self._is_over else f"epoch {expected}"
            raise MessageError(f"it sent epoch {epoch.number}; expected {expectation}")
        before_ns = self.epochs[-1].duration_ns if self.epochs else 0
        if not before_ns <= epoch.duration_ns <= _LARGEST_INTEGER:
            raise MessageError(f"epoch {expected} ended before it began")
        if not all(map(math.isfinite, _scores(epoch))):
            raise MessageError(f"a score or loss of epoch {expected} is not finite")
        if set(epoch.scores) != set(self._trial.pipeline.also):
            raise MessageError(
                f"the scores of epoch {expected} do not match the pipeline's metrics"
            )
        self._check_parts_and_facts(epoch)

    def _check_parts_and_facts(self, epoch: Epoch) -> None:
        parts = [at for at, _ in epoch.within]
        within = all(0 < epoch.number - at < 1 for at in parts)
        if not within or sorted(set(parts)) != parts or len(parts) >= max(1, self._trial.parts):
            raise MessageError(f"the parts of epoch {epoch.number} are invalid")
        size = epoch.size
        numbers = (size.parameters, *size.in_shape, *size.out_shape) if size else ()
        if not all(0 <= number <= _LARGEST_INTEGER for number in numbers):
            raise MessageError("the net's size is invalid")
        try:
            check_facts(epoch.facts)
        except FactError as error:
            raise MessageError(str(error)) from error

    @property
    def _is_to_end(self) -> bool:
        return self._decision in ENDS

    @property
    def _last(self) -> int:
        """Number of the last epoch so far."""
        return self._trial.first - 1 + len(self.epochs)

    @property
    def _is_over(self) -> bool:
        return self._is_to_end or self._last >= self._trial.epochs

    def _check_outcome(self, outcome: Outcome) -> None:
        if len(outcome.reason) > REASON_LENGTH or len(outcome.traceback) > TRACEBACK_LENGTH:
            raise MessageError("its reason or traceback is too long")
        if outcome.state not in self._possible():
            raise MessageError(
                f"it reported {outcome.state.value!r} after epoch {self._last} of "
                f"{self._trial.epochs}"
            )

    def _possible(self) -> set[State]:
        """Return the states in which the trial can end at this point."""
        if self._last >= self._trial.epochs:
            return {State.FINISHED, State.FAILED}
        if self._is_to_end:
            return {ENDS[self._decision]}
        is_resumed = bool(self._trial.done) and len(self.epochs) == len(self._trial.done)
        return {State.FAILED} | ({State.ABANDONED} if is_resumed else set())


def _scores(epoch: Epoch) -> Iterable[float]:
    yield from (epoch.validation, epoch.accuracy)
    yield from (loss for loss in (epoch.loss, epoch.validation_loss) if loss is not None)
    for pair in epoch.scores.values():
        yield from pair
    for _, score in epoch.within:
        yield score
