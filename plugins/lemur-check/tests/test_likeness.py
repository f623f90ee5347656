"""Detecting copies and near copies of sources."""

import ast
import time

import numpy as np
import pytest

from lemur_check.likeness import Likeness, families
from lemur_check.sketch import Sketch, sketch, sketch_of, tokens_of
from lemur_core import installed
from lemur_core.code import complete
from lemur_core.code_facts import NamedSource

GOLDEN_TREE = "137b4dca06949bab72b6aac32296457f542c6e8a7a6733864029df88db5fc5e2"
GOLDEN_SIGNATURE = [16783251, 119861101, 61448306, 41959058]


def of(code):
    return sketch(ast.parse(code))


def jaccard(first, second, run=5):
    """Return the exact similarity, computed from its definition."""
    both = []
    for code in (first, second):
        tokens = list(tokens_of(ast.parse(code)))
        both.append({tuple(tokens[at : at + run]) for at in range(len(tokens) - run + 1)})
    return len(both[0] & both[1]) / len(both[0] | both[1])


def nets():
    return {entry.name: entry.source() for _, entry in installed().entries("net")}


def test_comments_docstrings_layout_and_annotations_make_no_difference():
    plain = "class Net(M):\n    def f(self, x, y=1):\n        return {'a': (x + y) * 2}\n"
    dressed = (
        '"""About."""\n# Words.\nclass Net( M ):\n    """More."""\n\n'
        "    def f(self, x: int,\n          y: float = 1) -> dict:\n"
        '        r"""Why."""\n        return {"a": (x+y)*2,}\n'
    )
    assert of(plain).tree == of(dressed).tree
    assert of(plain).similarity(of(dressed)) == 1


@pytest.mark.parametrize(
    "other",
    ["x = 2", "y = 1", "x = 1.0", "x = '1'", "x == 1", "x: int = 1", "x = (1,)", "'x'", ""],
)
def test_changes_of_behaviour_make_a_difference(other):
    assert of("x = 1").tree != of(other).tree


def test_the_sketch_of_a_source_never_changes():
    golden = of("class Net:\n    def f(self):\n        return 1\n")
    assert golden.tree == GOLDEN_TREE
    assert golden.signature[:4].tolist() == GOLDEN_SIGNATURE


def test_the_estimate_is_close_to_the_exact_similarity():
    sources = list(nets().values())[:20]
    errors = [
        of(first).similarity(of(second)) - jaccard(first, second)
        for number, first in enumerate(sources)
        for second in sources[:number]
    ]
    # With 128 values the standard deviation is at most 0.044; all 190 estimates are within five of
    # them.
    assert np.abs(errors).max() < 5 * 0.044


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_the_estimate_is_right_on_average(share):
    generator, errors = np.random.default_rng(0), []
    for _ in range(100):
        names = [f"x{number}" for number in generator.choice(10**6, size=400, replace=False)]
        shared, left, right = np.split(np.array(names), [int(400 * share), int(200 + 200 * share)])
        first, second = ("\n".join([*shared, *rest]) for rest in (left, right))
        errors.append(of(first).similarity(of(second)) - jaccard(first, second))
    assert abs(np.mean(errors)) < 4 * 0.044 / 10


def test_the_nearest_and_equal_sources_are_named_but_not_the_source_itself():
    likeness = Likeness.of(nets())
    vgg = nets()["VGG"]
    assert likeness.same(of(vgg)) == "VGG"
    changed = of(vgg.replace("512", "513"))
    assert likeness.same(changed) is None
    name, share = likeness.nearest(changed)
    assert name == "VGG"
    assert 0.8 < share < 1
    alone = Likeness()
    assert alone.nearest(changed) == (None, 0.0)
    itself = NamedSource("mine", "hash")
    alone.add(itself, changed)
    assert alone.nearest(changed, but=itself) == (None, 0.0)
    assert alone.same(changed, but=itself) is None
    assert alone.nearest(changed) == ("mine", 1.0)


def test_the_nearest_of_ten_thousand_is_found():
    signatures = np.random.default_rng(0).integers(2**32, size=(10_000, 128), dtype=np.uint32)
    likeness = Likeness()
    for number, signature in enumerate(signatures):
        likeness.add(NamedSource(str(number), str(number)), Sketch(str(number), signature))
    query = signatures[7_777].copy()
    query[:64] = 0
    began = time.perf_counter()
    assert likeness.nearest(Sketch("", query)) == ("7777", 0.5)
    assert time.perf_counter() - began < 5


def test_families_are_chains_of_near_copies():
    base = np.arange(128, dtype=np.uint32)
    steps = [base.copy() for _ in range(4)]
    for number, signature in enumerate(steps):
        signature[: 20 * number] += 1000 * (number + 1)
    other = base + 10**6
    sketches = [Sketch("", signature) for signature in (*steps, other)]
    assert sketches[0].similarity(sketches[3]) < 0.7 <= sketches[0].similarity(sketches[1])
    numbers = families(sketches, 0.7)
    assert numbers[0] == numbers[1]
    assert numbers[4] not in numbers[:4]


def test_nets_of_one_paper_are_a_family_and_others_are_not():
    named = nets()
    numbers = families([of(code) for code in named.values()], 0.7)
    family = dict(zip(named, numbers, strict=True))
    assert family["SqueezeNet-1"] == family["SqueezeNet-2"]
    assert family["DPN68"] == family["DPN107"] == family["DPN131"]
    assert len({family[name] for name in ("ResNet", "VGG", "AlexNet", "ConvNeXt", "DeiT")}) == 5


def test_sources_that_differ_in_the_comments_of_a_module_are_the_same_net(tmp_path):
    (tmp_path / "Net.py").write_text("from blocks import *\n")
    (tmp_path / "blocks.py").write_text("from deep import *\n")
    trees = []
    for text in ("x = 1\n", "x = 2\n", "x = 2  # why\n"):
        (tmp_path / "deep.py").write_text(text)
        trees.append(sketch_of(complete(tmp_path / "Net.py")).tree)
    assert trees[0] != trees[1] == trees[2]
