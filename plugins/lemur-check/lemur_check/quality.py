"""Check the style of a source with ruff, and measure its cyclomatic complexity."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lemur_check.reach import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core.code import Parts

# Pyflakes, pycodestyle's errors, bugbear, simplifications, and McCabe's complexity, whose limit is
# 0 so that ruff reports it for each function.
_OPTIONS = (
    "check", "--isolated", "--no-cache", "--no-respect-gitignore", "--quiet", "--exit-zero",
    "--output-format=json", "--select=B,C90,E,F,SIM", "--ignore=E501",
    "--config=lint.mccabe.max-complexity=0",
)  # fmt: skip
_COMPLEXITY = re.compile(r"\((\d+) > 0\)")


@dataclass(frozen=True)
class Quality:
    """The style of a source.

    Attributes:
        findings: Ruff's findings, sorted by line.
        complexity: The greatest cyclomatic complexity of the functions (McCabe, 1976).
    """

    findings: tuple[Finding, ...]
    complexity: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Quality:
        """Return the quality with these facts."""
        return cls(tuple(Finding(*finding) for finding in facts["findings"]), facts["complexity"])


def quality(parts: Parts, seconds: float = 60.0) -> Quality | None:
    """Return ruff's findings, or None if ruff is not installed, fails or takes too long.

    Args:
        parts: The modules of the source.
        seconds: Time limit in seconds.
    """
    ruff = _find_ruff()
    if ruff is None or seconds <= 0:
        return None
    texts = {name: text for name, text in {"": parts.main, **parts.modules}.items() if text}
    complexities, findings = [1], []
    try:
        for name, message in _findings(ruff, texts, seconds):
            if complexity := _COMPLEXITY.search(message["message"]):
                complexities.append(int(complexity[1]))
            if message["code"] != "C901":
                findings.append(_finding(message, f"{name.partition('.')[2]}: " if name else ""))
    # Ruff may time out on a source, or crash.
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Quality(tuple(sorted(findings)), max(complexities))


def _findings(
    ruff: str, texts: Mapping[str, str], seconds: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ruff's messages on the texts, each with the name of its text."""
    with TemporaryDirectory(prefix="lemur-ruff-") as folder:
        names = {}
        for number, (name, text) in enumerate(texts.items()):
            file = Path(folder).resolve() / f"net{number}.py"
            file.write_bytes(text.encode(errors="replace"))
            names[str(file)] = name
        process = subprocess.run(  # noqa: S603
            [ruff, *_OPTIONS, folder], capture_output=True, timeout=seconds, check=True
        )
    for message in json.loads(process.stdout):
        yield names[message["filename"]], message


def _finding(message: Mapping[str, Any], module: str) -> Finding:
    return Finding(message["location"]["row"], f"{module}{message['code']}: {message['message']}")


def _find_ruff() -> str | None:
    try:
        from ruff import find_ruff_bin

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError):
        return None
