"""Artefacts: files of a trial, stored in a folder beside the database."""

import os
import shutil
from pathlib import Path

import pytest

from lemur_core.errors import ArtefactError, UnknownNameError
from lemur_core.store import artefacts, schema
from lemur_core.store.artefacts import artefact, attach
from lemur_core.store.database import open_engine

UID = "5" * 32
# Computed with sha256sum from b"net".
NET_SHA256 = "a08a0fcbdeafd3c1b3a4b495b9a9c9d96850f08946b52bc0622347d3b6e73b78"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "results.db"
    names = {"task": "t", "dataset": "d", "metric": "m", "nn": "Net", "prm": "p"}
    row = {"uid": UID, **names, "state": "finished", "versions": {}}
    with open_engine(path, create=True) as engine, engine.begin() as connection:
        connection.execute(schema.trial.insert().values(row))
    return path


@pytest.fixture
def db(template, tmp_path):
    """A database with one trial."""
    return Path(shutil.copy(template, tmp_path))


@pytest.fixture
def net(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"net")
    return file


def files(db):
    folder = Path(f"{db}-artefacts")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_file_is_copied_beside_the_database(db, net):
    attached = attach("555", net, kind="onnx", db=db)
    assert (attached.trial, attached.name, attached.kind) == (UID, "net.onnx", "onnx")
    assert (attached.sha256, attached.bytes) == (NET_SHA256, 3)
    assert attached.path == Path(f"{db}-artefacts") / UID / "net.onnx"
    net.unlink()
    assert artefact(UID, "net.onnx", db=db) == attached
    with open(artefact(UID, "net.onnx", db=db), "rb") as file:
        assert file.read() == b"net"
    assert files(db) == {f"{UID}/net.onnx": b"net"}


def test_a_moved_database_finds_its_files(db, net, tmp_path):
    attach(UID, net, db=db)
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (db, Path(f"{db}-artefacts")):
        shutil.move(path, moved / path.name)
    assert artefact(UID, "net.onnx", db=moved / db.name).path.read_bytes() == b"net"


def test_the_same_content_again_changes_nothing(db, net):
    assert attach(UID, net, db=db) == attach(UID, net, db=db)
    assert files(db) == {f"{UID}/net.onnx": b"net"}


def test_different_content_is_refused_unless_replace_is_set(db, net):
    attach(UID, net, db=db)
    net.write_bytes(b"other")
    with pytest.raises(ArtefactError) as raised:
        attach(UID, net, db=db)
    assert str(raised.value) == (
        "artefact 'net.onnx' of the trial already exists with another content; "
        "choose another name, or replace it"
    )
    assert artefact(UID, "net.onnx", db=db).path.read_bytes() == b"net"
    assert attach(UID, net, db=db, replace=True).bytes == 5
    assert artefact(UID, "net.onnx", db=db).path.read_bytes() == b"other"
    assert [*files(db).values()] == [b"other"]


def test_another_kind_is_refused(db, net):
    attach(UID, net, db=db)
    with pytest.raises(ArtefactError, match="already exists with another kind"):
        attach(UID, net, kind="onnx", db=db)


def test_an_interrupted_replacement_keeps_the_old_file(db, net, monkeypatch):
    attach(UID, net, db=db)
    net.write_bytes(b"other")
    monkeypatch.setattr(artefacts, "_write_row", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attach(UID, net, db=db, replace=True)
    assert artefact(UID, "net.onnx", db=db).path.read_bytes() == b"net"


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"not")])
def test_attaching_again_restores_a_lost_file(db, net, spoil):
    spoil(attach(UID, net, db=db).path)
    with pytest.raises(ArtefactError):
        artefact(UID, "net.onnx", db=db)
    attach(UID, net, db=db)
    assert artefact(UID, "net.onnx", db=db).path.read_bytes() == b"net"


def test_a_damaged_file_is_reported(db, net):
    path = attach(UID, net, db=db).path
    what = f"artefact 'net.onnx' of trial 55555555: {path}"
    for content, fault in (
        (b"not", " is not what was attached: its SHA-256 differs"),
        (b"", " has 0 bytes, 3 were attached"),
        (None, " is missing"),
    ):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(ArtefactError) as raised:
            artefact(UID, "net.onnx", db=db)
        assert str(raised.value) == what + fault


def test_names_equal_on_the_file_system_get_separate_paths(db, net):
    # As on a case-insensitive file system, where `net.onnx` and `NET.onnx` are the same path.
    attach(UID, net, db=db)
    shutil.copy(net, Path(f"{db}-artefacts") / UID / "NET.onnx")
    other = net.with_name("other")
    other.write_bytes(b"other")
    assert attach(UID, other, "NET.onnx", db=db).path.read_bytes() == b"other"
    assert artefact(UID, "net.onnx", db=db).path.read_bytes() == b"net"
    assert artefact(UID, "NET.onnx", db=db).path.read_bytes() == b"other"


def test_links_directories_and_pipes_are_refused(db, net, tmp_path):
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(net)
    os.mkfifo(pipe)
    for path, line in (
        (link, "is a symbolic link; name the file it leads to"),
        (tmp_path, "is a directory; attach an archive of it"),
        (pipe, "is not a regular file"),
        (tmp_path / "gone", "there is no such file"),
    ):
        with pytest.raises(ArtefactError) as raised:
            attach(UID, path, "name", db=db)
        assert str(raised.value) == f"artefact {path}: {line}"
    assert not Path(f"{db}-artefacts").exists()


def test_a_file_that_changes_while_it_is_copied_is_refused(db, net, monkeypatch):
    fsync = os.fsync

    def grow(handle):
        net.write_bytes(b"network")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", grow)
    with pytest.raises(ArtefactError) as raised:
        attach(UID, net, db=db)
    assert str(raised.value) == (
        f"artefact {net}: changed while it was copied; attach it when it is written"
    )
    assert files(db) == {}


def test_an_unwritable_folder_is_an_error_of_one_line(db, net):
    Path(f"{db}-artefacts").write_text("")
    with pytest.raises(ArtefactError) as raised:
        attach(UID, net, db=db)
    assert str(raised.value) == (
        f"artefact {net}: cannot be copied to {db}-artefacts: Not a directory"
    )


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a\\b", "", "a\0", "ü" * 130, " a"], ids=repr)
def test_an_invalid_file_name_is_refused(db, net, name):
    with pytest.raises(ArtefactError, match="artefact name"):
        attach(UID, net, name, db=db)


def test_unknown_trials_and_artefacts_are_errors_of_one_line(db, net):
    with pytest.raises(UnknownNameError, match="unknown trial '6'"):
        attach("6", net, db=db)
    with pytest.raises(UnknownNameError) as raised:
        artefact(UID, "net", db=db)
    assert str(raised.value) == (
        "unknown artefact 'net'; there are none: the trial has no artefact"
    )
