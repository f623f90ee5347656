"""The figure of coverage has its place in the README."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def writer():
    place = ROOT / "docs" / "write_coverage.py"
    spec = importlib.util.spec_from_file_location("write_coverage", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figure_is_below_the_command_that_runs_the_tests_and_there_once(writer):
    text = (ROOT / "README.md").read_text()
    first = writer.with_coverage(text, 41)
    assert "pytest -n 2 --dist loadfile\n```\n\nThey run 41 % of the lines" in first
    assert writer.with_coverage(first, 42) == first.replace("They run 41 %", "They run 42 %")


@pytest.mark.parametrize("percent", [40, 41, 42])
def test_a_figure_may_be_off_by_a_point(writer, percent):
    writer.check(writer.with_coverage((ROOT / "README.md").read_text(), 41), percent)


@pytest.mark.parametrize("percent", [39, 43])
def test_a_figure_that_is_out_of_date_is_an_error(writer, percent):
    text = writer.with_coverage((ROOT / "README.md").read_text(), 41)
    with pytest.raises(SystemExit) as exited:
        writer.check(text, percent)
    assert exited.value.code == (
        "README.md says that the tests run 41 % of the lines, but they run "
        f"{percent} %; run nox -s coverage"
    )


def test_a_missing_figure_is_an_error(writer):
    with pytest.raises(SystemExit, match="README.md gives no coverage; run nox -s coverage"):
        writer.check("", 41)
