"""Examine the source of a net without running it.

`lemur_check.reader` does so in another process: Python's parser can take hours for a source
of a million characters, and nothing else runs meanwhile in the process that it is in.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_check.quality import Quality, quality
from lemur_check.reach import Finding, reaches
from lemur_check.sketch import Sketch, sketch, sketch_of
from lemur_check.template import TemplateError, check_template, parse
from lemur_check.tokens import count_tokens
from lemur_core.code import complete, parts_of
from lemur_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_FINDINGS = 200
_REASON_LENGTH = 500
_MEMORY_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Examination:
    """What can be said of a source that is not run.

    Attributes:
        step: The step at which it failed, ``parse`` or ``template``; ``template`` where it did not.
        reason: Why it is no net; empty where it may be one.
        line: Of the source, where that is.
        sketch: To compare it with others; None where it is not Python.
        reaches: What of it reaches beyond a net, 200 findings at most and how many more there are.
        quality: How it reads, likewise; None where ruff is not installed or takes too long.
        before: The number of lines before the recorded modules in it.
        lines: The number of lines of the recorded modules in it.
    """

    step: str = "parse"
    reason: str = ""
    line: int | None = None
    sketch: Sketch | None = None
    reaches: tuple[Finding, ...] = ()
    quality: Quality | None = None
    before: int = 0
    lines: int = 0

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"sketch": self.sketch and self.sketch.facts()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Examination:
        """Return the examination that gave these facts."""
        return cls(
            **{
                **facts,
                "sketch": facts["sketch"] and Sketch.of(facts["sketch"]),
                "reaches": tuple(Finding(*one) for one in facts["reaches"]),
                "quality": facts["quality"] and Quality.of(facts["quality"]),
            }
        )


def examine(code: str, seconds: float = 60.0) -> Examination:
    """Return what can be said of a source that is not run.

    Args:
        code: The source.
        seconds: How long ruff may take with what comes before it.
    """
    deadline = time.monotonic() + seconds
    try:
        tree = parse(code)
        found = Examination("template", sketch=sketch(tree), reaches=_few(reaches(tree)))
    except TemplateError as error:
        return Examination(reason=error.reason[:_REASON_LENGTH], line=error.line)
    except RecursionError:
        return Examination(reason="is nested too deeply")
    try:
        check_template(tree)
    except TemplateError as error:
        found = replace(found, reason=error.reason[:_REASON_LENGTH], line=error.line)
    except RecursionError:
        found = replace(found, reason="is nested too deeply")
    del tree
    parts = parts_of(code)
    read = quality(parts, deadline - time.monotonic())
    read = read and Quality(_few(read.findings), read.complexity)
    return replace(found, before=parts.line, lines=parts.lines, quality=read)


def _few(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    some = tuple(Finding(one.line, one.text[:_REASON_LENGTH]) for one in findings[:MOST_FINDINGS])
    if len(some) == len(findings):
        return some
    left = len(findings) - len(some)
    return (*some, Finding(some[-1].line, f"{left:,} more are not listed"))


def main() -> None:
    """Answer the questions of `lemur_check.reader`, a JSON object a line."""
    # Trees have no cycles, and searching them for some takes half of the time.
    gc.disable()
    _limit_memory()
    answers = sys.stdout.buffer
    answers.write(b"{}\n")
    answers.flush()
    for line in sys.stdin.buffer:
        answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def _answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    match asked:
        case {"examine": code, "seconds": seconds}:
            return examine(code, seconds).facts()
        case {"sketch": code}:
            one = sketch_of(code)
            return {"sketch": one and one.facts()}
        case {"tokens": code}:
            return {"tokens": count_tokens(code)}
        case {"complete": file}:
            try:
                return {"code": complete(Path(file))}
            except (OSError, UnicodeDecodeError, PluginError) as error:
                return {"fault": str(error)}
    raise ValueError(f"{sorted(asked)}: nothing is asked")


def _limit_memory() -> None:
    # Only there are limits to be set.
    with suppress(ImportError, ValueError, OSError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, _MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
