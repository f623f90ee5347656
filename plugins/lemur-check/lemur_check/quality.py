"""What ruff says of a source, and how many ways lead through its functions."""

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

# Pyflakes, pycodestyle's errors, bugbear, simplifications, and McCabe's complexity, which is told
# of each function as the limit is none.
_OPTIONS = (
    "check", "--isolated", "--no-cache", "--no-respect-gitignore", "--quiet", "--exit-zero",
    "--output-format=json", "--select=B,C90,E,F,SIM", "--ignore=E501",
    "--config=lint.mccabe.max-complexity=0",
)  # fmt: skip
_COMPLEXITY = re.compile(r"\((\d+) > 0\)")


@dataclass(frozen=True)
class Quality:
    """How a source reads.

    Attributes:
        findings: What ruff found, line by line.
        complexity: The greatest cyclomatic complexity of its functions (McCabe, 1976).
    """

    findings: tuple[Finding, ...]
    complexity: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Quality:
        """Return the quality whose dictionary this is."""
        return cls(tuple(Finding(*one) for one in facts["findings"]), facts["complexity"])


def quality(parts: Parts, seconds: float = 60.0) -> Quality | None:
    """Return what ruff finds in a source; None where it is not installed, or finds no end.

    Args:
        parts: The source, taken apart.
        seconds: How long it may take.
    """
    ruff = _find_ruff()
    if ruff is None or seconds <= 0:
        return None
    texts = {name: text for name, text in {"": parts.main, **parts.modules}.items() if text}
    ways, findings = [1], []
    try:
        for name, one in _findings(ruff, texts, seconds):
            if complexity := _COMPLEXITY.search(one["message"]):
                ways.append(int(complexity[1]))
            if one["code"] != "C901":
                findings.append(_finding(one, f"{name.partition('.')[2]}: " if name else ""))
    # A source may be too much for ruff, or bring it down.
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Quality(tuple(sorted(findings)), max(ways))


def _findings(
    ruff: str, texts: Mapping[str, str], seconds: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is found in texts, with the names that they have."""
    with TemporaryDirectory(prefix="lemur-ruff-") as folder:
        names = {}
        for number, (name, text) in enumerate(texts.items()):
            file = Path(folder).resolve() / f"net{number}.py"
            file.write_bytes(text.encode(errors="replace"))
            names[str(file)] = name
        ran = subprocess.run(  # noqa: S603
            [ruff, *_OPTIONS, folder], capture_output=True, timeout=seconds, check=True
        )
    for one in json.loads(ran.stdout):
        yield names[one["filename"]], one


def _finding(told: Mapping[str, Any], module: str) -> Finding:
    return Finding(told["location"]["row"], f"{module}{told['code']}: {told['message']}")


def _find_ruff() -> str | None:
    try:
        from ruff import find_ruff_bin

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError):
        return None
