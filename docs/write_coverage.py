"""Write the share of lines that the tests run into the README, from the data of coverage.

coverage run -m pytest ... && coverage combine && python docs/write_coverage.py
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_SENTENCE = "They run {} % of the lines of the core and the plugins (`nox -s coverage`).\n"
_WRITTEN = re.compile(re.escape(_SENTENCE).replace(r"\{\}", r"\d+"))
_COMMAND = re.compile(r"^python -m venv .* pytest .*\n```\n\n", re.MULTILINE)


def measured() -> int:
    """Return the share of lines that were run, in percent, rounded down."""
    data = Coverage(config_file=str(ROOT / "pyproject.toml"))
    data.load()
    return int(data.report(file=io.StringIO()))


def with_figure(text: str, percent: int) -> str:
    """Return the README's text with the figure below the command that runs the tests."""
    sentence = _SENTENCE.format(percent)
    if _WRITTEN.search(text):
        return _WRITTEN.sub(sentence, text)
    return _COMMAND.sub(lambda match: f"{match[0]}{sentence}\n", text)


if __name__ == "__main__":
    README.write_text(with_figure(README.read_text(), measured()))
