"""An interrupted campaign resumes: nothing twice, nothing lost, the same results."""

import json
import os
import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pytest
import torch

import lemur_core
from lemur_core import data
from lemur_core.events import EpochEnded, TrialsHeld, TrialStarted
from lemur_core.train import checkpoint
from lemur_core.trial import Epoch, State

run = partial(lemur_core.run, in_process=True, threads=1)
BLOBS = "img-classification_blobs_hits"
LINEAR = f"{BLOBS}_Linear"
SETTINGS = {"trials": 3, "epochs": 4, "seed": 2}


def results(db):
    frame = data(db=db)
    frame = frame[frame["state"] != "abandoned"]
    return [
        (epoch, accuracy, validation, loss, tuple(sorted(prm.items())))
        for epoch, accuracy, validation, loss, prm in zip(
            frame["epoch"], frame["accuracy"], frame["validation"], frame["loss"], frame["prm"],
            strict=True,
        )
    ]  # fmt: skip


def ended_at(trial, epoch):
    """Return a watcher that interrupts after an epoch of a trial."""

    def watch(event):
        if isinstance(event, EpochEnded) and (event.trial.number, event.epoch.number) == (
            trial, epoch,
        ):  # fmt: skip
            raise KeyboardInterrupt

    return watch


@pytest.fixture
def whole(tmp_path):
    """The results of an uninterrupted campaign."""
    db = str(tmp_path / "whole.db")
    run(LINEAR, **SETTINGS, db=db)
    return results(db)


@pytest.mark.parametrize("sampler", ["TPE", "Random"])
@pytest.mark.parametrize(("trial", "epoch"), [(1, 1), (2, 3), (3, 4)])
def test_a_trial_resumes_at_the_next_epoch_with_the_same_numbers(tmp_path, sampler, trial, epoch):
    db, whole = str(tmp_path / "results.db"), str(tmp_path / "whole.db")
    run(LINEAR, **SETTINGS, sampler=sampler, db=whole)
    run(LINEAR, **SETTINGS, sampler=sampler, db=db, watch=ended_at(trial, epoch))
    began = []
    summary = run(
        LINEAR, **SETTINGS, sampler=sampler, db=db,
        watch=lambda event: began.append(event.trial) if isinstance(event, TrialStarted) else None,
    )  # fmt: skip
    assert results(db) == results(whole)
    assert (began[0].number, len(began[0].done)) == (trial, epoch)
    assert summary.exit_status == 0


def test_checkpoints_of_ended_trials_are_removed(tmp_path, whole):
    db = tmp_path / "results.db"
    run(LINEAR, **SETTINGS, db=str(db), watch=ended_at(2, 3))
    folder = Path(f"{db}-checkpoints")
    [checkpoints] = folder.iterdir()
    assert {place.name for place in checkpoints.iterdir()} == {"2", "3"}
    run(LINEAR, **SETTINGS, db=str(db))
    assert not list(folder.iterdir())


def test_an_epoch_that_was_saved_but_not_recorded_is_recorded(tmp_path, whole):
    db = tmp_path / "results.db"
    run(LINEAR, **SETTINGS, db=str(db), watch=ended_at(2, 3))
    with sqlite3.connect(db) as connection:
        connection.execute("delete from stat where trial_id = 2 and epoch = 3")
    run(LINEAR, **SETTINGS, db=str(db))
    assert results(str(db)) == whole


def test_a_trial_whose_checkpoint_was_lost_is_restarted_and_its_epochs_are_kept(tmp_path, whole):
    db = str(tmp_path / "results.db")
    run(LINEAR, **SETTINGS, db=db, checkpoint=False, watch=ended_at(2, 3))
    run(LINEAR, **SETTINGS, db=db, checkpoint=False)
    states = data(db=db).groupby("trial", sort=False)["state"].agg(["first", "size"])
    assert sorted(map(tuple, states.to_numpy().tolist())) == [
        ("abandoned", 3), ("finished", 4), ("finished", 4), ("finished", 4),
    ]  # fmt: skip
    assert results(db)[4:8] == whole[4:8]


