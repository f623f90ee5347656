"""Write ``docs/api.md``, the public interface, from signatures and docstrings.

python docs/write_api.py          write the page
python docs/write_api.py --check  exit with status 1 if the page is out of date
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import griffe

from lemur_core.kind import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "api.md"
MODULES = (
    "hookspecs", "kinds", "errors", "testing", "fetch", "images", "pretrained", "labels", "options",
    "files", "toml_file", "commands", "tables", "workbooks", "code", "code_facts", "training",
    "processes",
)  # fmt: skip
# Packages whose modules are public too.
OPEN = ("kinds", "testing")
HEADINGS = {"parameters": "Parameters", "attributes": "Attributes", "raises": "Raises"}
INTRODUCTION = """# Public interface

These names and modules are what programs and plugins may use; everything else may change in any
release. This page is written by `python docs/write_api.py` from the docstrings.
"""


def page() -> str:
    """Return the text of the page."""
    package = griffe.load("lemur_core", search_paths=[ROOT], docstring_parser="google")
    parts = [INTRODUCTION, "## lemur_core\n", *_names(package)]
    for name in MODULES:
        modules = _modules(package[name]) if name in OPEN else [package[name]]
        for module in modules:
            parts += [f"## {module.path}\n", *_text(module), *_members(module)]
            if name == "hookspecs":
                parts += _registering_hooks()
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _registering_hooks() -> Iterator[str]:
    """Yield a table of the hooks that register entries of the built-in kinds."""
    yield "### Registering hooks\n"
    yield "Each takes no arguments and returns entries.\n"
    rows = [f"| `{kind.hook}` | {kind.summary} | `{kind.contract}` |" for kind in BUILT_IN]
    yield "\n".join(["| hook | an entry is | its interface |", "|---|---|---|", *rows]) + "\n"


def _names(package: griffe.Module) -> Iterator[str]:
    """Yield the description of each name that the package exports."""
    for name in map(str, package.exports or []):
        member = package.members[name]
        if isinstance(member, griffe.Alias):
            member = package.modules_collection[member.target_path]
        # An exported module has its own section.
        if not member.is_module:
            yield from _described(member, name)


def _modules(module: griffe.Module) -> Iterator[griffe.Module]:
    yield module
    for name, member in sorted(module.modules.items()):
        if not name.startswith("_"):
            yield from _modules(member)


def _members(module: griffe.Module) -> Iterator[str]:
    """Yield the description of each public function and class that a module defines."""
    exported = {str(name) for name in module.exports or []}
    for name, member in module.members.items():
        if isinstance(member, griffe.Alias):
            if name in exported:
                yield from _described(module.modules_collection[member.target_path], name)
        elif not name.startswith("_") and not member.is_module:
            yield from _described(member, name)


def _described(member: griffe.Object | griffe.Alias, name: str) -> Iterator[str]:
    if isinstance(member, griffe.Attribute):
        if member.docstring:
            yield f"### {name}\n"
            yield from _text(member)
        return
    yield f"### {name}\n"
    yield f"```text\n{_signature(member, name)}\n```\n"
    yield from _text(member)
    if isinstance(member, griffe.Class):
        for method_name, method in member.members.items():
            if isinstance(method, griffe.Function) and not method_name.startswith("_"):
                yield f"#### {name}.{method_name}\n"
                yield f"```text\n{_signature(method, method_name)}\n```\n"
                yield from _text(method)


def _signature(member: griffe.Object | griffe.Alias, name: str) -> str:
    if isinstance(member, griffe.Function):
        return member.signature(name=name)
    assert isinstance(member, griffe.Class)
    bases = ", ".join(map(str, member.bases))
    return f"class {name}({bases})" if bases else f"class {name}"


def _text(member: griffe.Object | griffe.Alias) -> Iterator[str]:
    if member.docstring is None:
        return
    for section in member.docstring.parse("google", warnings=False):
        kind = section.kind.value
        if kind == "text":
            yield _plain(section.value) + "\n"
        elif kind == "examples":
            yield "```pycon\n" + "\n\n".join(text for _, text in section.value) + "\n```\n"
        elif kind in HEADINGS:
            items = [_item(element) for element in section.value]
            yield f"{HEADINGS[kind]}:\n\n" + "\n".join(items) + "\n"
        elif kind in ("returns", "yields"):
            text = " ".join(element.description for element in section.value)
            yield f"{kind.capitalize()}: {_line(text)}\n"


def _item(element: griffe.DocstringElement) -> str:
    name = element.name if isinstance(element, griffe.DocstringNamedElement) else element.annotation
    return f"- `{name}`: {_line(element.description)}"


def _line(text: str) -> str:
    return _plain(" ".join(text.split()))


def _plain(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == page() else "docs/api.md: run python docs/write_api.py")
    PAGE.write_text(page())
