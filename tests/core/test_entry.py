import pytest

from lemur_core import Entry, entries_in
from lemur_core.entry import entry_of_file
from lemur_core.errors import PluginError


def test_a_folder_of_nets_is_registered_without_importing_it(toys):
    names = [entry.name for entry in entries_in("lemur_toy.nets", ("img-classification",))]
    assert names == ["Diverges", "Exits", "Linear", "Picky", "Raises"]


def test_a_file_that_begins_with_an_underscore_is_no_entry(tmp_path, monkeypatch):
    package = tmp_path / "lemur_folder" / "nets"
    package.mkdir(parents=True)
    (package / "VGG-16.py").touch()
    (package / "_blocks.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert entries_in("lemur_folder.nets") == [Entry("VGG-16", "lemur_folder.nets.VGG-16")]


def test_a_package_that_is_not_there_is_said():
    with pytest.raises(PluginError, match="^there is no package 'lemur_nowhere'$"):
        entries_in("lemur_nowhere.nets")


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        (
            "a net",
            "a.b",
            "entry name 'a net': expected letters, digits and . _ + -, "
            "beginning with a letter or digit",
        ),
        (
            "net",
            "a/b",
            "entry 'net': target 'a/b' is not 'package.module' or 'package.module:attribute'",
        ),
    ],
)
def test_a_name_or_target_that_cannot_be_is_refused(name, target, message):
    with pytest.raises(PluginError) as caught:
        Entry(name, target)
    assert str(caught.value) == message


def test_tasks_given_as_a_text_are_refused():
    with pytest.raises(PluginError, match="tasks is the text 'img-classification'"):
        Entry("net", "a.b", "img-classification")


def test_the_summary_is_else_the_first_line_of_the_docstring(toys):
    assert toys.get("net", "Linear").about() == "One linear layer."
    assert toys.get("loader", "blobs").about() == "Two colours, apart"


def test_loading_gives_the_module_or_its_attribute(toys):
    assert toys.get("net", "Linear").load().__name__ == "lemur_toy.nets.Linear"
    assert toys.get("metric", "hits").load().__name__ == "Hits"


def test_an_attribute_that_is_not_there_is_said():
    entry = Entry("hits", "lemur_toy.data:Misses")
    with pytest.raises(PluginError, match="^'hits': lemur_toy.data has no 'Misses'$"):
        entry.load()


def test_a_net_file_is_an_entry_named_after_it(tmp_path):
    file = tmp_path / "My_Net.py"
    file.write_text("answer = 42\n")
    entry = entry_of_file(file)
    assert entry.name == "My-Net"
    assert entry.source() == "answer = 42\n"
    assert entry.load().answer == 42


def test_two_files_of_one_name_do_not_get_mixed_up(tmp_path):
    for folder, answer in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Net.py").write_text(f"answer = {answer}\n")
    entries = [entry_of_file(tmp_path / folder / "Net.py") for folder in "ab"]
    assert [entry.load().answer for entry in entries] == [1, 2]


@pytest.mark.parametrize("option", ["samples", "seed", "Kinds", "min_size", "-", ""])
def test_an_option_is_no_restriction_and_parts_no_pipeline(option):
    with pytest.raises(PluginError) as caught:
        Entry("shapes", "lemur_toy.data:shapes", options=(option,))
    assert str(caught.value) == (
        f"entry 'shapes': option {option!r}; expected small letters, digits and hyphens, "
        "and none of classes, samples, test, seed"
    )
