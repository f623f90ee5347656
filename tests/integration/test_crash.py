"""A campaign that is killed repeatedly ends with exactly the requested trials, each once."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lemur_core import data

GOOD = Path(__file__).with_name("faults") / "Good.py"
KILLS, TRIALS, EPOCHS = 20, 6, 40
COMMAND = (
    "run", "img-classification_digits_acc", "--net", str(GOOD), "--transform", "norm_32",
    "-t", str(TRIALS), "-e", str(EPOCHS), "--threads", "1", "--seed", "1", "--lr", "0.03",
    "--batch", "64", "--json",
)  # fmt: skip
PYTHON = (sys.executable, "-m", "lemur_core")


def acknowledged(lines):
    """Return the epochs that a campaign reported as recorded."""
    import json

    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return {(e["trial"], e["epoch"]) for e in events if e["event"] == "EpochEnded"}


def stored(db):
    with sqlite3.connect(db) as connection:
        [(check,)] = connection.execute("pragma integrity_check").fetchall()
        rows = connection.execute(
            "select number, epoch, count(*) from stat"
            " join trial on trial_id = trial.id group by 1, 2"
        ).fetchall()
    assert check == "ok"
    assert all(count == 1 for _, _, count in rows)
    return {(number, epoch) for number, epoch, _ in rows}


def wait_for(epochs, campaign, output, patience_s=120):
    """Wait until a running campaign has reported so many ended epochs."""
    until = time.monotonic() + patience_s
    while output.read_text().count("EpochEnded") < epochs:
        assert campaign.poll() is None, "the campaign had nothing left to train"
        assert time.monotonic() < until, f"fewer than {epochs} epochs within {patience_s} s"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def killed(tmp_path_factory, warm):
    """Kill a campaign at random moments, then let it end; return its database."""
    folder, seen, drawn = tmp_path_factory.mktemp("crash"), set(), random.Random(0)
    db = folder / "lemur.db"
    command = (*COMMAND, "--workers", "2")
    for _ in range(KILLS):
        output = folder / "output"
        # One kill in five happens during start-up, the others during training.
        is_starting = drawn.random() < 0.2
        with (
            output.open("w") as file,
            subprocess.Popen([*PYTHON, *command], cwd=folder, stdout=file)
            if is_starting
            else warm.start(folder, *command, stdout=file) as campaign,
        ):
            try:
                # Delays are counted in epochs, as a fast machine would train everything before
                # the last kill.
                if is_starting:
                    time.sleep(drawn.uniform(0, 4))
                else:
                    wait_for(drawn.randrange(1, 11), campaign, output)
                    time.sleep(drawn.uniform(0, 0.1))
            finally:
                campaign.kill()
        seen |= acknowledged(output.read_text().splitlines(keepends=True))
        if db.exists():
            assert seen <= stored(db)
    ended = warm.run(folder, *COMMAND)
    assert ended.returncode == 0, ended.stderr
    return db


def test_the_study_ends_with_exactly_the_requested_trials(killed):
    with sqlite3.connect(killed) as connection:
        states = connection.execute("select state, count(*) from trial group by 1").fetchall()
    assert [row for row in states if row[0] != "abandoned"] == [("finished", TRIALS)]
    finished = data(db=killed).query("state == 'finished'")
    assert (
        sorted(finished.groupby("trial")["epoch"].apply(list))
        == [list(range(1, EPOCHS + 1))] * TRIALS
    )


def test_the_results_are_those_of_an_uninterrupted_campaign(killed, tmp_path):
    subprocess.run([*PYTHON, *COMMAND], cwd=tmp_path, capture_output=True, check=True)
    columns = ["epoch", "accuracy", "validation", "loss", "prm"]
    whole = data(db=tmp_path / "lemur.db")[columns].to_dict("records")
    finished = data(db=killed).query("state == 'finished'")[columns].to_dict("records")
    assert finished == whole
