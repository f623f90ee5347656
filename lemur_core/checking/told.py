"""What a net's process told, read as a stranger's words: what is no number is none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from lemur_core.checking.verdict import STEPS, Verdict
from lemur_core.store.identity import exact

_MOST = 2**63 - 1
_REASON_LENGTH, _TRACEBACK_LENGTH = 500, 8_000


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
class Told:
    """What came of running a net.

    Attributes:
        said: What its process said, line by line.
        reason: Why it did not come to an end; empty where it did.
        cause: What ended it, where there is a reason.
    """

    said: Sequence[str]
    reason: str = ""
    cause: Cause = Cause.NET


def concluded(verdict: Verdict, told: Told) -> Verdict:
    """Return a verdict with what came of running the net."""
    done = False
    facts: dict[str, Any] = {}
    for message in map(_message, told.said):
        done |= message.get("done") is True
        facts |= dict(_facts(message))
    reason = facts.pop("reason", "") or told.reason
    if not reason and not done:
        reason = "its process ended before it was done"
    return replace(verdict, **{**facts, "valid": not reason, "reason": reason})


def _message(line: str) -> dict[str, Any]:
    """Return what a line says; nothing where it is no object of JSON."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _facts(message: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what a message says of the columns of a verdict."""
    if message.get("step") in STEPS:
        yield "step", message["step"]
    if isinstance(message.get("failed"), str):
        yield "reason", message["failed"].partition("\n")[0][:_REASON_LENGTH] or "failed"
        yield "traceback", str(message.get("traceback"))[-_TRACEBACK_LENGTH:]
    for name in ("line", "parameters", "multiply_adds"):
        if _is_whole(message.get(name)):
            yield name, message[name]
    if isinstance(message.get("prm"), dict) and _is_exact(message["prm"]):
        yield "prm", message["prm"]
    if isinstance(epoch := message.get("epoch"), dict):
        yield from _scores(epoch)


def _scores(epoch: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, told in (("validation", "validation"), ("score", "accuracy")):
        value = epoch.get(told)
        if isinstance(value, float) and math.isfinite(value):
            yield name, value
    if _is_whole(epoch.get("duration_ns")):
        yield "seconds", epoch["duration_ns"] / 1e9


def _is_exact(value: object) -> bool:
    try:
        return bool(exact(value))
    # NaN and infinities, which Python reads and JSON has not.
    except ValueError:
        return False


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
