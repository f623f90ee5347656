"""What ruff says of a source, and how many ways lead through its functions."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from lemur_core.checking.reach import Finding
from lemur_core.sources.text import parts_of

# Pyflakes, pycodestyle's errors, bugbear, simplifications, and McCabe's complexity, which is told
# of each function as the limit is none.
_OPTIONS = (
    "check", "--isolated", "--no-cache", "--quiet", "--exit-zero", "--output-format=json",
    "--select=B,C90,E,F,SIM", "--ignore=E501", "--config=lint.mccabe.max-complexity=0",
    "--stdin-filename=net.py", "-",
)  # fmt: skip
_COMPLEXITY = re.compile(r"\((\d+) > 0\)")
_LIMIT_S = 60


@dataclass(frozen=True)
class Quality:
    """How a source reads.

    Attributes:
        findings: What ruff found, line by line.
        complexity: The greatest cyclomatic complexity of its functions (McCabe, 1976).
    """

    findings: tuple[Finding, ...]
    complexity: int


def quality(code: str) -> Quality | None:
    """Return what ruff finds in a source; None where it is not installed."""
    ruff = _find_ruff()
    if ruff is None:
        return None
    parts = parts_of(code)
    ways, findings = [1], []
    for name, text in {"": parts.main, **parts.modules}.items():
        for one in _findings(ruff, text) if text else ():
            if complexity := _COMPLEXITY.search(one["message"]):
                ways.append(int(complexity[1]))
            if one["code"] != "C901":
                findings.append(_finding(one, f"{name.partition('.')[2]}: " if name else ""))
    return Quality(tuple(sorted(findings)), max(ways))


def _findings(ruff: str, code: str) -> list[dict[str, Any]]:
    text = code.encode(errors="replace")
    ran = subprocess.run(  # noqa: S603
        [ruff, *_OPTIONS], input=text, capture_output=True, timeout=_LIMIT_S, check=True
    )
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def _finding(told: dict[str, Any], module: str) -> Finding:
    return Finding(told["location"]["row"], f"{module}{told['code']}: {told['message']}")


def _find_ruff() -> str | None:
    try:
        from ruff import find_ruff_bin

        return str(find_ruff_bin())
    except (ImportError, FileNotFoundError):
        return None
