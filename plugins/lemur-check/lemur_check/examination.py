"""Examine the source of a net without running it.

`lemur_check.reader` runs this module in another process: Python's parser can take hours for a
source of a million characters, and blocks all threads of its process meanwhile.
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
from lemur_core.code import complete, split_modules
from lemur_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_FINDINGS = 200
_REASON_LENGTH = 500
_MEMORY_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Examination:
    """The result of examining a source without running it.

    Attributes:
        step: The last step, ``parse`` or ``template``.
        reason: Why the source is not a net; empty if it can be one.
        line: Line of the source that is at fault, if known.
        sketch: Sketch to compare the source with others; None if it is not Python.
        reaches: Constructs that nets do not need: at most 200 findings, and the number of the
            others.
        quality: Findings about the style, also at most 200; None if ruff is not installed or takes
            too long.
        before: Number of lines before the recorded modules in the source.
        lines: Number of lines of the recorded modules in the source.
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
        """Return the fields as values for JSON."""
        return asdict(self) | {"sketch": self.sketch and self.sketch.facts()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Examination:
        """Return the examination with these facts."""
        return cls(
            **{
                **facts,
                "sketch": facts["sketch"] and Sketch.of(facts["sketch"]),
                "reaches": tuple(Finding(*finding) for finding in facts["reaches"]),
                "quality": facts["quality"] and Quality.of(facts["quality"]),
            }
        )


def examine(code: str, seconds: float = 60.0) -> Examination:
    """Examine a source without running it.

    Args:
        code: The source.
        seconds: Time limit for parsing and ruff together, in seconds.
    """
    deadline = time.monotonic() + seconds
    try:
        tree = parse(code)
        examination = Examination("template", sketch=sketch(tree), reaches=_few(reaches(tree)))
    except TemplateError as error:
        return Examination(reason=error.reason[:_REASON_LENGTH], line=error.line)
    except RecursionError:
        return Examination(reason="is nested too deeply")
    try:
        check_template(tree)
    except TemplateError as error:
        examination = replace(examination, reason=error.reason[:_REASON_LENGTH], line=error.line)
    except RecursionError:
        examination = replace(examination, reason="is nested too deeply")
    del tree
    parts = split_modules(code)
    style = quality(parts, deadline - time.monotonic())
    style = style and Quality(_few(style.findings), style.complexity)
    return replace(examination, before=parts.line, lines=parts.lines, quality=style)


def _few(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    first = tuple(
        Finding(finding.line, finding.text[:_REASON_LENGTH]) for finding in findings[:MOST_FINDINGS]
    )
    if len(first) == len(findings):
        return first
    omitted = len(findings) - len(first)
    return (*first, Finding(first[-1].line, f"{omitted:,} more are not listed"))


def main() -> None:
    """Answer the requests of `lemur_check.reader`, one JSON object per line."""
    # Syntax trees have no cycles, and the garbage collector takes half of the time.
    gc.disable()
    _limit_memory()
    answers = sys.stdout.buffer
    answers.write(b"{}\n")
    answers.flush()
    for line in sys.stdin.buffer:
        answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    match request:
        case {"examine": code, "seconds": seconds}:
            return examine(code, seconds).facts()
        case {"sketch": code}:
            sketch = sketch_of(code)
            return {"sketch": sketch and sketch.facts()}
        case {"tokens": code}:
            return {"tokens": count_tokens(code)}
        case {"complete": file}:
            try:
                return {"code": complete(Path(file))}
            except (OSError, UnicodeDecodeError, PluginError) as error:
                return {"fault": str(error)}
    raise ValueError(f"{sorted(request)}: not a request")


def _limit_memory() -> None:
    # The module ``resource`` exists on POSIX systems only.
    with suppress(ImportError, ValueError, OSError):
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        limit = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(hard, _MEMORY_BYTES)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
