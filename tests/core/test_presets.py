"""Entries of nets with fixed hyperparameters, and entries that no plugin registers."""

from dataclasses import replace
from functools import partial

import pytest

import lemur_core
from lemur_core import Entry, data
from lemur_core.campaign.plan import plan
from lemur_core.errors import PatternError, PluginError, SettingsError, SpaceError
from lemur_core.settings import Settings
from lemur_core.space import Choice, Interval
from lemur_core.values import preset

BLOBS = "img-classification_blobs_hits"
TASKS = ("img-classification",)
TARGET = "lemur_toy.nets.Linear"
run = partial(lemur_core.run, BLOBS, in_process=True, threads=1, epochs=1, trials=1)


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def test_entries_that_share_a_module_are_separate_nets(db):
    designs = [Entry(f"Linear-{width}", TARGET, TASKS, prm={"width": width}) for width in (1, 3, 9)]
    run(entries=designs, db=db)
    frame = data(db=db)
    assert [(nn, prm["width"]) for nn, prm in zip(frame["nn"], frame["prm"], strict=True)] == [
        ("Linear-1", 1), ("Linear-3", 3), ("Linear-9", 9),
    ]  # fmt: skip
    assert not run(entries=designs, db=db).states


def test_overriding_a_fixed_hyperparameter_is_an_error(db):
    design = Entry("Narrow", TARGET, TASKS, prm={"width": 1})
    with pytest.raises(SpaceError) as caught:
        run(entries=[design], prm={"width": 2}, db=db)
    assert str(caught.value) == (
        "width=2: net 'Narrow' is registered with width=1; leave out one of them"
    )
    run(entries=[design], prm={"width": "1..4"}, db=db)
    assert [prm["width"] for prm in data(db=db)["prm"]] == [1]


def test_fixing_an_unknown_hyperparameter_is_reported(db):
    with pytest.raises(PluginError) as caught:
        run(entries=[Entry("Narrow", TARGET, TASKS, prm={"widht": 1})], db=db)
    assert str(caught.value) == (
        "net 'Narrow': its entry fixes 'widht', which is not one of its hyperparameters. "
        "Did you mean 'width'?"
    )


def test_fixed_string_is_never_parsed_as_a_range():
    space = {"cell": Choice(("a",)), "lr": Interval(0.0, 10.0), "batch": Choice((16,))}
    fixed = preset(space, {"cell": "conv,1..4|pool", "lr": 1})
    assert fixed == space | {"cell": Choice(("conv,1..4|pool",)), "lr": Choice((1.0,))}
    assert isinstance(fixed["lr"].values[0], float)
    with pytest.raises(SpaceError, match="^batch=0: expected an integer, 1 or more$"):
        preset(space, {"batch": 0})


@pytest.mark.parametrize("value", [float("inf"), None, [1]])
def test_invalid_value_cannot_be_fixed(value):
    with pytest.raises(PluginError) as caught:
        Entry("Net", TARGET, prm={"width": value})
    assert str(caught.value) == (
        f"entry 'Net': prm 'width' is {value!r}; expected a string, a bool or a finite number"
    )


def test_entries_with_different_values_differ_and_are_hashable():
    entry = Entry("Net", TARGET, prm={"width": 1})
    assert entry != replace(entry, prm={"width": 2})
    assert len({entry, replace(entry, prm={"width": 1})}) == 1


@pytest.mark.parametrize(
    ("entries", "error", "message"),
    [
        ([], SettingsError, "entries is empty; expected one or more"),
        (["Net"], SettingsError, "entries has 'Net'; expected a lemur_core.Entry"),
        ("Net", SettingsError, "entries is 'Net'; expected a list of entries"),
        (
            [Entry("Net", TARGET), Entry("Net", TARGET)],
            PatternError,
            "2 entries are called 'Net'; expected different names",
        ),
        (
            [Entry("My_Net", TARGET)],
            PatternError,
            "entry 'My_Net': '_' separates a pipeline's parts; use '-' in its name",
        ),
        (
            [Entry("Net", "lemur_toy.nets.Gone")],
            PluginError,
            "entry 'Net': there is no module 'lemur_toy.nets.Gone'",
        ),
    ],
)
def test_invalid_entries_are_reported(toys, entries, error, message):
    with pytest.raises(error) as caught:
        plan(Settings.of({"entries": entries}), toys)
    assert str(caught.value) == message


def test_entry_can_have_the_name_of_an_installed_net(toys):
    settings = Settings.of({"entries": [Entry("Linear", TARGET, TASKS)], "patterns": BLOBS})
    assert [pipeline.name for pipeline in plan(settings, toys).pipelines] == [
        f"{BLOBS}_given/Linear"
    ]