def test_a_trial_of_other_ranges_is_left_alone(tmp_path):
    db = str(tmp_path / "results.db")
    run(LINEAR, **SETTINGS, db=db, lr="1e-3..1e-2", watch=ended_at(1, 2))
    summary = run(LINEAR, **SETTINGS, db=db, lr="1e-1..1")
    assert summary.states[State.FINISHED] == 3
    assert sum(1 for prm in data(db=db)["prm"] if prm["lr"] < 0.1) == 2


def until_held(event):
    """Watch a campaign, and interrupt it when it only waits for another one."""
    if isinstance(event, TrialsHeld):
        raise KeyboardInterrupt


def test_a_trial_of_a_live_process_of_lemur_0_1_is_not_taken_over(tmp_path):
    db = tmp_path / "results.db"
    run(LINEAR, **SETTINGS, db=str(db), watch=ended_at(3, 2))
    with sqlite3.connect(db) as connection:
        connection.execute(
            "update trial set state = 'running', owner = ? where number = 3", (_process_one(),)
        )
    summary = run(LINEAR, **SETTINGS, db=str(db), watch=until_held)
    assert not summary.states
    assert summary.interrupted
    with sqlite3.connect(db) as connection:
        connection.execute("update trial set owner = 'elsewhere 1 0' where number = 3")
    assert not run(LINEAR, **SETTINGS, db=str(db), watch=until_held).states
    with sqlite3.connect(db) as connection:
        connection.execute("update trial set seen = '2020-01-01T00:00:00+00:00' where number = 3")
    assert run(LINEAR, **SETTINGS, db=str(db)).states[State.FINISHED] == 1


def test_a_trial_with_other_ranges_that_another_process_trains_does_not_count(tmp_path):
    db = tmp_path / "results.db"
    run(LINEAR, **SETTINGS, db=str(db), lr="1e-3..1e-2", watch=ended_at(1, 2))
    with sqlite3.connect(db) as connection:
        connection.execute("update trial set state = 'running', owner = ?", (_process_one(),))
    summary = run(LINEAR, **SETTINGS, db=str(db), lr="1e-1..1")
    assert summary.states == {State.FINISHED: 3}
    with sqlite3.connect(db) as connection:
        connection.execute("update trial set state = 'interrupted' where number = 1")
        numbers = connection.execute("select number from trial order by 1").fetchall()
    assert numbers == [(1,), (2,), (3,), (4,)]
    began = []
    run(
        LINEAR, **SETTINGS | {"trials": 1}, db=str(db), lr="1e-3..1e-2",
        watch=lambda event: began.append(event.trial) if isinstance(event, TrialStarted) else None,
    )  # fmt: skip
    assert [(trial.number, len(trial.done)) for trial in began] == [(1, 2)]


def _process_one():
    import socket

    import psutil

    return f"{socket.gethostname()} 1 {psutil.Process(1).create_time():.0f}"


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_trial_with_all_its_epochs_is_ended_without_training(tmp_path, epochs):
    db = tmp_path / "results.db"
    run(LINEAR, trials=2, epochs=epochs, db=str(db))
    whole = results(str(db))
    with sqlite3.connect(db) as connection:
        connection.execute("update trial set state = 'interrupted', ended = null where number = 2")
    epochs_trained = []
    summary = run(
        LINEAR, trials=2, epochs=epochs, db=str(db),
        watch=lambda event: epochs_trained.append(event) if isinstance(event, EpochEnded) else None,
    )  # fmt: skip
    assert summary.states[State.FINISHED] == 1
    assert not epochs_trained
    assert results(str(db)) == whole


def test_a_checkpoint_that_cannot_be_written_is_only_warned_of(tmp_path):
    db = tmp_path / "results.db"
    Path(f"{db}-checkpoints").touch()
    with pytest.warns(UserWarning, match="checkpoint cannot be saved: NotADirectoryError"):
        summary = run(LINEAR, **SETTINGS, db=str(db))
    assert summary.states[State.FINISHED] == 3


