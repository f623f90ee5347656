"""The identity of the code that trains a net but is not recorded with it."""

import pytest

from lemur_core.entry import entry_of_file
from lemur_core.sources import recipe
from lemur_core.sources.recipe import recipe_of

NET = """
from lemur_base.trainers import Trainer

def supported_hyperparameters():
    return Trainer.ranges

class Net(Trainer):
    pass
"""
TRAINERS = '''
from torch import nn
from lemur_base.steps import step as one_step, never_used
from . import limits

CLIP = 3.0

def unused():
    return 1

class Trainer(nn.Module):
    """Trains."""

    def learn(self, train_data: list) -> float:
        if not train_data:
            raise ValueError("nothing to learn from")
        return one_step(train_data, clip=CLIP, least=limits.LEAST)
'''
STEPS = """
def step(batch, clip, least):
    return clip * sum(batch) + least

def never_used():
    pass
"""
LIMITS = "LEAST = 1\nMOST = 2\n"


def clear():
    recipe._installed_names.cache_clear()
    recipe_of.cache_clear()


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Write a package of base classes; return the recipe of a net derived from one of them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "lemur_base"
    package.mkdir()

    def recipe_with(code=NET, *, trainers=TRAINERS, steps=STEPS, limits=LIMITS, **more):
        files = {"__init__": "", "trainers": trainers, "steps": steps, "limits": limits} | more
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)
        clear()
        return recipe_of(code)

    yield recipe_with
    clear()


SAME = {
    "comments": {"steps": f"# why\n{STEPS}"},
    "docstrings": {"trainers": TRAINERS.replace('"""Trains."""', '"""Trains a net."""')},
    "layout": {
        "steps": STEPS.replace("(batch, clip, least)", "(\n    batch, clip,\n    least,\n)")
    },
    "annotations": {"trainers": TRAINERS.replace("train_data: list", "train_data")},
    "what an error says": {"trainers": TRAINERS.replace("nothing to learn from", "no data")},
    "code that the net does not reach": {
        "trainers": TRAINERS.replace("return 1", "return 2"),
        "steps": STEPS.replace("pass", "return 3"),
        "limits": LIMITS.replace("MOST = 2", "MOST = 3"),
    },
    "the net's own code": {"code": NET.replace("pass", "width = 3")},
    "the module that code is in": {
        "trainers": TRAINERS.replace("lemur_base.steps", "lemur_base.moved"),
        "steps": "",
        "moved": STEPS,
    },
}
CHANGES = {
    "the training step": {"trainers": TRAINERS.replace("clip=CLIP", "clip=2 * CLIP")},
    "a constant": {"trainers": TRAINERS.replace("CLIP = 3.0", "CLIP = 5.0")},
    "the type of a constant": {"trainers": TRAINERS.replace("CLIP = 3.0", "CLIP = 3")},
    "a function of another module": {"steps": STEPS.replace("sum(batch)", "max(batch)")},
    "an attribute of a module": {"limits": LIMITS.replace("LEAST = 1", "LEAST = 0")},
    "a change after the definition": {"trainers": TRAINERS + "Trainer.learn = unused\n"},
    "a definition under a condition": {
        "trainers": f"try:\n    import absent\nexcept ImportError:\n    CLIP = 1.0\n{TRAINERS}"
    },
}


@pytest.mark.parametrize("changed", SAME.values(), ids=SAME)
def test_code_that_does_not_train_does_not_change_the_recipe(changed, base):
    before = base()
    assert len(before) == 32
    assert base(**changed) == before


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_changed_training_changes_the_recipe(changed, base):
    assert base(**changed) != base()


def test_a_net_that_trains_itself_has_no_recipe(base):
    assert base("import torch\nclass Net(torch.nn.Module): pass\n") is None
    assert base("this is no Python") is None
    assert base("") is None


def test_a_base_class_is_found_under_any_name(base):
    derived = base()
    for code in (
        "import lemur_base.trainers\nclass Net(lemur_base.trainers.Trainer): pass",
        "import lemur_base.trainers as made\nclass Net(made.Trainer): pass",
        "from lemur_base import trainers\nclass Net(trainers.Trainer): pass",
        "from lemur_base.trainers import *\nclass Net(Trainer): pass",
        "from lemur_base.trainers import Trainer as T\nclass Between(T): pass\nNet = Between",
        "try:\n    from lemur_base.trainers import Trainer\nfinally:\n    pass\n"
        "if True:\n    class Net(Trainer): pass",
    ):
        assert base(code) == derived, code


def test_a_recorded_base_class_is_followed_but_not_part_of_the_recipe(base, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "Net.py").write_text("from own import Own\nclass Net(Own): pass\n")
    for text in ("pass", "depth = 3"):
        own = f"from lemur_base.trainers import Trainer\nclass Own(Trainer): {text}\n"
        (mine / "own.py").write_text(own)
        assert base(entry_of_file(mine / "Net.py").code()) == base()


def test_an_adapter_is_part_of_the_recipe(base):
    theirs = "class Theirs: pass\n"
    adapters = "from lemur_base.steps import step\ndef _make(): return step\nOne = _make()\n"
    base(adapters=adapters)
    original = recipe_of(theirs, "One", "lemur_base.adapters")
    base(adapters=adapters.replace("return step", "return step, 1"))
    assert recipe_of(theirs, "One", "lemur_base.adapters") != original


def test_the_training_of_the_core_is_part_of_the_recipe():
    code = "from lemur_core.kinds.net import TRAINING, Classifier\nclass Net(Classifier): pass\n"
    search = recipe._Search(code)
    root = recipe.Definition(recipe._RECORDED, "Net")
    reached = search.reached(root, recipe.used_in, {"lemur_core"})
    assert {definition.name for definition in reached} == {
        "Net", "Classifier", "Trainable", "build_optimizer", "build_scheduler", "_one_cycle",
        "_RISING", "IGNORED",
    }  # fmt: skip
