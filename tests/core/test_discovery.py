import subprocess
import sys
import zipfile
from importlib.metadata import entry_points as pythons

import pytest

from lemur_core.discovery import entry_points


def install(site, folder, points="", metadata="Name: lemur-Some\nVersion: 1.0\n"):
    place = site / f"{folder}.dist-info"
    place.mkdir(parents=True)
    (place / "entry_points.txt").write_text(points)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}\nName: not this\n")


@pytest.mark.parametrize("group", ["lemur_core", "console_scripts", "pytest11", "no_such_group"])
def test_entry_points_equal_those_found_by_python(group):
    ours = {(p.name, p.value, p.dist.name, p.dist.version) for p in entry_points(group)}
    theirs = {(p.name, p.value, p.dist.name, p.dist.version) for p in pythons(group=group)}
    assert ours == theirs
    assert ours or group == "no_such_group"


def test_entry_points_file_is_parsed_by_its_format(tmp_path, monkeypatch):
    install(
        tmp_path, "lemur_some-1.0",
        "[other]\na = b\n\n[ lemur_core ]\n# c = d\nsome=json:JSONDecoder.decode [extra]\n",
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(tmp_path))
    [point] = [point for point in entry_points("lemur_core") if point.name == "some"]
    assert point.value == "json:JSONDecoder.decode"
    assert point.load().__qualname__ == "JSONDecoder.decode"
    assert (point.dist.name, point.dist.version) == ("lemur-Some", "1.0")


def test_version_that_python_would_import_is_used(tmp_path, monkeypatch):
    for site, value in (("late", "json"), ("early", "csv")):
        install(tmp_path / site, "lemur_some-1.0", f"[lemur_core]\nsome = {value}\n")
        monkeypatch.syspath_prepend(str(tmp_path / site))
    [point] = [point for point in entry_points("lemur_core") if point.name == "some"]
    assert point.value == "csv"


def test_missing_folder_on_the_path_is_skipped(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "nowhere"))
    assert isinstance(entry_points("lemur_core"), list)


ONE = "[lemur_core]\none = json\n"
TWO = "[lemur_core]\ntwo = csv\n"
METADATA = "Metadata-Version: 2.1\nName: lemur-toy\nVersion: 1.0\n"


def write(folder, files):
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())


def zipped(file, files):
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)


def dist(folder, points, metadata=METADATA):
    return {f"{folder}/METADATA": metadata, f"{folder}/entry_points.txt": points}


def egg(folder, points, metadata=METADATA):
    return {f"{folder}/PKG-INFO": metadata, f"{folder}/entry_points.txt": points}


PLACES = {
    "a wheel's folder": {"site": dist("lemur_toy-1.0.dist-info", ONE)},
    "upper-case and dots, then the normalized name": {
        "early": dist("Lemur.Toy-1.0.dist-info", ONE),
        "late": dist("lemur_toy-2.0.dist-info", TWO),
    },
    "an egg-info folder": {"site": egg("lemur_toy.egg-info", ONE)},
    "an egg-info folder with versions": {"site": egg("lemur_toy-1.0-py3.11.egg-info", ONE)},
    "an egg-info folder before a wheel's": {
        "early": egg("Lemur.Toy.egg-info", ONE),
        "late": dist("lemur_toy-2.0.dist-info", TWO),
    },
    "an egg-info file, which has no entry points, before a wheel's folder": {
        "early": {"lemur_toy-1.0-py3.11.egg-info": METADATA},
        "late": dist("lemur_toy-2.0.dist-info", TWO),
    },
    "an egg's folder": {"lemur_toy-1.0-py3.11.egg": egg("EGG-INFO", ONE)},
    "an egg's folder after a wheel's": {
        "early": dist("lemur_toy-2.0.dist-info", TWO),
        "lemur_toy-1.0-py3.11.egg": egg("EGG-INFO", ONE),
    },
    "a wheel itself": {"lemur_toy-1.0-py3-none-any.whl": dist("lemur_toy-1.0.dist-info", ONE)},
    "a zipped egg": {"lemur_toy-1.0-py3.11.egg": egg("EGG-INFO", ONE)},
    "a zip of several": {
        "all.zip": dist("lemur_toy-1.0.dist-info", ONE)
        | egg("lemur_other.egg-info", TWO, "Name: lemur-other\nVersion: 3.0\n")
    },
    "a wheel before a folder": {
        "lemur_toy-1.0-py3-none-any.whl": dist("Lemur_Toy-1.0.dist-info", ONE),
        "late": dist("lemur_toy-2.0.dist-info", TWO),
    },
    "a file that is no zip": {"site.txt": {"": "no zip"}, "late": dist("b-1.dist-info", ONE)},
    "no metadata": {"site": {"lemur_toy-1.0.dist-info/entry_points.txt": ONE}},
    "extras, attributes and odd spaces": {
        "site": dist("b-1.dist-info", "\n[x]\na=b\n[lemur_core]\n# c = d\n e = f . g : h.i [j]\n")
    },
}  # fmt: skip


def has_name(distribution):
    try:
        return bool(distribution.metadata["Name"])
    # importlib_metadata, whose finder replaces Python's once it is imported, raises.
    except Exception:
        return False


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_distributions_on_the_path_equal_those_found_by_python(places, tmp_path, monkeypatch):
    for name, files in places.items():
        if name.endswith((".whl", ".zip")) or (name.endswith(".egg") and len(places) == 1):
            zipped(tmp_path / name, files)
        elif "" in files:
            (tmp_path / name).write_text(files[""])
        else:
            write(tmp_path / name, files)
    monkeypatch.setattr(sys, "path", [str(tmp_path / name) for name in places])

    theirs = pythons(group="lemur_core")
    ours = entry_points("lemur_core")

    assert {(p.name, p.value.replace(" ", "")) for p in ours} == {
        (p.name, p.value.partition("[")[0].replace(" ", "")) for p in theirs
    }
    has_metadata = [p for p in theirs if has_name(p.dist)]
    assert {(p.dist.name, p.dist.version) for p in ours if p.dist.name} == {
        (p.dist.name, p.dist.version) for p in has_metadata
    }


