"""``docs/api.md`` matches the docstrings and names all public objects."""

import importlib.util
import inspect
from pathlib import Path

import pytest

import lemur_core

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "api.md"


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_api", ROOT / "docs" / "write_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_matches_the_docstrings(writer):
    assert PAGE.read_text() == writer.page(), "run python docs/write_api.py"


@pytest.mark.parametrize("name", lemur_core.__all__)
def test_public_name_is_documented(name):
    value = getattr(lemur_core, name)
    heading = f"## lemur_core.{name}" if inspect.ismodule(value) else f"### {name}"
    text = PAGE.read_text()
    assert f"\n{heading}\n\n" in text
    section = text.split(f"\n{heading}\n\n")[1].split("\n##")[0]
    assert section.strip(), f"{name} has no docstring"


def test_public_names_are_sorted():
    assert lemur_core.__all__ == sorted(lemur_core.__all__)
