"""An ended trial continues from its checkpoint as a new trial, with the numbers of a longer one."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import lemur_core
from lemur_core import data
from lemur_core.cli.show_trial import trial_text
from lemur_core.cli.trials_table import trials_table
from lemur_core.errors import PatternError, SettingsError, UnknownNameError
from lemur_core.events import EpochEnded, TrialStarted
from lemur_core.settings import Settings
from lemur_core.store.database import open_engine
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.store.reading.trial_rows import trial_rows
from lemur_core.train import torch_adapter
from lemur_core.trial import State

TOYS = Path(__file__).parent / "toys"
LINEAR = "img-classification_blobs_hits_Linear"
run = partial(lemur_core.run, in_process=True, threads=1)
first = partial(run, LINEAR, trials=1, epochs=3, keep_checkpoints="best")


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


def curve(db, number):
    frame = data(db=db, with_stats=True)
    rows = frame[frame["number"] == number]
    return rows[["epoch", "loss", "validation", "accuracy"]].to_numpy().tolist()


def stored(db, name):
    with open_engine(db) as engine, engine.connect() as connection:
        return read_stored_trial(connection, name)


def uid(db, number):
    return stored(db, str(number)).facts["uid"]


def test_a_continued_trial_has_the_numbers_of_a_longer_one_from_the_start(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(LINEAR, trials=1, epochs=7, db=whole)
    first(db=db)
    run(continues="1", epochs=7, db=db)
    assert curve(db, 1) == curve(whole, 1)[:3]
    assert curve(db, 2) == curve(whole, 1)[3:]
    assert [row[0] for row in curve(db, 2)] == [4, 5, 6, 7]


def test_worker_processes_continue_trials_too(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(LINEAR, trials=1, epochs=5, db=whole)
    first(db=db)
    summary = lemur_core.run(continues="last", epochs=5, threads=1, db=db)
    assert summary.states == {State.FINISHED: 1}
    assert curve(db, 2) == curve(whole, 1)[3:]


def test_the_state_of_the_optimizer_is_restored(db, tmp_path, monkeypatch):
    whole = str(tmp_path / "whole.db")
    run(LINEAR, trials=1, epochs=7, db=whole)
    first(db=db)
    # With the weights alone, the numbers differ.
    monkeypatch.setattr(torch_adapter, "restore_net_state", lambda net, state: None)
    run(continues="1", epochs=7, db=db)
    assert curve(db, 2) != curve(whole, 1)[3:]


def test_both_trials_show_the_other(db):
    first(db=db)
    run(continues="1", epochs=5, db=db)
    origin, continuation = uid(db, 1), uid(db, 2)
    assert f"\ncontinued   by trial {continuation} after epoch 3\n" in trial_text(stored(db, "1"))
    text = trial_text(stored(db, "2"))
    assert f"\ncontinues   trial {origin} after epoch 3\n" in text
    assert "lemur reproduce" not in text
    with open_engine(db) as engine, engine.connect() as connection:
        rows, _ = trial_rows(connection, Filters())
    assert " 4-5/5 " in trials_table(rows)
    assert " 0/5 " in trials_table([row | {"trained": 0} for row in rows])


def test_the_same_command_has_nothing_left_to_do(db):
    first(db=db)
    run(continues="1", epochs=5, db=db)
    began = []
    run(
        continues="1", epochs=5, db=db,
        watch=lambda event: began.append(event) if isinstance(event, TrialStarted) else None,
    )  # fmt: skip
    assert not began
    assert len(curve(db, 2)) == 2


def test_a_trial_can_continue_again(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(LINEAR, trials=1, epochs=7, db=whole)
    first(db=db)
    run(continues="1", epochs=5, db=db, keep_checkpoints="best")
    run(continues="2", epochs=7, db=db)
    assert curve(db, 3) == curve(whole, 1)[5:]


def test_a_continued_trial_is_no_trial_of_a_search(db):
    first(db=db)
    run(continues="1", epochs=5, db=db)
    summary = run(LINEAR, trials=1, epochs=5, db=db)
    assert summary.states == {State.FINISHED: 1}
    assert [row[0] for row in curve(db, 3)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("epoch", [4, 5])
def test_an_interrupted_continuation_resumes(db, tmp_path, epoch):
    whole = str(tmp_path / "whole.db")
    run(LINEAR, trials=1, epochs=6, db=whole)
    first(db=db)

    def watch(event):
        if isinstance(event, EpochEnded) and event.epoch.number == epoch:
            raise KeyboardInterrupt

    run(continues="1", epochs=6, db=db, watch=watch)
    assert stored(db, "2").facts["state"] == "interrupted"
    run(continues="1", epochs=6, db=db)
    assert curve(db, 2) == curve(whole, 1)[3:]
    assert stored(db, "2").facts["state"] == "finished"


def test_the_last_trial_is_the_one_that_the_command_has_begun_to_continue(db):
    first(db=db)

    def watch(event):
        if isinstance(event, EpochEnded) and event.epoch.number == 4:
            raise KeyboardInterrupt

    run(continues="last", epochs=6, db=db, watch=watch)
    run(continues="last", epochs=6, db=db)
    assert set(data(db=db, with_stats=True)["number"]) == {1, 2}
    assert stored(db, "2").facts["state"] == "finished"


def test_a_killed_continuation_resumes(db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(LINEAR, trials=1, epochs=6, db=whole)
    first(db=db)
    script = f"""
import os, lemur_core
from lemur_core.events import EpochEnded
def watch(event):
    if isinstance(event, EpochEnded) and event.epoch.number == 5:
        os._exit(7)
