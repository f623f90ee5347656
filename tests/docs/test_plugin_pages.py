"""Each kind of entry, hook and field that plugins use is documented, and the examples work."""

import dataclasses
import inspect
import re
import sys
from pathlib import Path

import pytest

from lemur_core import Entry, hookspecs
from lemur_core.kind import BUILT_IN
from lemur_core.scaffold.package import KINDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "plugins"
PAGES = sorted(FOLDER.glob("*.md"))
FILE = re.compile(r"^```python\n# file: (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HOOKS = [name for name in vars(hookspecs) if name.startswith("lemur_")]


def section(heading):
    """Return the text below a heading of ``docs/api.md``."""
    text = (ROOT / "docs" / "api.md").read_text()
    assert f"\n### {heading}\n\n" in text, heading
    return text.split(f"\n### {heading}\n\n")[1].split("\n##")[0]


@pytest.fixture
def forgotten(tmp_path):
    """Forget the modules of a page's example, because pages can use the same names."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            sys.modules.pop(name)


@pytest.mark.usefixtures("short_collections")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_example_of_a_page_passes_its_contract_tests(page, tmp_path, monkeypatch, forgotten):
    files = dict(FILE.findall(page.read_text()))
    assert "test_contract.py" in files
    for name, code in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        if path.parent != tmp_path:
            (path.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    quiet = ("-q", "--no-header", "-rf", "-p", "no:cacheprovider", "-W", "error")
    apart = ("-c", "/dev/null", f"--rootdir={tmp_path}", "--import-mode=importlib")
    assert pytest.main([*quiet, *apart, str(tmp_path)]) == 0


@pytest.mark.parametrize("kind", [*KINDS, *(kind.name for kind in BUILT_IN)])
def test_kind_has_a_page(kind):
    text = (FOLDER / f"{kind}.md").read_text()
    assert "\n## Example\n" in text
    assert "\n## Contract\n" in text
    assert "\n## What the contract tests check\n" in text
    assert f"](plugins/{kind}.md)" in (ROOT / "docs" / "plugins.md").read_text()


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.name)
def test_hook_of_a_kind_is_in_its_example(kind):
    assert f"def {kind.hook}(" in (FOLDER / f"{kind.name}.md").read_text()


@pytest.mark.parametrize("name", HOOKS)
def test_hook_and_its_arguments_are_documented(name):
    described = section(name)
    for argument in inspect.signature(getattr(hookspecs, name)).parameters:
        assert f"- `{argument}`: " in described, argument
    pages = "".join(page.read_text() for page in PAGES)
    assert name in pages


@pytest.mark.parametrize("field", dataclasses.fields(Entry), ids=lambda field: field.name)
def test_field_of_an_entry_is_documented(field):
    assert f"- `{field.name}`: " in section("Entry")
