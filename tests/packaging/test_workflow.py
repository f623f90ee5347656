"""The hosted workflow runs what contributors run, with actions of fixed versions."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_it_runs_all_checks_and_the_coverage():
    commands = re.findall(r"^ +(?:- )?run: (.+)$", WORKFLOW, re.MULTILINE)
    assert ".ci/run" in commands
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "nox -s coverage -- --check" in commands
    assert "def coverage(" in (ROOT / "noxfile.py").read_text()


def test_actions_are_pinned_by_tag():
    actions = re.findall(r"uses: (.+)", WORKFLOW)
    assert len(actions) > 3
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in actions)


def test_it_uses_the_oldest_python_that_is_supported():
    [oldest] = re.findall(r'requires-python = ">=(.+)"', (ROOT / "pyproject.toml").read_text())
    assert set(re.findall(r'python-version: "(.+)"', WORKFLOW)) == {oldest}
