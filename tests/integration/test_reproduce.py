"""A recorded trial is trained again; what differs is said, and why."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .test_run import DIGITS, SMALL, lemur

RUN = (
    "run", DIGITS, "--transform", "norm_32", "-t", 2, "-e", 2, "--threads", 1, "--metric", "acc,f1",
    "-q",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two trials of a net that is a file of its own, which is gone."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copy(SMALL, folder / "Mine.py")
    ran = lemur(folder, *RUN, "--net", "Mine.py")
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


def test_from_its_recorded_code_it_gives_the_same_numbers(folder):
    for uid in uids(folder):
        ran = lemur(folder, "reproduce", uid[:10])
        assert ran.returncode == 0, ran.stderr + ran.stdout
        assert ran.stdout.splitlines()[-1] == "the same"
        assert ran.stdout.count("epoch ") == 2


def test_what_differs_is_said_and_what_changed(folder):
    uid = uids(folder)[0]
    change(folder, "update stat set accuracy = 0.125 where trial_id = 1 and epoch = 2")
    change(folder, "update trial set versions = ?", json.dumps({"torch": "1.0", "gone": "3"}))
    change(folder, "update code set text = '# another' where hash = (select hash from metric)")
    ran = lemur(folder, "reproduce", uid)
    assert ran.returncode == 1
    said = ran.stdout.splitlines()
    assert said[2].startswith("epoch 2: accuracy was 0.125, is 0.")
    assert "gone was 3, is not there" in said
    assert any(line.startswith("torch was 1.0, is 2.") for line in said)
    assert "the code of metric 'acc' is another" in said
    assert said[-1] == "not the same"


def test_its_code_is_run_that_was_recorded_not_what_has_its_name(folder):
    uid = uids(folder)[0]
    change(folder, "update trial set nn = 'ResNet'")
    assert lemur(folder, "reproduce", uid).stdout.splitlines()[-1] == "the same"


def test_code_that_fails_is_said(folder):
    change(folder, "update code set text = 'import nowhere' where hash = (select hash from nn)")
    change(folder, "update trial set recipe = null")
    ran = lemur(folder, "reproduce", uids(folder)[0])
    assert (ran.returncode, ran.stdout.splitlines()) == (
        1,
        ["failed: ModuleNotFoundError: No module named 'nowhere'", "not the same"],
    )


def test_of_which_too_little_is_known_is_refused(folder):
    uid = uids(folder)[0]
    change(folder, "update trial set seed = null, nn_id = null")
    ran = lemur(folder, "reproduce", uid)
    assert (ran.returncode, ran.stderr) == (
        2,
        f"lemur: error: trial {uid}: cannot be run again, for nothing is known of its seed, code\n",
    )


def test_in_what_two_trials_differ_is_shown(folder):
    one, other = uids(folder)
    change(folder, "insert into code values ('x', 'other code')")
    change(folder, "insert into nn values (99, 'Mine', 'x')")
    change(folder, "update trial set nn_id = 99 where uid = ?", other)
    ran = lemur(folder, "compare", one, other[:12])
    assert ran.returncode == 0, ran.stderr
    for text in ("prm lr", f"accuracy {one[:8]}", f"validation {other[:8]}", "+other code"):
        assert text in ran.stdout
    assert "prm transform" not in ran.stdout
    assert "no difference in settings" in lemur(folder, "compare", one, one).stdout


def test_the_net_of_a_trial_is_nowhere_left_behind(folder, tmp_path, monkeypatch):
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    lemur(folder, "reproduce", uids(folder)[0])
    assert [one for one in place.iterdir() if Path(one).name.startswith("lemur-")] == []
