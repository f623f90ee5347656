"""Every way to fail, for real, in one campaign beside a good net."""

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from lemur_core import run
from lemur_core.trial import State

FAULTS = Path(__file__).with_name("faults")

# The net; how many epochs are recorded before it fails; why it does.
FAILURES = {
    "Quits": (1, "its process exited with status 3"),
    "Leaves": (1, "SystemExit: enough"),
    "Crashes": (1, "its process was ended by signal 11 (SIGSEGV)"),
    "Sleeps": (1, "epoch 2 took longer than 12 s"),
    "Loops": (1, "epoch 2 took longer than 12 s"),
    "Eats": (1, "GiB of memory; the limit is 1.50 GiB"),
    "Killed": (
        1,
        "its process was ended by signal 9 (SIGKILL)",
    ),
    "Diverges": (0, "NotFiniteError: training loss is nan"),
    "Poisoned": (1, "NotFiniteError: parameter layers.0.bias is not finite"),
    "Unbuilt": (0, "ValueError: no such layer"),
    "Unset": (0, "ValueError: no such optimizer"),
    "Unfed": (0, "RuntimeError: size mismatch"),
    "Verbose": (1, "EndlessError: word word"),
    "Mute": (1, "MuteError: (its text cannot be shown)"),
}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """Train all of them, the good one first and last; give the summary and the trials."""
    db = tmp_path_factory.mktemp("faults") / "results.db"
    files = [str(FAULTS / f"{name}.py") for name in ("Good", *FAILURES)]
    summary = run(
        "img-classification_digits_acc", net=files, transform="norm_32", trials=1, epochs=2,
        batch=128, lr=0.03, momentum=0.9, fail_attempts=1, epoch_limit=0.2, memory_limit=1.5,
        threads=1, workers=2, db=str(db),
    )  # fmt: skip
    with sqlite3.connect(db) as connection:
        rows = connection.execute(
            "select nn, state, reason, traceback, (select count(*) from stat where trial_id = id)"
            " from trial"
        ).fetchall()
    return summary, {nn: rest for nn, *rest in rows}


def test_each_costs_its_own_trial_alone(campaign):
    summary, trials = campaign
    assert summary.states == Counter({State.FINISHED: 1, State.FAILED: len(FAILURES)})
    assert summary.exit_status == 1
    assert trials["Good"][0] == "finished"
    assert sum(summary.reasons.values()) == len(FAILURES)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_recorded_with_its_reason_and_the_epochs_before_it(campaign, name):
    epochs, text = FAILURES[name]
    state, reason, traceback, recorded = campaign[1][name]
    assert (state, recorded) == ("failed", epochs)
    assert text in reason
    assert len(reason) <= 500
    assert ("Traceback" in traceback) == (": " in text and "limit" not in text)
