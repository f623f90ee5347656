"""A recorded trial is trained again; differences and their causes are reported."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .test_run import DIGITS, SMALL

RUN = (
    "run", DIGITS, "--transform", "norm_32", "-t", 2, "-e", 2, "--threads", 1, "--metric", "acc,f1",
    "-q",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, warm):
    """Two trials of a net from a file that no longer exists."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copy(SMALL, folder / "Mine.py")
    ran = warm.run(folder, *RUN, "--net", "Mine.py")
    assert ran.returncode == 0, ran.stderr
    (folder / "Mine.py").unlink()
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    shutil.copy(trained / "lemur.db", tmp_path)
    return tmp_path


def uids(folder):
    with closing(sqlite3.connect(folder / "lemur.db")) as connection:
        return [uid for (uid,) in connection.execute("select uid from trial order by id")]


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder / "lemur.db")) as connection, connection:
        connection.execute(statement, values)


def test_the_recorded_code_gives_the_same_results(folder, warm):
    for uid in uids(folder):
        ran = warm.run(folder, "reproduce", uid[:10])
        assert ran.returncode == 0, ran.stderr + ran.stdout
        assert ran.stdout.splitlines()[-1] == "the same"
        assert ran.stdout.count("epoch ") == 2


def test_differences_and_changes_are_reported(folder, warm):
    uid = uids(folder)[0]
    change(folder, "update stat set accuracy = 0.125 where trial_id = 1 and epoch = 2")
    change(folder, "update trial set versions = ?", json.dumps({"torch": "1.0", "gone": "3"}))
    change(folder, "update code set text = '# another' where hash = (select hash from metric)")
    ran = warm.run(folder, "reproduce", uid)
    assert ran.returncode == 1
    lines = ran.stdout.splitlines()
    assert lines[2].startswith("epoch 2: accuracy was 0.125, is 0.")
    assert "gone was 3, is not installed" in lines
    assert any(line.startswith("torch was 1.0, is 2.") for line in lines)
    assert "the code of metric 'acc' has changed" in lines
    assert lines[-1] == "not the same"


def test_the_recorded_code_is_run_instead_of_a_net_of_the_same_name(folder, warm):
    uid = uids(folder)[0]
    change(folder, "update trial set nn = 'ResNet'")
    assert warm.run(folder, "reproduce", uid).stdout.splitlines()[-1] == "the same"


def test_failing_code_is_reported(folder, warm):
    change(folder, "update code set text = 'import nowhere' where hash = (select hash from nn)")
    change(folder, "update trial set recipe = null")
    ran = warm.run(folder, "reproduce", uids(folder)[0])
    assert (ran.returncode, ran.stdout.splitlines()) == (
        1,
        ["failed: ModuleNotFoundError: No module named 'nowhere'", "not the same"],
    )


def test_a_trial_with_an_incomplete_record_is_rejected(folder, warm):
    uid = uids(folder)[0]
    change(folder, "update trial set seed = null, nn_id = null")
    ran = warm.run(folder, "reproduce", uid)
    assert (ran.returncode, ran.stderr) == (
        2,
        f"lemur: error: trial {uid}: cannot be run again, because its seed and code "
        "were not recorded\n",
    )


def test_differences_between_two_trials_are_shown(folder, warm):
    first, second = uids(folder)
    change(folder, "insert into code values ('x', 'other code')")
    change(folder, "insert into nn values (99, 'Mine', 'x')")
    change(folder, "update trial set nn_id = 99 where uid = ?", second)
    ran = warm.run(folder, "compare", first, second[:12])
    assert ran.returncode == 0, ran.stderr
    for text in ("prm lr", f"accuracy {first[:8]}", f"validation {second[:8]}", "+other code"):
        assert text in ran.stdout
    assert "prm transform" not in ran.stdout
    assert "no difference in settings, state" in warm.run(folder, "compare", first, first).stdout


def test_the_temporary_file_of_the_net_is_removed(folder, tmp_path, monkeypatch, warm):
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    warm.run(folder, "reproduce", uids(folder)[0])
    assert [path for path in place.iterdir() if Path(path).name.startswith("lemur-")] == []