@pytest.mark.parametrize("file", ["weights.safetensors", "state.pt"])
def test_a_trial_whose_checkpoint_is_damaged_is_restarted(tmp_path, whole, file):
    db = str(tmp_path / "results.db")
    run(LINEAR, **SETTINGS, db=db, watch=ended_at(2, 3))
    [_, state] = sorted(Path(f"{db}-checkpoints").glob(f"*/*/{file}"))
    state.write_bytes(state.read_bytes()[:-40])
    summary = run(LINEAR, **SETTINGS, db=db)
    assert summary.states == {State.FINISHED: 2}
    assert results(db)[4:8] == whole[4:8]
    with sqlite3.connect(db) as connection:
        [(reason,)] = connection.execute("select reason from trial where state = 'abandoned'")
    assert reason.startswith("its checkpoint could not be read: ")


def _as_pipe(file):
    file.unlink()
    os.mkfifo(file)


def _as_folder(file):
    file.unlink()
    file.mkdir()


def _with_other_scores(file):
    epochs = json.loads(file.read_text())
    epochs[1]["validation"] = 0.123
    file.write_text(json.dumps(epochs))


def _with_a_score_of_seven(file):
    epochs = json.loads(file.read_text())
    epochs[2]["accuracy"] = 7.0
    file.write_text(json.dumps(epochs))


BINARY = ("weights.safetensors", "state.pt")
DAMAGES = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-40]),
    "empty": lambda file: file.write_bytes(b""),
    "of another type": lambda file: file.write_text('{"number": [1]}'),
    "not UTF-8": lambda file: file.write_bytes(b"\xff\xfe\x00["),
    "nested": lambda file: file.write_bytes(b"[" * 100_000),
    "a pipe": _as_pipe,
    "a folder": _as_folder,
    "missing": Path.unlink,
}


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The folder of a trial's checkpoint after its third epoch."""
    net = torch.nn.Linear(2, 2)
    folder = tmp_path_factory.mktemp("state")
    checkpoint.save(folder, net, [Epoch(number, 0.5, 0.75, 0.25, number) for number in (1, 2, 3)])
    return folder


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        *(("epochs.json", damage) for damage in DAMAGES.values()),
        ("epochs.json", _with_a_score_of_seven),
        ("epochs.json", lambda file: file.write_text("[]")),
        *((name, DAMAGES[damage]) for name in BINARY for damage in ("a pipe", "missing")),
    ],
)
def test_a_damaged_file_of_a_checkpoint_is_reported_in_one_line(tmp_path, state, file, damage):
    folder = shutil.copytree(state, tmp_path / "state")
    damage(folder / "3" / file)
    with pytest.raises(checkpoint.StateLostError, match=r"checkpoint could not be read: .*Error: "):
        checkpoint.saved_epochs(folder)


@pytest.mark.parametrize(
    ("file", "damage", "reason"),
    [
        ("epochs.json", DAMAGES["not UTF-8"], "could not be read: UnicodeDecodeError: "),
        ("epochs.json", _with_other_scores, "is not that of the recorded epochs"),
        ("weights.safetensors", DAMAGES["empty"], "could not be read: "),
    ],
)
def test_a_damaged_checkpoint_is_not_loaded(tmp_path, file, damage, reason):
    db, settings = str(tmp_path / "results.db"), {"trials": 1, "epochs": 4, "seed": 2}
    run(LINEAR, **settings, db=db, watch=ended_at(1, 3))
    [damaged] = Path(f"{db}-checkpoints").glob(f"*/3/{file}")
    damage(damaged)
    assert run(LINEAR, **settings, db=db).states == {State.FINISHED: 1}
    with sqlite3.connect(db) as connection:
        [(recorded,)] = connection.execute("select reason from trial where state = 'abandoned'")
    assert recorded.startswith(f"its checkpoint {reason}")
