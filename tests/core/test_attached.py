"""Facts, artefacts and collections are exported, imported, checked and backed up."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from lemur_core.cli import cli
from lemur_core.kinds.importer import EpochRecord
from lemur_core.store import schema
from lemur_core.store.artefacts import artefact, attach
from lemur_core.store.attached import read_attached
from lemur_core.store.attached_files import attached_in, write_attached
from lemur_core.store.care import check
from lemur_core.store.collections import collect, collection, collections
from lemur_core.store.database import open_engine
from lemur_core.store.facts import read_facts, record
from lemur_core.store.importing.attached import import_attached
from lemur_core.store.importing.published import import_results

A, B = "a" * 32, "b" * 32
FACTS = {"edge.latency_ms": 0.1, "big": 2**70, "text": "ä\ud83d\0", "json": {"a": [1, 1.0, None]}}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "results.db"
    names = {"task": "t", "dataset": "d", "metric": "m", "nn": "Net", "prm": "p"}
    rows = [{"uid": uid, **names, "state": "finished", "versions": {}} for uid in (A, B)]
    with open_engine(path, create=True) as engine, engine.begin() as connection:
        connection.execute(schema.trial.insert(), rows)
        stats = [{"trial_id": trial, "epoch": 1, "accuracy": 0.5} for trial in (1, 2)]
        connection.execute(schema.stat.insert(), stats)
    return path


@pytest.fixture
def ours(template, tmp_path):
    return Path(shutil.copy(template, tmp_path / "ours.db"))


@pytest.fixture
def theirs(template, tmp_path):
    """A database with a collection, whose first trial has facts and an artefact."""
    db = Path(shutil.copy(template, tmp_path / "theirs.db"))
    record(A, FACTS, db=db)
    record(A, {"norm": 1.5}, epoch=1, db=db)
    file = tmp_path / "net.onnx"
    file.write_bytes(b"net")
    attach(A, file, kind="onnx", db=db)
    collect("twins", {"x": [B, A], "y": A}, kind="pair", spec=[1], provenance="doi", db=db)
    return db


def taken(ours, theirs):
    with open_engine(ours) as engine, open_engine(theirs) as other:
        return import_attached(engine, read_attached(other))


def taken_from(ours, place):
    with open_engine(ours) as engine, attached_in(place) as (attached, faults):
        report = import_attached(engine, attached)
        return report, [*faults, *report.faults]


def counts(report):
    return report.facts, report.artefacts, report.collections, report.members


def facts(db):
    with open_engine(db) as engine, engine.connect() as connection:
        return read_facts(connection, [1, 2])


def written(theirs, folder):
    folder.mkdir()
    with open_engine(theirs) as engine:
        return write_attached(read_attached(engine), folder)


def check_all_there(ours, theirs):
    assert facts(ours) == {1: {0: FACTS, 1: {"norm": 1.5}}}
    assert json.dumps(facts(ours)) == json.dumps(facts(theirs))
    stored = artefact(A, "net.onnx", db=ours)
    assert (stored.path.read_bytes(), stored.kind) == (b"net", "onnx")
    assert ours.name in str(stored.path)
    assert collection("twins", db=ours) == collection("twins", db=theirs)


def test_all_attachments_are_imported(ours, theirs):
    assert counts(taken(ours, theirs)) == (5, 1, 1, 3)
    check_all_there(ours, theirs)


def test_importing_again_changes_nothing(ours, theirs):
    taken(ours, theirs)
    report = taken(ours, theirs)
    assert (counts(report), report.notes, report.faults) == ((0, 0, 0, 0), [], [])
    check_all_there(ours, theirs)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_all_attachments_are_exported_to_files(ours, theirs, tmp_path, form):
    place = tmp_path / "out"
    assert written(theirs, place) == []
    if form == "zip":
        place = Path(shutil.make_archive(tmp_path / "packed", "zip", tmp_path, "out"))
    report, faults = taken_from(ours, place)
    assert (counts(report), faults) == ((5, 1, 1, 3), [])
    check_all_there(ours, theirs)
    again, faults = taken_from(ours, place)
    assert (counts(again), faults) == ((0, 0, 0, 0), [])


def test_nothing_is_written_without_attachments(ours, tmp_path):
    written(ours, tmp_path / "out")
    assert [*(tmp_path / "out").iterdir()] == []


def test_conflicting_attachments_are_reported_and_the_others_imported(ours, theirs, tmp_path):
    record(A, {"big": 3}, db=ours)
    record(A, {"text": "ours"}, epoch=1, db=ours)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    attach(A, other, "net.onnx", db=ours)
    report = taken(ours, theirs)
    assert counts(report) == (3, 0, 1, 3)
    assert [tuple(fault) for fault in report.faults] == [
        (f"fact 'big' of trial {A}", "is already recorded with another value, 3"),
        (f"fact 'text' of trial {A}", "is already recorded for its epochs"),
        (
            f"artefact 'net.onnx' of trial {A}",
            "artefact 'net.onnx' of the trial already exists with another content; "
            "choose another name, or replace it",
        ),
    ]
    assert facts(ours)[1] == {
        0: {"big": 3, "edge.latency_ms": 0.1, "json": FACTS["json"]},
        1: {"norm": 1.5, "text": "ours"},
    }
    assert artefact(A, "net.onnx", db=ours).path.read_bytes() == b"other"


def test_an_artefact_of_another_kind_is_reported(ours, theirs):
    attach(A, artefact(A, "net.onnx", db=theirs).path, kind="file", db=ours)
    (fault,) = taken(ours, theirs).faults
    assert "already exists with another kind" in fault.reason


def test_collections_of_the_same_kind_and_spec_are_joined(ours, theirs):
    uid = collect("twins", {"x": A}, kind="pair", spec=[1], db=ours).uid
    report = taken(ours, theirs)
    assert counts(report)[2:] == (0, 2)
    assert report.notes == [
        "collection 'twins' was merged into the existing one with the same name, kind and spec, "
        "which keeps its provenance"
    ]
    twins = collection("twins", db=ours)
    assert twins.uid == uid
    assert [*twins.members] == [("x", 0, A), ("x", 1, B), ("y", 0, A)]
    assert counts(taken(ours, theirs))[2:] == (0, 0)


def test_a_different_collection_of_the_same_name_is_renamed(ours, theirs):
    collect("twins", kind="zoo", db=ours)
    collect("twins-2", kind="zoo", db=ours)
    report = taken(ours, theirs)
    assert report.notes == [
        "collection 'twins' was imported as 'twins-3', because another 'twins' has a different "
        "kind or spec"
    ]
    assert collection("twins-3", db=ours).members == collection("twins", db=theirs).members
    again = taken(ours, theirs)
    assert (counts(again), again.notes) == ((0, 0, 0, 0), [])
    assert [summary.name for summary in collections(db=ours)] == ["twins", "twins-2", "twins-3"]


def test_lost_and_damaged_files_are_reported(ours, theirs, tmp_path):
    path = artefact(A, "net.onnx", db=theirs).path
    path.write_bytes(b"not")
    what = f"artefact 'net.onnx' of trial {A}"
    reason = (
        f"artefact 'net.onnx' of trial {A[:8]}: {path} is not what was attached: "
        "its SHA-256 differs"
    )
    assert [tuple(fault) for fault in taken(ours, theirs).faults] == [(what, reason)]
    assert [tuple(fault) for fault in written(theirs, tmp_path / "out")] == [(what, reason)]
    assert not (tmp_path / "out/lemur/artefacts.jsonl").exists()


def test_missing_trials_are_reported(ours, theirs, tmp_path):
    written(theirs, tmp_path / "out")
    file = tmp_path / "out/lemur"
    for path in file.glob("*.jsonl"):
        path.write_text(path.read_text().replace(A, "c" * 32))
    shutil.move(file / "artefacts" / A, file / "artefacts" / ("c" * 32))
    report, faults = taken_from(ours, tmp_path / "out")
    assert counts(report) == (0, 0, 1, 1)
    assert len(faults) == 8
    assert {fault.reason for fault in faults} == {
        "the trial does not exist", f"trial {'c' * 32} does not exist"
    }  # fmt: skip


NONSENSE = {
    "facts.jsonl": [
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "is not a line of facts.jsonl"),
        ('{"trial": "a", "epoch": 0, "facts": {}}', "is not a line of facts.jsonl"),
        (f'{{"trial": "{A}", "epoch": 0.5, "facts": {{}}}}', "is not a line of facts.jsonl"),
        (f'{{"trial": "{A}", "epoch": 0, "facts": [1]}}', "is not a line of facts.jsonl"),
        (
            f'{{"trial": "{A}", "epoch": 0, "facts": {{"a": NaN}}}}',
            "fact 'a': is or contains nan; expected finite numbers",
        ),
        (f'{{"trial": "{A}", "epoch": 9, "facts": {{"a": 1}}}}', "epoch 9 is not recorded"),
    ],
    "artefacts.jsonl": [
        ('{"trial": 3}', "is not a line of artefacts.jsonl"),
        (
            json.dumps(
                {"trial": A, "name": "passwd", "kind": "file", "path": f"{A}/../../passwd",
                 "sha256": "0" * 64, "bytes": 3}
            ),
            "is not a line of artefacts.jsonl",
        ),
        (
            json.dumps(
                {"trial": A, "name": "../passwd", "kind": "file", "path": f"{A}/../passwd",
                 "sha256": "0" * 64, "bytes": 3}
            ),
            "artefact name '../passwd': expected the name of a file, not a path",
        ),
        (
            json.dumps(
                {"trial": A, "name": "gone", "kind": "file", "path": f"{A}/gone",
                 "sha256": "0" * 64, "bytes": 3}
            ),
            f"there is no lemur/artefacts/{A}/gone, or it cannot be read",
        ),
    ],
    "collections.jsonl": [
        ("null", "is not a line of collections.jsonl"),
        (
            json.dumps(
                {"uid": A, "name": "a\n", "kind": "set", "spec": 1, "provenance": 1,
                 "created": "today", "members": []}
            ),
            "collection name 'a\\n': starts or ends with a space",
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_each_invalid_line_is_reported(ours, tmp_path, name):
    folder = tmp_path / "out" / "lemur"
    folder.mkdir(parents=True)
    (folder / name).write_text("".join(f"{line}\n" for line, _ in NONSENSE[name]))
    report, faults = taken_from(ours, tmp_path / "out")
    assert counts(report) == (0, 0, 0, 0)
    assert sorted(fault.reason for fault in faults) == sorted(why for _, why in NONSENSE[name])
    assert all("\n" not in f"{fault.place}{fault.reason}" for fault in faults)


def damage(db, *statement):
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(*statement)


def faults(db):
    with open_engine(db) as engine:
        # The trials of this database have no hyperparameters.
        return [
            line
            for line in check(engine)
            if "hyperparameters" not in line and "expected" not in line
        ]


def test_intact_attachments_are_sound(theirs):
    assert faults(theirs) == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "update fact set value = '1.5x' where name = 'norm'",
            f"fact 'norm' of trial {A}, epoch 1: is not what lemur writes",
        ),
        (
            "update fact set value = 'NaN' where name = 'norm'",
            f"fact 'norm' of trial {A}, epoch 1: is not what lemur writes",
        ),
        (
            "update fact set epoch = 7 where name = 'norm'",
            f"fact 'norm' of trial {A}: epoch 7 is not recorded",
        ),
        ("update collection set spec = '{'", "collection 'twins': its spec is not valid JSON"),
        (
            "delete from member where role = 'x' and position = 0",
            "collection 'twins': the positions of its role 'x' have gaps",
        ),
    ],
)
def test_altered_attachments_are_found(theirs, statement, fault):
    damage(theirs, statement)
    assert faults(theirs) == [fault]


def test_an_altered_artefact_is_found(theirs):
    path = artefact(A, "net.onnx", db=theirs).path
    path.write_bytes(b"not")
    (fault,) = faults(theirs)
    assert fault.endswith("net.onnx is not what was attached: its SHA-256 differs")
    path.unlink()
    (fault,) = faults(theirs)
    assert fault.endswith("net.onnx is missing")


def lemur(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)


def test_info_counts_attachments(theirs):
    lines = lemur("db", "info", "--db", theirs).output.splitlines()
    for line in ("fact        5", "artefact    1", "collection  1", "member      3"):
        assert line in lines
    assert f"artefacts   3 B in {theirs}-artefacts" in lines


def test_a_backup_contains_the_artefacts(theirs, tmp_path):
    copy = tmp_path / "copy.db"
    ran = lemur("db", "backup", copy, "--db", theirs)
    assert ran.exit_code == 0
    assert f"wrote {copy}-artefacts, 1 artefact, 3 B" in ran.output.splitlines()
    for original in (theirs, Path(f"{theirs}-artefacts")):
        shutil.move(original, tmp_path / f"gone-{original.name}")
    assert faults(copy) == []
    assert artefact(A, "net.onnx", db=copy).path.read_bytes() == b"net"


def test_a_backup_reports_lost_artefacts(theirs, tmp_path):
    artefact(A, "net.onnx", db=theirs).path.unlink()
    ran = lemur("db", "backup", tmp_path / "copy.db", "--db", theirs)
    assert ran.exit_code == 1
    assert "net.onnx is missing" in ran.output


def test_a_backup_does_not_overwrite_artefacts(theirs, tmp_path):
    (tmp_path / "copy.db-artefacts").mkdir()
    ran = CliRunner().invoke(cli, ["db", "backup", f"{tmp_path}/copy.db", "--db", str(theirs)])
    assert str(ran.exception) == (
        f"backup {tmp_path}/copy.db-artefacts: already exists; name another file, or remove it"
    )
    assert not (tmp_path / "copy.db").exists()


def test_facts_read_by_an_importer_are_recorded(tmp_path):
    def read(place):
        names = ("t", "d", "m", "Net")
        trial = {"trial": "first", "trial_facts": {"depth": 3, "norm": 1}}
        yield EpochRecord(*names, {"lr": 0.1}, 1, 0.5, facts={"norm": 1.5}, **trial)
        yield EpochRecord(*names, {"lr": 0.1}, 2, 0.5, facts={"a": 2**70}, **trial)

    db, place = tmp_path / "imported.db", tmp_path / "zoo.csv"
    place.touch()
    for added in (2, 0):
        with open_engine(db, create=True) as engine:
            report = import_results(engine, place, read, "zoos")
        assert (report.read, report.added, len(report.faults)) == (2, added, 1)
    assert facts(db) == {1: {0: {"depth": 3}, 1: {"norm": 1.5}, 2: {"a": 2**70}}}
    assert [fault.reason for fault in report.faults] == ["is already recorded for its epochs"]
