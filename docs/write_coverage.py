"""Write the line coverage of the tests into the README, from the data file of coverage.py.

coverage run -m pytest ... && coverage combine && python docs/write_coverage.py

With --check nothing is written, and a figure that is out of date is an error.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_SENTENCE = "They run {} % of the lines of the core and the plugins (`nox -s coverage`).\n"
_WRITTEN_SENTENCE = re.compile(re.escape(_SENTENCE).replace(r"\{\}", r"(\d+)"))
_COMMAND = re.compile(r"^python -m venv .* pytest .*\n```\n\n", re.MULTILINE)


def line_coverage() -> int:
    """Return the share of lines that the tests ran, in percent, rounded down."""
    data = Coverage(config_file=str(ROOT / "pyproject.toml"))
    data.load()
    return int(data.report(file=io.StringIO()))


def with_coverage(text: str, percent: int) -> str:
    """Return the README's text with the coverage below the command that runs the tests."""
    sentence = _SENTENCE.format(percent)
    if _WRITTEN_SENTENCE.search(text):
        return _WRITTEN_SENTENCE.sub(sentence, text)
    return _COMMAND.sub(lambda match: f"{match[0]}{sentence}\n", text)


def check(text: str, percent: int) -> None:
    """Exit with an error if the README's figure is off by more than a point.

    Which processes are killed before they can tell what they ran differs from run to run.
    """
    written = _WRITTEN_SENTENCE.search(text)
    if written is None:
        sys.exit("README.md gives no coverage; run nox -s coverage")
    if abs(int(written[1]) - percent) > 1:
        sys.exit(
            f"README.md says that the tests run {written[1]} % of the lines, but they run "
            f"{percent} %; run nox -s coverage"
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check(README.read_text(), line_coverage())
    else:
        README.write_text(with_coverage(README.read_text(), line_coverage()))
