"""Validate the reports of a net's process, and add them to the verdict."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lemur_check.plausible import (
    ImplausibleError,
    Span,
    number_of,
    prm_of,
    text_of,
    whole_number_of,
)
from lemur_check.verdict import STEPS, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUN = STEPS[STEPS.index("import") :]
_REASON_LENGTH, _TRACEBACK_LENGTH = 500, 8_000
# How error messages of Python and torch begin when memory is short.
_SHORT_OF_MEMORY = re.compile(r"MemoryError\b|OutOfMemoryError\b|.*: can't allocate memory")


class Cause(StrEnum):
    """Why a net's process ended before the net was finished.

    Attributes:
        NET: The net itself: it exited, crashed, wrote too much output or broke the protocol.
        TIME: It exceeded the time limit.
        MEMORY: It exceeded the memory limit.
        LOST: The process was killed, as the kernel does when memory is short, or its box ended.
    """

    NET = "net"
    TIME = "time"
    MEMORY = "memory"
    LOST = "lost"

    @property
    def is_limit(self) -> bool:
        """Whether the net may get further with greater limits or on another machine."""
        return self is not Cause.NET


@dataclass(frozen=True)
class RunResult:
    """The result of running a net.

    Attributes:
        messages: The output of its process, line by line.
        reason: Why it did not finish; empty if it did.
        cause: What ended it, if there is a reason.
    """

    messages: Sequence[str]
    reason: str = ""
    cause: Cause = Cause.NET


@dataclass(frozen=True)
class Bounds:
    """Bounds on what a net's process can truthfully report.

    Attributes:
        epochs: Number of epochs to train.
        prm: The given hyperparameters.
        seconds: Duration of the run, measured outside the process.
        parameters: Greatest possible number of parameters; None if memory is not limited.
        lines: Number of lines of the source.
    """

    epochs: int
    prm: Mapping[str, Any]
    seconds: float
    parameters: int | None
    lines: int


def conclude(verdict: Verdict, result: RunResult, bounds: Bounds) -> Verdict:
    """Return a verdict with the result of running the net."""
    report = _Report(bounds)
    fault = ""
    try:
        for line in result.messages:
            report.take(_message(line))
    except ImplausibleError as error:
        fault = f"its process reported {error}"
    reason = report.facts.pop("reason", "")
    cause = Cause.MEMORY if _SHORT_OF_MEMORY.match(reason) else Cause.NET
    if not reason:
        reason, cause = result.reason or fault, result.cause if result.reason else Cause.NET
    if not reason and not report.is_done:
        reason = "its process ended before it was finished"
    limit = cause.value if cause.is_limit else ""
    return replace(verdict, **report.facts, valid=not reason, reason=reason, limit=limit)


@dataclass
class _Report:
    """Checks the messages of a process, in the order of `lemur_check.steps`.

    Attributes:
        facts: The reported fields of a verdict.
        is_done: Whether the process reported that it finished the last requested step.
    """

    bounds: Bounds
    facts: dict[str, Any] = field(default_factory=dict)
    is_done: bool = False
    _steps_begun: int = 0
    _epochs: int = 0

    def take(self, message: Mapping[str, Any]) -> None:
        """Check and add a message.

        Raises:
            ImplausibleError: The message cannot be true, or cannot come at this point.
        """
        if self.is_done or "reason" in self.facts:
            raise ImplausibleError("a message after its end")
        if "failed" in message:
            self._fail(message)
        elif "step" in message:
            self._begin(message)
        elif "epoch" in message:
            self._score(message["epoch"])
        elif message.get("done") is True:
            self._end()
        else:
            raise ImplausibleError("a message of an unknown kind")

    @property
    def _last(self) -> str:
        return _RUN[-1] if self.bounds.epochs else _RUN[-2]

    @property
    def _step(self) -> str:
        return _RUN[self._steps_begun - 1] if self._steps_begun else ""

    def _fail(self, message: Mapping[str, Any]) -> None:
        reason = text_of("failure", message["failed"]).partition("\n")[0][:_REASON_LENGTH]
        traceback = text_of("traceback", message.get("traceback", ""))[-_TRACEBACK_LENGTH:]
        line = message.get("line")
        if line is not None:
            line = whole_number_of("line", line, Span(1, self.bounds.lines))
        self.facts |= {"reason": reason or "failed", "traceback": traceback, "line": line}

    def _begin(self, message: Mapping[str, Any]) -> None:
        if self._step == self._last or message["step"] != _RUN[self._steps_begun]:
            raise ImplausibleError("steps in the wrong order")
        facts: dict[str, Any] = {"step": message["step"]}
        if "prm" in message:
            facts["prm"] = prm_of(message["prm"], self.bounds.prm)
        max_parameters = self.bounds.parameters
        if "parameters" in message:
            facts["parameters"] = whole_number_of(
                "parameters", message["parameters"], Span(0, max_parameters)
            )
        if "multiply_adds" in message:
            adds = whole_number_of("multiply-adds", message["multiply_adds"], Span(0, None))
            facts["multiply_adds"] = adds
        self.facts |= facts
        self._steps_begun += 1

    def _score(self, epoch: Any) -> None:
        if self._step != "epochs" or not isinstance(epoch, dict):
            raise ImplausibleError("an epoch that was not requested")
        number = self._epochs + 1
        whole_number_of(
            "epochs", epoch.get("number"), Span(number, min(number, self.bounds.epochs))
        )
        earlier_s = self.facts.get("seconds", 0.0)
        facts = {
            "validation": number_of("validation score", epoch.get("validation"), Span(0, 1)),
            "score": number_of("test score", epoch.get("accuracy"), Span(0, 1)),
            "seconds": number_of(
                "duration in seconds",
                whole_number_of("duration", epoch.get("duration_ns"), Span(0, None)) / 1e9,
                Span(earlier_s, self.bounds.seconds),
            ),
        }
        self.facts |= facts
        self._epochs = number

    def _end(self) -> None:
        if self._step != self._last or self._epochs != self.bounds.epochs:
            raise ImplausibleError(
                f"its end at step {self._step or 'none'!r}, before the last step"
            )
        self.is_done = True


def _message(line: str) -> dict[str, Any]:
    """Return the message in a line.

    Raises:
        ImplausibleError: The line is not a JSON object.
    """
    try:
        message = json.loads(line)
    # Nested too deeply, or a number of too many digits.
    except (ValueError, RecursionError):
        raise ImplausibleError("a line that is not JSON") from None
    if not isinstance(message, dict):
        raise ImplausibleError("a line that is not a JSON object")
    return message
