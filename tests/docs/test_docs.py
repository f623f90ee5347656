"""The commands and Python code in the documentation run, in order."""

import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from lemur_check.sandbox import find_bubblewrap

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# file: (\S+)\n")
LINK = re.compile(r"\]\(([^):#]*)(#[^)]+)?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def name_of(page):
    return str(page.relative_to(ROOT / "docs" if page.is_relative_to(ROOT / "docs") else ROOT))


def anchors(page):
    """Return the anchors that GitHub generates for the headings of a page."""
    headings = HEADING.findall(page.read_text())
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def blocks(page):
    text = page.read_text()
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield pytest.param(line, match[1], match[2], id=f"{name_of(page)}:{line}")


def is_set_up(code):
    return code.startswith("python -m venv ")


def programs(page, warm):
    """Return the folders of programs; the README's commands start as they do for a user."""
    folders = [Path(sys.executable).parent]
    if page != PAGES[0] and (program := warm.program()):
        folders.insert(0, program)
    return map(str, folders)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch, warm):
    if page.name == "checking.md" and find_bubblewrap() is None:
        pytest.skip("bubblewrap cannot be used here, without which strangers' nets are not run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([*programs(page, warm), os.environ["PATH"]]))
    for line, language, code in (param.values for param in blocks(page)):
        if is_set_up(code):
            continue
        if named := FILE.match(code):
            Path(named[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(named[1]).write_text(code)
            if "/" in named[1] or named[1].startswith("test_"):
                continue  # a module of a plugin, or its contract tests
        if language == "sh":
            ran = subprocess.run(["bash", "-ec", code], capture_output=True, text=True, check=False)
            assert ran.returncode == 0, f"{page.name}:{line}\n{code}{ran.stdout}{ran.stderr}"
        elif language == "python":
            exec(compile(code, f"{page.name}:{line}", "exec"), {"__name__": "__main__"})


def test_readme_has_one_command_to_run_and_one_to_test():
    commands = [
        code.strip() for _, _, code in (p.values for p in blocks(PAGES[0])) if is_set_up(code)
    ]
    assert len(commands) == 2
    assert commands[0].endswith(" && lemur run")
    assert commands[1].endswith(" && pytest -n 2 --dist loadfile")
    assert not any("\n" in command for command in commands)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_link_targets_exist(page):
    for path, anchor in LINK.findall(page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            assert anchor[1:] in anchors(target), f"{path}{anchor}"


def test_modules_named_in_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    names = set(re.findall(r"`(lemur_core[\w.]*)`", text))
    assert len(names) > 10
    for name in names:
        module, _, attribute = name.rpartition(".")
        is_attribute = module and hasattr(import_module(module), attribute)
        assert is_attribute or find_spec(name), name
