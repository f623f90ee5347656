"""What is in the files that Weights & Biases writes offline."""

import json
import re
from pathlib import Path

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from lemur_core.errors import SettingsError, WriteError
from lemur_core.trial import Prediction
from lemur_trackers.wandb import WandB
from lemur_trackers.wandb_file import _records, history

from .trials import PARTS, epochs, follow, follow_side_by_side, start, trial

OWN = {"_step", "_runtime", "_timestamp"}


def files():
    """Return the files of runs; W&B completes them when its process ends."""
    wandb.teardown()
    return sorted(Path().glob("**/offline-run-*/*.wandb"), key=lambda file: file.stat().st_mtime_ns)


def records(file, kind):
    parsed = [Record.FromString(data) for data in _records(file.read_bytes())]
    return [getattr(record, kind) for record in parsed if record.HasField(kind)]


def items(message):
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in message}


def rows(file):
    parsed = [items(record.item) for record in records(file, "history")]
    return [(row["_step"], {name: row[name] for name in row.keys() - OWN}) for row in parsed]


def summary(file):
    return {
        name: value
        for record in records(file, "summary")
        for name, value in items(record.update).items()
        if name not in OWN
    }


@pytest.fixture(autouse=True)
def new_process(monkeypatch):
    """Nothing was sent before, and W&B's own process ends."""
    monkeypatch.setattr("lemur_trackers.wandb._SENT", {})
    yield
    wandb.teardown()


def test_a_trial_is_a_run_with_its_id():
    follow(start(WandB()), trial(depth=None))
    [file] = files()
    [run, *_] = records(file, "run")
    assert (run.run_id, run.project, run.display_name) == (f"{1:032x}", "lemur", "CNN 1")
    assert run.run_group == "_".join(PARTS)
    config = items(run.config.update)
    assert config.pop("lemur") == {
        "trial": f"{1:032x}", "number": "1", "pipeline": "_".join(PARTS),
        "task": "img-classification", "dataset": "digits", "metric": "acc", "net": "CNN",
        "seed": "7", "epochs": "3", "db": "a.db", "user": "me",
    }  # fmt: skip
    config.pop("_wandb", None)
    assert config == {
        "lr": 0.1, "batch": 8, "transform": "norm_32", "nesterov": True, "depth": None
    }  # fmt: skip
    assert rows(file) == [
        (1, {"validation": 0.25, "test": 0.125, "loss": 2.0, "seconds": 1.5}),
        (2, {"validation": 0.5, "test": 0.25, "loss": 1.0, "seconds": 3.0}),
        (3, {"validation": 0.375, "test": 0.1875, "loss": 2 / 3, "seconds": 4.5}),
    ]
    ended = {"best/validation": 0.5, "best/test": 0.25, "best/epoch": 2, "state": "finished"}
    assert ended.items() <= summary(file).items()
    assert [record.exit_code for record in records(file, "exit")] == [0]


@pytest.mark.parametrize(
    ("state", "code"), [("pruned", 0), ("converged", 0), ("failed", 1), ("interrupted", 1)]
)
def test_a_run_has_the_state_of_its_trial(state, code):
    reason = "ValueError: Größe" if state == "failed" else ""
    prediction = Prediction(0.75, 2, "soon") if state == "converged" else None
    follow(start(WandB()), trial(), 2, state, reason=reason, prediction=prediction)
    [file] = files()
    assert summary(file)["state"] == state
    assert summary(file).get("reason", "") == reason
    assert summary(file).get("predicted") == (0.75 if prediction else None)
    assert [record.exit_code for record in records(file, "exit")] == [code]


def test_a_trial_that_resumes_continues_its_run_in_another_file(monkeypatch):
    follow(start(WandB(folder="out")), trial(), count=1, state="interrupted")
    [before] = files()
    # Two files of a run that are begun in the same second would have the same name.
    before.parent.rename(before.parent.with_name(f"offline-run-20260101_000000-{1:032x}"))
    # The campaign was killed after it recorded the second epoch, before it passed it on.
    monkeypatch.setattr("lemur_trackers.wandb._SENT", {})
    follow(start(WandB(folder="out")), trial(done=epochs(2)))
    first, second = files()
    assert [step for step, _ in rows(first)] == [1]
    assert [step for step, _ in rows(second)] == [2, 3]
    assert {records(file, "run")[0].run_id for file in (first, second)} == {f"{1:032x}"}


def emptied(data, place):
    """Return a file whose last blocks were not written when the power was cut."""
    return data[:place] + bytes(len(data) - place)


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("damaged", [emptied, flipped])
@pytest.mark.parametrize("part", [b"validation", b"_step"])
def test_a_damaged_file_loses_no_epoch(monkeypatch, damaged, part):
    follow(start(WandB(folder="out")), trial(), count=2, state="interrupted")
    [file] = files()
    data = file.read_bytes()
    messages = [(Record.FromString(record), record) for record in _records(data)]
    _, second = [record for message, record in messages if message.HasField("history")]
    # The first digit after the name of a value.
    place = data.index(second) + re.search(part + rb"\D*", second).end()
    file.write_bytes(damaged(data, place))
    assert [row["_step"] for row in history(file)] == [1]
    file.parent.rename(file.parent.with_name(f"offline-run-20260101_000000-{1:032x}"))
    monkeypatch.setattr("lemur_trackers.wandb._SENT", {})
    follow(start(WandB(folder="out")), trial(done=epochs(2)))
    first, second = files()
    assert [step for step, _ in rows(first)] == [1]
    assert [step for step, _ in rows(second)] == [2, 3]


def test_a_process_that_resumes_its_own_trial_does_not_wait_for_the_file():
    follow(start(WandB()), trial(), count=2, state="interrupted")
    # The file of the first run may not be complete, or have another name.
    follow(start(WandB(folder="out")), trial(done=epochs(2)))
    first, second = files()
    assert [step for step, _ in rows(first)] == [1, 2]
    assert [step for step, _ in rows(second)] == [3]


def test_trials_side_by_side_do_not_mix():
    follow_side_by_side(start(WandB(project="mine")))
    first, second = sorted(files(), key=lambda file: file.name)
    assert [(step, row["validation"]) for step, row in rows(first)] == [(1, 0.25), (2, 0.5)]
    assert [(step, row["validation"]) for step, row in rows(second)] == [(1, 1.0)]
    assert records(first, "run")[0].project == "mine"


def test_an_unknown_mode_is_reported_at_the_start(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "onlin")
    with pytest.raises(SettingsError) as raised:
        start(WandB())
    assert str(raised.value) == (
        "tracker 'wandb': WANDB_MODE is 'onlin'; expected offline, online, disabled"
    )


def test_a_folder_that_cannot_be_created_is_reported_at_the_start():
    Path("taken").touch()
    with pytest.raises(WriteError) as raised:
        start(WandB(folder="taken"))
    assert str(raised.value) == "taken/wandb: cannot be written: Not a directory"
