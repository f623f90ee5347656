"""A file that cannot be written is reported in one line, and the previous file stays."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lemur_core import Entry, registry
from lemur_core.errors import SettingsError, WriteError
from lemur_core.files import replacement
from lemur_core.store import export
from lemur_core.store.database import open_database

from .test_taking import FIRST, publish


def test_file_is_replaced_only_when_completely_written(tmp_path):
    file = tmp_path / "some.csv"
    file.write_text("before")
    file.chmod(0o640)
    with replacement(file) as path:
        path.write_text("after")
        assert path.name == file.name
        assert file.read_text() == "before"
    assert file.read_text() == "after"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_new_file_has_the_default_mode(tmp_path):
    (tmp_path / "other").touch()
    with replacement(tmp_path / "some") as path:
        path.touch()
    assert (tmp_path / "some").stat().st_mode == (tmp_path / "other").stat().st_mode


def write_half(file, error):
    with replacement(file) as path:
        path.write_text("half of i")
        raise error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_file_stays_unchanged_if_writing_fails(tmp_path, error):
    file = tmp_path / "some.csv"
    file.write_text("before")
    with pytest.raises((WriteError, KeyboardInterrupt)) as caught:
        write_half(file, error)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
    if isinstance(error, OSError):
        assert str(caught.value) == f"{file}: cannot be written: No space left on device"


def test_lemur_error_is_not_converted_to_a_write_error(tmp_path):
    with pytest.raises(SettingsError, match="^two rows$"):
        write_half(tmp_path / "some", SettingsError("two rows"))
    assert not list(tmp_path.iterdir())


def test_another_file_that_causes_the_error_is_named(tmp_path):
    with pytest.raises(WriteError) as caught, replacement(tmp_path / "some.csv"):
        (tmp_path / "template").read_text()
    assert str(caught.value) == (
        f"{tmp_path / 'some.csv'}: cannot be written: No such file or directory: "
        f"{tmp_path / 'template'}"
    )


def test_additional_written_files_are_moved_too(tmp_path):
    with replacement(tmp_path / "some.csv") as path:
        path.touch()
        path.with_name("some.csvw").touch()
    assert {file.name for file in tmp_path.iterdir()} == {"some.csv", "some.csvw"}


def test_the_file_of_a_symbolic_link_is_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for text in ("one", "two"):
        with replacement(tmp_path / "link") as path:
            path.write_text(text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").read_text() == text


def test_link_to_itself_is_replaced(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with replacement(tmp_path / "loop") as path:
        path.write_text("text")
    assert (tmp_path / "loop").read_text() == "text"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("folder", "is a directory; expected the name of a file"),
        ("nowhere/some.csv", "there is no directory {}/nowhere"),
        ("file/some.csv", "there is no directory {}/file"),
    ],
)
def test_path_that_cannot_be_written_is_reported(tmp_path, place, reason):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(WriteError) as caught, replacement(tmp_path / place):
        pass
    assert str(caught.value) == (
        f"{tmp_path / place}: cannot be written: {reason.format(tmp_path)}"
    )


def test_pipes_are_written_directly(tmp_path):
    command = "from lemur_core.files import replacement; from pathlib import Path\n"
    command += "with replacement(Path('/dev/stdout')) as path: path.write_text('hello')"
    output = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    assert output.stdout == b"hello"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command",
    [
        ("data", "--format", "csv"),
        ("data", "--format", "xlsx"),
        ("data", "--format", "parquet"),
        ("data",),
    ],
)
def test_full_disk_prints_one_line(lemur, tmp_path, command):
    open_database(tmp_path / "lemur.db").dispose()
    full = "/dev/full"
    assert lemur(*command, "--output", full) == (
        2, "", f"lemur: error: {full}: cannot be written: No space left on device\n",
    )  # fmt: skip


def test_command_that_cannot_write_a_file_prints_one_line(lemur, tmp_path):
    open_database(tmp_path / "lemur.db").dispose()
    lost = "nowhere/x.png: cannot be written: there is no directory nowhere"
    for command in (["data"], ["data", "--format", "csv"], ["export", "--format", "csv"]):
        assert lemur(*command, "-o", "nowhere/x.png") == (2, "", f"lemur: error: {lost}\n")
    assert lemur("db", "backup", "nowhere/x") == (
        2, "", "lemur: error: backup nowhere/x: there is no directory nowhere\n"
    )  # fmt: skip
    (tmp_path / "file").touch()
    assert lemur("db", "export", "file/x") == (
        2, "", "lemur: error: file/x: Not a directory\n"
    )  # fmt: skip


FAILING_EXPORTER = """
def export(frame, path):
    path.write_text("half")
    raise OSError(28, "No space left on device", str(path))
"""


def test_exporter_that_cannot_write_prints_one_line(lemur, tmp_path, toys, monkeypatch):
    (tmp_path / "failing_exporter.py").write_text(FAILING_EXPORTER)
    monkeypatch.syspath_prepend(tmp_path)
    exporter = Entry("failing", "failing_exporter:export")
    more = toys.with_entries("more", "exporter", [exporter])
    open_database(tmp_path / "lemur.db").dispose()
    (tmp_path / "out.txt").write_text("before")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "installed", lambda: more)
        output = lemur("export", "--format", "failing", "--output", "out.txt")
    assert output == (2, "", "lemur: error: out.txt: cannot be written: No space left on device\n")
    assert (tmp_path / "out.txt").read_text() == "before"


def test_a_new_plugin_that_cannot_be_written_leaves_nothing(lemur, tmp_path, monkeypatch):
    def write_text(path, *_, **__):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", write_text)
    status, _, err = lemur("new", "plugin", "tiny")
    assert status == 2
    assert err.startswith("lemur: error: lemur-tiny: cannot be written: No space left on device")
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_results_that_cannot_all_be_exported_leave_an_empty_folder(lemur, tmp_path, monkeypatch):
    publish(tmp_path / "stat", 1, [FIRST])
    publish(tmp_path / "stat", 2, [FIRST])
    assert lemur("db", "import", "stat")[0] == 0
    write = export._write

    def fails_at_the_second(file, records):
        if file.name == "2.json":
            raise OSError(28, "No space left on device", str(file))
        write(file, records)

    monkeypatch.setattr(export, "_write", fails_at_the_second)
    status, _, err = lemur("db", "export", "out")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "No space left on device" in err
    assert not list((tmp_path / "out").iterdir())


def test_operating_system_error_prints_one_line_in_every_command(lemur, tmp_path, monkeypatch):
    open_database(tmp_path / "lemur.db").dispose()

    def info(engine):
        raise PermissionError(13, "Permission denied", "some/file")

    monkeypatch.setattr("lemur_core.store.care.info", info)
    assert lemur("db", "info") == (2, "", "lemur: error: some/file: Permission denied\n")
