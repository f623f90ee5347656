"""Names in the core, the plugins and the tests."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "lemur_core", *sorted(ROOT.glob("plugins/lemur-*/lemur_*")))
TESTS = (ROOT / "tests", *sorted(ROOT.glob("plugins/lemur-*/tests")))
# None of them says what the value is.
VAGUE = {"one", "ones", "found", "told"}


def parsed(*folders):
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def declared(tree):
    """Yield each name that the code gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name


def vague(tree):
    return sorted({name for name in declared(tree) if name.strip("_") in VAGUE})


def same_names(trees):
    """Return the files of each public class that has the name of another."""
    files = defaultdict(list)
    for file, tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].append(file)
    assert len(files) > 100
    return {name: places for name, places in files.items() if len(places) > 1}


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "for _, (one, *rest) in pairs: pass",
        "[ones for ones in pairs]",
        "lambda *told: told",
        "def f(x, /, y, *, one=1): pass",
        "class found: pass",
        "async def told(): pass",
        "self.found = 1",
        "import torch as one",
        "try: pass\nexcept OSError as _told: pass",
        "match x:\n case [1, *one]: pass",
        "match x:\n case {1: 2, **one}: pass",
        "match x:\n case int() as one: pass",
        "(one := 1)",
    ],
)
def test_a_vague_name_is_recognised(code):
    [name] = vague(ast.parse(code))
    assert name.strip("_") in VAGUE


@pytest.mark.parametrize("code", ["torch.ones(3)", "'one found told'", "found_nets = one.found"])
def test_other_names_are_accepted(code):
    assert vague(ast.parse(code)) == []


def test_identifiers_say_what_a_value_is():
    names = {file: vague(tree) for file, tree in parsed(*PACKAGES, *TESTS)}
    assert len(names) > 1000
    assert {file: given for file, given in names.items() if given} == {}


def test_no_two_public_classes_of_the_core_and_the_plugins_have_the_same_name():
    # The file of a net contains all of its code, so several nets define the same blocks.
    trees = ((file, tree) for file, tree in parsed(*PACKAGES) if "/nets/" not in file)
    assert same_names(trees) == {}