def test_an_entry_point_is_loaded_from_a_wheel_on_the_path(tmp_path):
    wheel = tmp_path / "lemur_toy-1.0-py3-none-any.whl"
    zipped(
        wheel,
        dist("lemur_toy-1.0.dist-info", "[lemur_core]\none = lemur_zipped:answer\n")
        | {"lemur_zipped.py": "answer = 42"},
    )
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n"
        "from lemur_core.discovery import entry_points\n"
        "print([p.load() for p in entry_points('lemur_core') if p.name == 'one'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[42]\n"


@pytest.mark.parametrize("folder", ["~emur_toy-1.0.dist-info", "-emur_toy-1.0.dist-info"])
def test_folder_left_behind_by_pip_is_not_a_distribution(folder, tmp_path, monkeypatch):
    write(tmp_path, dist(folder, ONE) | dist("lemur_toy-2.0.dist-info", TWO))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert [p.name for p in entry_points("lemur_core")] == ["two"]


def test_folders_written_with_hyphens_do_not_hide_each_other(tmp_path, monkeypatch):
    write(tmp_path / "a", dist("lemur-toy-1.0.dist-info", ONE) | dist("lemur-b-1.0.dist-info", TWO))
    write(tmp_path / "b", dist("lemur_toy-2.0.dist-info", "[lemur_core]\nthree = csv\n"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b")])
    assert [p.name for p in entry_points("lemur_core")] == ["one", "two"]


@pytest.mark.parametrize(
    "broken",
    [
        dist("stranger-1.0.dist-info", b"[x]\n\xff\xfe = y\n", METADATA),
        dist("stranger-1.0.dist-info", b"\xff\xfe\x00", b"Name: caf\xe9\nVersion: 1\n"),
        {"stranger-1.0.dist-info/entry_points.txt/oops": "a folder"},
        {"stranger-1.0.dist-info": "a file"},
    ],
    ids=["entry points", "all", "a folder instead of a file", "a file instead of a folder"],
)
def test_broken_metadata_does_not_hide_other_distributions(broken, tmp_path, monkeypatch):
    write(tmp_path, broken | dist("lemur_toy-1.0.dist-info", ONE))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    [point] = entry_points("lemur_core")
    assert (point.name, point.dist.name, point.dist.version) == ("one", "lemur-toy", "1.0")


def test_a_finder_that_cannot_decode_metadata_hides_no_other_distribution(tmp_path, monkeypatch):
    class Undecodable:
        def read_text(self, file):
            return b"\xff".decode()

    class Finder:
        def find_distributions(self, context):
            return [Undecodable()]

    write(tmp_path, dist("lemur_toy-1.0.dist-info", ONE))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert [point.name for point in entry_points("lemur_core")] == ["one"]


def test_undecodable_bytes_in_a_plugins_metadata_leave_its_name_and_version(tmp_path, monkeypatch):
    metadata = b"Name: lemur-toy\nAuthor: Jos\xe9\nVERSION: 1.0\n\nVersion: not this\n"
    write(tmp_path, dist("lemur_toy-1.0.dist-info", ONE, metadata))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    [point] = entry_points("lemur_core")
    assert (point.dist.name, point.dist.version) == ("lemur-toy", "1.0")


def test_distributions_of_another_finder_are_found(tmp_path, monkeypatch):
    class Frozen:
        name = "lemur-toy"

        def read_text(self, file):
            return {"METADATA": METADATA, "entry_points.txt": ONE}.get(file)

    class Finder:
        def find_distributions(self, context):
            return [Frozen()]

    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    [point] = entry_points("lemur_core")
    assert (point.dist.name, point.dist.version) == ("lemur-toy", "1.0")


def test_a_plugin_in_a_wheel_on_the_path_is_listed_and_its_net_loaded(tmp_path):
    wheel = tmp_path / "lemur_zip-1.0-py3-none-any.whl"
    points = "[lemur_core]\nzipped = lemur_zip.plugin\n"
    zipped(
        wheel,
        dist("lemur_zip-1.0.dist-info", points)
        | {
            "lemur_zip/__init__.py": "",
            "lemur_zip/plugin.py": (
                "from lemur_core import entries_in, hookimpl\n\n\n@hookimpl\n"
                "def lemur_register_nets():\n    return entries_in('lemur_zip.nets', ['t'])\n"
            ),
            "lemur_zip/nets/__init__.py": "",
            "lemur_zip/nets/One.py": '"""A net of one file."""\nx = 1\n',
            "lemur_zip/nets/Two.py": '"""A net of two."""\nfrom .One import x\n',
        },
    )
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n"
        "from lemur_core.registry import installed\n"
        "plugin = installed().plugins['zipped']\n"
        "for net in plugin.entries['net']:\n"
        "    print(net.name, net.about(), net.load().x, net.code() == net.source(),\n"
        "          [line.rpartition(': ')[2] for line in net.unrecorded(())])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "One A net of one file. 1 True []\n"
        "Two A net of two. 1 True ['other modules of its package, which is in a zip file']\n"
    )
