"""Names in the core."""

import ast
from collections import Counter
from pathlib import Path

CORE = Path(__file__).parents[2] / "lemur_core"


def test_no_two_public_classes_of_the_core_have_the_same_name():
    names = Counter(
        node.name
        for file in CORE.rglob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert len(names) > 100
    assert {name: count for name, count in names.items() if count > 1} == {}
