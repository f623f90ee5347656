"""Tasks: what a plugin says of one, and what is done where none says anything."""

import sys
from types import ModuleType

import pytest
import torch

from lemur_core import Entry
from lemur_core.composition import compose
from lemur_core.errors import ContractError, LabelError
from lemur_core.kinds.loader import DataBundle, InMemory
from lemur_core.kinds.task import Task, WrongLabel, as_task, task_of
from lemur_core.labels import with_labels_checked
from lemur_core.pattern import Pattern
from lemur_core.testing import PluginContract

SENTENCES = InMemory(torch.zeros(3, 2, dtype=torch.int64), torch.tensor([0, 7, 1]))


class Words(Task):
    """Targets are words, of which 7 is none."""

    def wrong_label(self, target, classes):
        value = int(target)
        return WrongLabel(value, f"is word {value}") if value >= classes else None


@pytest.fixture
def registered(toys, monkeypatch):
    """Register a task, and a data set, metric and net of it."""
    module = ModuleType("lemur_words")
    module.Words = Words
    monkeypatch.setitem(sys.modules, "lemur_words", module)
    for kind, target in {"loader": "blobs", "metric": "Hits"}.items():
        entry = Entry(f"w-{kind}", f"lemur_toy.data:{target}", ("txt-words",), ready=True)
        toys = toys.with_entries(f"w-{kind}", kind, [entry])
    net = Entry("WNet", "lemur_toy.nets.Linear", ("txt-words",))
    return toys.with_entries("w-net", "net", [net])


def test_a_pipeline_has_the_task_that_a_plugin_registers(registered):
    wanted = [Pattern.parse("txt-words_w-loader_w-metric_WNet")]
    assert compose(registered, wanted)[0].task_entry is None
    entry = Entry("txt-words", "lemur_words:Words")
    [pipeline] = compose(registered.with_entries("words", "task", [entry]), wanted)
    assert isinstance(task_of(pipeline.task_entry), Words)


def test_the_tasks_of_images_are_registered_as_any_other(toys):
    names = ["img-classification", "img-segmentation", "obj-detection"]
    assert [*toys.names("task")] == names
    assert all(isinstance(as_task(toys.get("task", name).load(), name), Task) for name in names)


def test_a_registered_task_says_which_labels_are_wrong():
    bundle = DataBundle(SENTENCES, SENTENCES, (2,), 0.5)
    with pytest.raises(LabelError) as raised:
        with_labels_checked(bundle, Words(), "w")
    assert raised.value.value == 7
    assert str(raised.value) == (
        "data set 'w': sample 1 of its train split is word 7; mend the data set or its loader"
    )


def test_of_a_task_that_nothing_is_known_of_nothing_is_checked():
    bundle = DataBundle(SENTENCES, SENTENCES, (2,), 0.5)
    assert with_labels_checked(bundle, None, "w") is bundle
    with_labels_checked(bundle, Task(), "w")
    assert task_of(None) is None
    assert Task().check_sample("text", 3, (2,)) is None
    with pytest.raises(NotImplementedError):
        Task().batch(2, 3, 32, torch.float32)


def test_a_net_gives_an_output_for_each_target_unless_its_task_says_otherwise():
    inputs, targets = torch.zeros(2, 5), torch.zeros(2, 4)
    Task().check_outputs(torch.zeros(2, 10, 4), inputs, targets, (10,))
    with pytest.raises(ContractError) as raised:
        Task().check_outputs(torch.zeros(2, 4), inputs, targets, (10,))
    assert str(raised.value) == "maps (2, 5) to (2, 4); expected (2, 10, 4)"


@pytest.mark.parametrize("target", [3, int, Words.wrong_label])
def test_what_is_no_task_is_refused(target):
    with pytest.raises(ContractError) as raised:
        as_task(target() if target is int else target, "txt-words")
    assert str(raised.value).startswith("task 'txt-words': its target is ")
    assert str(raised.value).endswith("; expected a class derived from lemur_core.kinds.task.Task")


@pytest.mark.parametrize("name", ["img-classification", "img-segmentation", "obj-detection"])
def test_the_tasks_of_images_meet_the_contract(name, toys):
    for rule in dir(PluginContract):
        if rule.startswith("test_task_"):
            getattr(PluginContract(), rule)(toys.get("task", name))


def test_the_contract_finds_a_task_that_is_at_odds_with_itself(monkeypatch):
    class Odd(Words):
        def batch(self, count, channels, size, dtype):
            return torch.zeros(count, 2), torch.arange(count), (2,)

    module = ModuleType("lemur_words")
    module.Odd = Odd
    monkeypatch.setitem(sys.modules, "lemur_words", module)
    with pytest.raises(AssertionError, match="task 'odd': its own target WrongLabel"):
        PluginContract().test_task_finds_no_fault_in_its_own_batch(Entry("odd", "lemur_words:Odd"))


def test_a_trained_net_is_rebuilt_without_pillow(python):
    code = "import lemur_core.reproduction.predict, lemur_core.reproduction.trained, sys"
    assert python("-c", f"{code}; print('PIL' in sys.modules)") == "False\n"
