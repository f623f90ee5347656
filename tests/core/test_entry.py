import sys

import pytest

from lemur_core import Entry, entries_in
from lemur_core.entry import entry_of_file
from lemur_core.errors import CodeChangedError, PluginError
from lemur_core.sources import snapshot


def test_a_folder_of_nets_is_registered_without_importing_it(toys):
    names = [entry.name for entry in entries_in("lemur_toy.nets", ("img-classification",))]
    assert names == ["Diverges", "Exits", "Linear", "Picky", "Raises"]


def test_file_starting_with_an_underscore_is_not_an_entry(tmp_path, monkeypatch):
    package = tmp_path / "lemur_folder" / "nets"
    package.mkdir(parents=True)
    (package / "VGG-16.py").touch()
    (package / "_blocks.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert entries_in("lemur_folder.nets") == [Entry("VGG-16", "lemur_folder.nets.VGG-16")]


def test_missing_package_is_reported():
    with pytest.raises(PluginError, match="^there is no package 'lemur_nowhere'$"):
        entries_in("lemur_nowhere.nets")


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        (
            "a net",
            "a.b",
            "entry name 'a net': expected letters, digits and . _ + -, "
            "starting with a letter or digit",
        ),
        (
            "net",
            "a/b",
            "entry 'net': target 'a/b' is not 'package.module' or 'package.module:attribute'",
        ),
    ],
)
def test_invalid_name_or_target_is_rejected(name, target, message):
    with pytest.raises(PluginError) as caught:
        Entry(name, target)
    assert str(caught.value) == message


def test_tasks_given_as_a_string_are_rejected():
    with pytest.raises(PluginError, match="tasks is the string 'img-classification'"):
        Entry("net", "a.b", "img-classification")


def test_summary_defaults_to_the_first_line_of_the_docstring(toys):
    assert toys.get("net", "Linear").about() == "One linear layer."
    assert toys.get("loader", "blobs").about() == "Two colours, apart"


def test_loading_returns_the_module_or_its_attribute(toys):
    assert toys.get("net", "Linear").load().__name__ == "lemur_toy.nets.Linear"
    assert toys.get("metric", "hits").load().__name__ == "Hits"


def test_missing_attribute_is_reported():
    entry = Entry("hits", "lemur_toy.data:Misses")
    with pytest.raises(PluginError, match="^'hits': lemur_toy.data has no 'Misses'$"):
        entry.load()


def test_net_file_becomes_an_entry_named_after_it(tmp_path):
    file = tmp_path / "My_Net.py"
    file.write_text("answer = 42\n")
    entry = entry_of_file(file)
    assert entry.name == "My-Net"
    assert entry.source() == "answer = 42\n"
    assert entry.load().answer == 42


def test_files_with_the_same_name_are_not_mixed_up(tmp_path):
    for folder, answer in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Net.py").write_text(f"answer = {answer}\n")
    entries = [entry_of_file(tmp_path / folder / "Net.py") for folder in "ab"]
    assert [entry.load().answer for entry in entries] == [1, 2]


@pytest.mark.parametrize("option", ["samples", "seed", "Kinds", "min_size", "-", ""])
def test_option_must_not_be_a_restriction_or_contain_separators(option):
    with pytest.raises(PluginError) as caught:
        Entry("shapes", "lemur_toy.data:shapes", options=(option,))
    assert str(caught.value) == (
        f"entry 'shapes': option {option!r}; expected lower-case letters, digits and hyphens, "
        "and none of classes, balanced, samples, test, seed, validation, folds, fold"
    )


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """A plugin's adapter for the nets of another package."""
    files = {
        "theirs_nets/__init__.py": "",
        "theirs_nets/blocks.py": "WIDTH = 3\n",
        "theirs_nets/net.py": "from theirs_nets.blocks import WIDTH\n",
        "lemur_adapts/__init__.py": "",
        "lemur_adapts/adapter.py": (
            "from theirs_nets.net import WIDTH\nclass Theirs: width = WIDTH\n"
        ),
        "lemur_adapts/own.py": "from lemur_adapts.adapter import Theirs\n",
    }
    for name, text in files.items():
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("theirs_", "lemur_adapts"))]:
        del sys.modules[name]


def test_code_of_an_adapter_is_that_of_its_code_target(adapter):
    entry = Entry("Theirs", "lemur_adapts.adapter:Theirs", code_target="theirs_nets.net")
    assert entry.load().width == 3
    # Only that module, because its package is not the plugin's.
    assert entry.code() == "from theirs_nets.blocks import WIDTH\n"
    assert entry.source().startswith("from theirs_nets.net import WIDTH")
    assert entry.unrecorded(("theirs_nets.blocks",)) == []
    own = Entry("Own", "lemur_adapts.adapter:Theirs", code_target="lemur_adapts.own")
    assert "class Theirs" in own.code()


@pytest.mark.parametrize("edited", ["lemur_adapts/adapter.py", "theirs_nets/net.py"])
def test_adapter_edited_after_reading_is_rejected(adapter, edited, monkeypatch):
    entry = Entry("Theirs", "lemur_adapts.adapter:Theirs", code_target="theirs_nets.net")
    monkeypatch.setattr(snapshot, "_IMPORTED", {})
    read = entry.with_snapshot(is_net=True)
    assert read.code() == "from theirs_nets.blocks import WIDTH\n"
    (adapter / edited).write_text(f"{(adapter / edited).read_text()}# edited\n")
    with pytest.raises(CodeChangedError, match="was edited"):
        read.load()


@pytest.mark.parametrize(
    ("code_target", "message"),
    [
        ("theirs/net", "entry 'Net': code_target 'theirs/net' is not 'package.module'"),
        ("theirs.net:Net", "entry 'Net': code_target 'theirs.net:Net' is not 'package.module'"),
    ],
)
def test_invalid_code_target_is_rejected(code_target, message):
    with pytest.raises(PluginError) as raised:
        Entry("Net", "a.b", code_target=code_target)
    assert str(raised.value) == message


def test_missing_code_target_is_reported(adapter):
    with pytest.raises(PluginError, match="^there is no package 'nowhere_nets'$"):
        Entry("Net", "lemur_adapts.adapter", code_target="nowhere_nets.net").code_file()


def test_the_recipe_of_a_net_is_that_of_its_class_or_of_its_adapter(toys, adapter):
    linear = toys.get("net", "Linear")
    assert len(linear.recipe()) == 32
    assert linear.with_snapshot(is_net=True).recipe() == linear.recipe()
    # The base class is recorded with the net.
    assert Entry("Raises", "lemur_toy.nets.Raises").recipe() == linear.recipe()
    adapted = Entry("Theirs", "lemur_adapts.adapter:Theirs", code_target="theirs_nets.net")
    assert adapted.recipe() is not None