lemur_core.run(in_process=True, threads=1, epochs=6, continues="1", db={db!r}, watch=watch)
"""
    environment = os.environ | {"PYTHONPATH": str(TOYS)}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path)
    assert killed.returncode == 7
    run(continues="1", epochs=6, db=db)
    assert curve(db, 2) == curve(whole, 1)[3:]


def test_only_the_checkpoint_of_the_best_trial_is_kept(db):
    run(LINEAR, trials=4, epochs=2, keep_checkpoints="best", db=db)
    [kept] = Path(f"{db}-checkpoints").iterdir()
    frame = data(db=db).sort_values("validation", ascending=False, kind="stable")
    assert kept.name == frame["trial"].iloc[0]


def test_every_checkpoint_is_kept_if_asked_and_stays(db):
    run(LINEAR, trials=2, epochs=2, keep_checkpoints="every", db=db)
    run(LINEAR, trials=4, epochs=2, keep_checkpoints="best", db=db)
    kept = {folder.name for folder in Path(f"{db}-checkpoints").iterdir()}
    assert kept >= {uid(db, 1), uid(db, 2)}


def refused(db, error=SettingsError, **settings):
    with pytest.raises(error) as caught:
        run(**{"continues": "1", "epochs": 5, "db": db, **settings})
    return str(caught.value)


def test_a_trial_without_a_checkpoint_is_refused_rather_than_started_with_a_new_optimizer(db):
    first(db=db, keep_checkpoints="no", keep_weights=True)
    message = refused(db)
    short = uid(db, 1)[:8]
    assert message.startswith(
        f"trial {short} cannot continue: no checkpoint of it is kept, and weights alone lack the "
        "state of the optimizer. lemur run --keep-checkpoints keeps it; to train from the start "
        f"instead: lemur run {LINEAR} --prm '"
    )
    assert message.endswith(" --trials 1 --epochs 5")
    assert len(data(db=db)) == 3


def test_a_checkpoint_of_other_epochs_is_refused(db):
    first(db=db)
    [file] = Path(f"{db}-checkpoints").rglob("epochs.json")
    file.write_text(file.read_text().replace('"validation": ', '"validation": 0.1234'))
    assert "cannot continue: its checkpoint" in refused(db)


def test_a_trial_that_has_as_many_epochs_is_refused(db):
    first(db=db)
    short = uid(db, 1)[:8]
    expected = f"trial {short} has 3 epochs already; give its total with --epochs, 4 or more"
    assert refused(db, epochs=3) == expected


def test_an_interrupted_trial_is_refused(db):
    def watch(event):
        if isinstance(event, EpochEnded) and event.epoch.number == 2:
            raise KeyboardInterrupt

    first(db=db, watch=watch)
    assert refused(db) == (
        f"trial {uid(db, 1)[:8]} is interrupted; repeat its own command, which resumes it, "
        "instead of --continue"
    )


def test_a_trial_recorded_by_another_program_is_refused(db):
    with lemur_core.recording(LINEAR, {"lr": 0.1}, seed=1, epochs=1, db=db) as trial:
        trial.epoch(validation=0.5, accuracy=0.5)
    assert "was trained elsewhere" in refused(db, continues=trial.uid)


def test_an_unknown_trial_is_refused(db):
    first(db=db)
    refused(db, UnknownNameError, continues="ffffffff")


def test_another_pipeline_is_refused(db):
    first(db=db)
    with pytest.raises(PatternError, match="the command does not select"):
        run("img-classification_blobs_hits_Diverges", continues="1", epochs=5, db=db)


def test_other_code_of_the_net_is_refused(db, tmp_path):
    from lemur_core import installed

    file = tmp_path / "Linearly.py"
    source = installed().get("net", "Linear").source()
    file.write_text(source)
    own = partial(run, str(file), dataset="blobs", db=db)
    own(trials=1, epochs=2, keep_checkpoints="best")
    file.write_text(source + "\n\nunused = 1\n")
    with pytest.raises(SettingsError, match="was trained with other code of net 'Linearly'"):
        own(continues="1", epochs=4)
    file.write_text(source)
    assert own(continues="1", epochs=4).states == {State.FINISHED: 1}
    # The net's name alone does not say where the file is; the file alone is enough.
    with pytest.raises(SettingsError) as caught:
        run(continues="1", epochs=5, db=db)
    assert str(caught.value) == (
        "unknown net 'Linearly'. Did you mean 'Linear'? If it is a file, give it with --net FILE.py"
    )
    assert run(net=str(file), continues="1", epochs=5, db=db).states == {State.FINISHED: 1}


@pytest.mark.parametrize(
    "setting",
    [
        {"trials": 2},
        {"seed": 1},
        {"estimator": "soon"},
        {"prm": {"lr": 0.1}},
        {"batch": 16},
        {"class_weights": "balanced"},
        {"finish_best": 1},
        {"freeze": "backbone"},
        {"weights": "w.safetensors"},
    ],
)
def test_settings_that_the_first_trial_determines_are_refused(setting):
    [name] = setting.get("prm", setting)
    with pytest.raises(SettingsError, match=f"^continues and {name} exclude each other: "):
        Settings.of({"continues": "1", **setting})


def test_weights_of_a_continued_trial_are_not_trained_again_from_the_start(db):
    first(db=db)
    run(continues="1", epochs=5, db=db)
    with pytest.raises(SettingsError, match="cannot be trained again from the start"):
        lemur_core.trained("2", db=db)
