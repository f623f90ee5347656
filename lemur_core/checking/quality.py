"""What ruff says of a source, and how many ways lead through its functions."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from lemur_core.checking.reach import Finding
from lemur_core.errors import LemurError

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


def quality(code: str) -> Quality:
    """Return what ruff finds in a source.

    Raises:
        LemurError: ruff is not installed.
    """
    told = json.loads(_ruff(code))
    ways = [int(found[1]) for one in told if (found := _COMPLEXITY.search(one["message"]))]
    findings = (_finding(one) for one in told if one["code"] != "C901")
    return Quality(tuple(sorted(findings)), max(ways, default=1))


def _finding(told: dict[str, Any]) -> Finding:
    return Finding(told["location"]["row"], f"{told['code']}: {told['message']}")


def _ruff(code: str) -> bytes:
    try:
        from ruff import find_ruff_bin

        command = [find_ruff_bin(), *_OPTIONS]
    except (ImportError, FileNotFoundError):
        raise LemurError("ruff is not installed; pip install 'lemur-core[check]'") from None
    text = code.encode(errors="replace")
    return subprocess.run(command, input=text, capture_output=True, timeout=_LIMIT_S).stdout  # noqa: S603
