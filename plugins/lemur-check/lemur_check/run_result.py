"""What a net's process reports, which is believed as far as it can be true."""

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
# How Python and torch say that memory is short.
_SHORT_OF_MEMORY = re.compile(r"MemoryError\b|OutOfMemoryError\b|.*: can't allocate memory")


class Cause(StrEnum):
    """What ended a net's process before the net was done.

    Attributes:
        NET: The net itself: it exited, crashed, said too much or broke the protocol.
        TIME: It took longer than the limit.
        MEMORY: It took more memory than the limit.
        LOST: Its process was killed, as the kernel does when memory is short, or its box ended.
    """

    NET = "net"
    TIME = "time"
    MEMORY = "memory"
    LOST = "lost"

    @property
    def is_limit(self) -> bool:
        """Whether the same net may do better with greater limits or on another machine."""
        return self is not Cause.NET


@dataclass(frozen=True)
class RunResult:
    """What came of running a net.

    Attributes:
        said: What its process said, line by line.
        reason: Why it did not come to an end; empty where it did.
        cause: What ended it, where there is a reason.
    """

    said: Sequence[str]
    reason: str = ""
    cause: Cause = Cause.NET


@dataclass(frozen=True)
class Bounds:
    """What a net's process can report truthfully.

    Attributes:
        epochs: How many epochs the net was to be trained.
        prm: The hyperparameters that were given, which it has.
        seconds: How long it ran, as its caller measured.
        parameters: How many parameters it can have; None where its memory is not limited.
        lines: How many lines its source has.
    """

    epochs: int
    prm: Mapping[str, Any]
    seconds: float
    parameters: int | None
    lines: int


def concluded(verdict: Verdict, told: RunResult, bounds: Bounds) -> Verdict:
    """Return a verdict with what came of running the net."""
    report = _Report(bounds)
    fault = ""
    try:
        for line in told.said:
            report.take(_message(line))
    except ImplausibleError as error:
        fault = f"its process reported {error}"
    reason = report.facts.pop("reason", "")
    cause = Cause.MEMORY if _SHORT_OF_MEMORY.match(reason) else Cause.NET
    if not reason:
        reason, cause = told.reason or fault, told.cause if told.reason else Cause.NET
    if not reason and not report.is_done:
        reason = "its process ended before it was done"
    limit = cause.value if cause.is_limit else ""
    return replace(verdict, **report.facts, valid=not reason, reason=reason, limit=limit)


@dataclass
class _Report:
    """What a process reports, message by message, in the order of `lemur_check.steps`.

    Attributes:
        facts: What it says of the columns of a verdict.
        is_done: Whether it took the last step that was asked for, and says so.
    """

    bounds: Bounds
    facts: dict[str, Any] = field(default_factory=dict)
    is_done: bool = False
    _begun: int = 0
    _epochs: int = 0

    def take(self, message: Mapping[str, Any]) -> None:
        """Take a message.

        Raises:
            ImplausibleError: It cannot be true, or cannot come at this point.
        """
        if self.is_done or "reason" in self.facts:
            raise ImplausibleError("more after its end")
        if "failed" in message:
            self._fail(message)
        elif "step" in message:
            self._begin(message)
        elif "epoch" in message:
            self._score(message["epoch"])
        elif message.get("done") is True:
            self._end()
        else:
            raise ImplausibleError("what no step reports")

    @property
    def _last(self) -> str:
        return _RUN[-1] if self.bounds.epochs else _RUN[-2]

    @property
    def _step(self) -> str:
        return _RUN[self._begun - 1] if self._begun else ""

    def _fail(self, message: Mapping[str, Any]) -> None:
        reason = text_of("failure", message["failed"]).partition("\n")[0][:_REASON_LENGTH]
        traceback = text_of("traceback", message.get("traceback", ""))[-_TRACEBACK_LENGTH:]
        line = message.get("line")
        if line is not None:
            line = whole_number_of("line", line, Span(1, self.bounds.lines))
        self.facts |= {"reason": reason or "failed", "traceback": traceback, "line": line}

    def _begin(self, message: Mapping[str, Any]) -> None:
        if self._step == self._last or message["step"] != _RUN[self._begun]:
            raise ImplausibleError("steps in another order")
        found: dict[str, Any] = {"step": message["step"]}
        if "prm" in message:
            found["prm"] = prm_of(message["prm"], self.bounds.prm)
        most = self.bounds.parameters
        if "parameters" in message:
            found["parameters"] = whole_number_of(
                "parameters", message["parameters"], Span(0, most)
            )
        if "multiply_adds" in message:
            adds = whole_number_of("multiply-adds", message["multiply_adds"], Span(0, None))
            found["multiply_adds"] = adds
        self.facts |= found
        self._begun += 1

    def _score(self, epoch: Any) -> None:
        if self._step != "epochs" or not isinstance(epoch, dict):
            raise ImplausibleError("an epoch that was not asked for")
        last = self._epochs + 1
        whole_number_of("epochs", epoch.get("number"), Span(last, min(last, self.bounds.epochs)))
        before = self.facts.get("seconds", 0.0)
        found = {
            "validation": number_of("validation score", epoch.get("validation"), Span(0, 1)),
            "score": number_of("test score", epoch.get("accuracy"), Span(0, 1)),
            "seconds": number_of(
                "duration in seconds",
                whole_number_of("duration", epoch.get("duration_ns"), Span(0, None)) / 1e9,
                Span(before, self.bounds.seconds),
            ),
        }
        self.facts |= found
        self._epochs = last

    def _end(self) -> None:
        if self._step != self._last or self._epochs != self.bounds.epochs:
            raise ImplausibleError(f"its end at step {self._step or 'none'!r}, before the last")
        self.is_done = True


def _message(line: str) -> dict[str, Any]:
    """Return what a line says.

    Raises:
        ImplausibleError: It is no object of JSON.
    """
    try:
        message = json.loads(line)
    # Too many brackets within brackets; too many digits.
    except (ValueError, RecursionError):
        raise ImplausibleError("what is no JSON") from None
    if not isinstance(message, dict):
        raise ImplausibleError("what is no object")
    return message
