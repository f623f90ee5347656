"""Ctrl-C: the first finishes the epochs, the second stops at once; the same command resumes."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from lemur_core import data

GOOD = Path(__file__).with_name("faults") / "Good.py"
TRIALS, EPOCHS = 4, 20
COMMAND = (
    "run", "img-classification_digits_acc", "--net", str(GOOD), "--transform", "norm_32",
    "-t", str(TRIALS), "-e", str(EPOCHS), "--threads", "1", "--batch", "64", "--lr", "0.03",
)  # fmt: skip
PYTHON = (sys.executable, "-m", "lemur_core")


def numbers(folder):
    frame = data(db=folder / "lemur.db")
    return frame[["epoch", "accuracy", "validation", "loss", "prm"]].to_dict("records")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run([*PYTHON, *COMMAND], cwd=folder, capture_output=True, check=True)
    return numbers(folder)


@pytest.mark.parametrize("times", [1, 2])
def test_it_exits_with_130_leaves_no_process_and_resumes(tmp_path, whole, times, warm):
    command = (*COMMAND, "--workers", "2")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    campaign = subprocess.Popen([*PYTHON, *command], cwd=tmp_path, text=True, **pipes)
    line = ""
    while "epoch 3/" not in line:
        line = campaign.stdout.readline()
        assert line, campaign.stderr.read()
    workers = psutil.Process(campaign.pid).children(recursive=True)
    for _ in range(times):
        campaign.send_signal(signal.SIGINT)
        time.sleep(0.05)
    output, errors = campaign.communicate()
    assert campaign.returncode == 130
    assert "Traceback" not in output + errors
    assert "finishing the epoch, then stopping; Ctrl-C again stops now" in errors
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert len(gone) >= 2
    assert not alive
    with sqlite3.connect(tmp_path / "lemur.db") as connection:
        states = {state for (state,) in connection.execute("select distinct state from trial")}
    assert "interrupted" in states
    assert states <= {"interrupted", "finished"}
    resumed = warm.run(tmp_path, *command)
    assert resumed.returncode == 0, resumed.stderr
    assert numbers(tmp_path) == whole
