"""Results can be read from a read-only folder or mount."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lemur_core.composition import compose
from lemur_core.errors import StoreError
from lemur_core.pattern import Pattern
from lemur_core.store import care
from lemur_core.store.database import open_database, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

TOYS = Path(__file__).parent / "toys"
# Permissions of folders do not apply to root.
PROGRAM = """
import json, sys
from pathlib import Path
from lemur_core.cli import main
from contextlib import redirect_stdout, redirect_stderr
from io import StringIO

def lemur(arguments):
    out, err = StringIO(), StringIO()
    sys.argv = ["lemur", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            return ended.code, out.getvalue(), err.getvalue()

print(json.dumps([lemur(arguments) for arguments in json.loads(sys.argv[1])]))
"""


def write(db, toys):
    """Write a trial to a database; return what is left open."""
    engine = open_database(db)
    [pipeline] = compose(toys, [Pattern.parse("img-classification_blobs_hits_Linear")])
    writer = Writer(engine, {})
    trial_id = writer.begin(Trial(pipeline, 1, {"lr": 0.1, "transform": "plain"}, 7, 1))
    epoch = Epoch(1, 0.5, 0.5, 0.25, 1)
    writer.record(trial_id, epoch)
    return writer, trial_id, epoch


@pytest.fixture
def folder(toys, tmp_path):
    """Databases: closed, left by a killed process, and without the index of the log."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    writer, trial_id, epoch = write(folder / "closed.db", toys)
    writer.finish(trial_id, Outcome(State.FINISHED, (epoch,)))
    writer.engine.dispose()
    writer, *_ = write(tmp_path / "open.db", toys)
    for end in ("", "-wal", "-shm"):
        shutil.copy(tmp_path / f"open.db{end}", folder / f"killed.db{end}")
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"open.db{end}", folder / f"copied.db{end}")
    writer.engine.dispose()
    return folder


def test_every_reading_command_works_in_a_read_only_folder(folder, tmp_path):
    names = ["closed.db", "killed.db", "copied.db"]
    reads = [
        [*command, "--db", str(folder / name)]
        for name in names
        for command in (
            ["best"],
            ["db", "info"],
            ["db", "check"],
            ["db", "export", str(tmp_path / f"exported-{name}")],
            ["db", "backup", str(tmp_path / f"backup-{name}")],
        )
    ]
    reads += [
        ["db", "merge", str(folder / name), "--db", str(tmp_path / "all.db")] for name in names
    ]
    writes = [
        ["db", "vacuum", "--db", str(folder / "closed.db")],
        ["run", "--net", "Linear", "--trials", "1", "--db", str(folder / "closed.db")],
    ]
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    process = subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", "--ro-bind", folder, folder, "--chdir", tmp_path),
            *(sys.executable, "-c", PROGRAM, json.dumps(reads + writes)),
        ],
        env=os.environ | {"PYTHONPATH": str(TOYS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""
    answers = json.loads(process.stdout)
    assert [(status, err) for status, _, err in answers[: len(reads)]] == [(0, "")] * len(reads)
    bests = [out for _, out, _ in answers[: len(reads) : 5]][:3]
    assert all("0.2500" in best for best in bests)
    for name in names:
        with open_engine(tmp_path / f"backup-{name}") as engine:
            assert care.info(engine).rows["stat"] == 1
    vacuumed, ran = answers[len(reads) :]
    assert vacuumed == [
        2, "",
        f"lemur: error: database {folder}/closed.db: attempt to write a readonly database; "
        "make it writable, or name another with --db\n",
    ]  # fmt: skip
    assert ran == [
        2, "",
        f"lemur: error: database {folder}/closed.db: folder {folder} cannot be written; "
        "make it writable, or name another with --db\n",
    ]  # fmt: skip
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before


def test_writes_during_a_read_without_locks_are_an_error(folder, monkeypatch):
    db = folder / "closed.db"
    connect = sqlite3.connect

    def refused(name, **options):
        # The error of SQLite if it cannot create the file for its locks.
        if "mode=ro" in str(name):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            connect(":memory:").close()
            monkeypatch.setattr(sqlite3, "connect", connect)
            return Refusing(error)
        return connect(name, **options)

    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(sqlite3, "connect", refused)

    def read_while_it_is_written(connection):
        count = connection.exec_driver_sql("select count(*) from trial").scalar()
        time.sleep(0.01)
        os.utime(db)
        return count

    with open_engine(db) as engine, pytest.raises(StoreError) as caught:
        patiently(engine, read_while_it_is_written)
    assert str(caught.value) == (
        f"database {db}: was written to while it was read; run the command again"
    )


class Refusing:
    def __init__(self, error):
        self.error = error

    def execute(self, _):
        raise self.error

    def close(self):
        pass
