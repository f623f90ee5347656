"""The figure of coverage has its place in the README."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_figure_is_below_the_command_that_runs_the_tests_and_there_once():
    place = ROOT / "docs" / "write_coverage.py"
    spec = importlib.util.spec_from_file_location("write_coverage", place)
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    text = (ROOT / "README.md").read_text()
    first = writer.with_coverage(text, 41)
    assert "pytest -n 2 --dist loadfile\n```\n\nThey run 41 % of the lines" in first
    assert writer.with_coverage(first, 42) == first.replace("They run 41 %", "They run 42 %")
