from importlib.metadata import entry_points as pythons

import pytest

from lemur_core.discovery import entry_points


def install(site, folder, points="", metadata="Name: lemur-Some\nVersion: 1.0\n"):
    place = site / f"{folder}.dist-info"
    place.mkdir(parents=True)
    (place / "entry_points.txt").write_text(points)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}\nName: not this\n")


@pytest.mark.parametrize("group", ["lemur_core", "console_scripts", "pytest11", "no_such_group"])
def test_it_finds_what_python_finds(group):
    ours = {(p.name, p.value, p.dist.name, p.dist.version) for p in entry_points(group)}
    theirs = {(p.name, p.value, p.dist.name, p.dist.version) for p in pythons(group=group)}
    assert ours == theirs
    assert ours or group == "no_such_group"


def test_a_file_is_read_as_its_format_says(tmp_path, monkeypatch):
    install(
        tmp_path, "lemur_some-1.0",
        "[other]\na = b\n\n[ lemur_core ]\n# c = d\nsome=json:JSONDecoder.decode [extra]\n",
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(tmp_path))
    [point] = [point for point in entry_points("lemur_core") if point.name == "some"]
    assert point.value == "json:JSONDecoder.decode"
    assert point.load().__qualname__ == "JSONDecoder.decode"
    assert (point.dist.name, point.dist.version) == ("lemur-Some", "1.0")


def test_of_two_versions_the_one_counts_that_python_would_import(tmp_path, monkeypatch):
    for site, value in (("late", "json"), ("early", "csv")):
        install(tmp_path / site, "lemur_some-1.0", f"[lemur_core]\nsome = {value}\n")
        monkeypatch.syspath_prepend(str(tmp_path / site))
    [point] = [point for point in entry_points("lemur_core") if point.name == "some"]
    assert point.value == "csv"


def test_a_place_that_is_not_there_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "nowhere"))
    assert isinstance(entry_points("lemur_core"), list)
