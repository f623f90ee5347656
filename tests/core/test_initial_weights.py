"""Trials with initial weights from a file."""

import hashlib
import json
from functools import partial

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

import lemur_core
from lemur_core import data
from lemur_core.cli.reproduce import reproduce
from lemur_core.errors import MisfitError, SettingsError
from lemur_core.events import EpochEnded
from lemur_core.trial import State

LINEAR = "img-classification_blobs_hits_Linear"
POINT = {"lr": 0.01, "batch": 16, "momentum": 0.5, "width": 2, "transform": "plain"}
NAMES = {"layers.1.weight": (2, 16), "layers.1.bias": (2,), "layers.2.weight": (2, 2),
         "layers.2.bias": (2,)}  # fmt: skip
run = partial(lemur_core.run, LINEAR, in_process=True, threads=1, epochs=1)


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "ones.safetensors"
    save_file({name: torch.ones(shape) for name, shape in NAMES.items()}, file)
    return file


def identity(file):
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"


def test_a_trial_with_initial_weights_differs_from_one_with_random_weights(db, weights):
    # With this learning rate, nothing is learned in an epoch.
    settings = {"points": [POINT | {"lr": 1e-30}], "lr": "1e-30..1", "db": db, "keep_weights": True}
    run(**settings, weights=weights)
    [uid] = set(data(db=db)["trial"])
    weights_saved = load_file(f"{db}-weights/{uid}.safetensors")
    assert weights_saved.keys() == NAMES.keys()
    assert all(torch.equal(value, torch.ones_like(value)) for value in weights_saved.values())
    assert [prm["weights"] for prm in data(db=db)["prm"]] == [identity(weights)]
    assert not run(**settings, weights=weights).states
    assert run(**settings).states == {State.FINISHED: 1}
    assert [prm.get("weights") for prm in data(db=db)["prm"]] == [identity(weights), None]


def test_a_search_starts_and_resumes_with_initial_weights(db, weights):
    def interrupt(event):
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    settings = {"trials": 1, "epochs": 2, "weights": str(weights), "prm": {"width": 2}, "db": db}
    run(**settings, watch=interrupt)
    assert run(**settings).states == {State.FINISHED: 1}
    [state] = set(data(db=db)["state"])
    assert state == "finished"


def test_each_point_may_have_its_own_initial_weights(db, weights, tmp_path):
    lines = [POINT, POINT | {"weights": str(weights)}]
    file = tmp_path / "points.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run(points=file, db=db)
    assert [prm.get("weights") for prm in data(db=db)["prm"]] == [None, identity(weights)]


def test_weights_of_another_shape_or_net_are_reported_in_one_line(db, weights, tmp_path):
    with pytest.raises(MisfitError) as caught:
        run(points=[POINT | {"width": 3}], weights=weights, db=db)
    assert str(caught.value) == (
        f"the weights in {weights} do not fit net 'Linear': layers.1.bias is 2, the net's 3; "
        "expected those of the same net with hyperparameters that give it the same shape"
    )
    other = tmp_path / "other.safetensors"
    tensors = load_file(weights)
    save_file({"head": torch.ones(2), "layers.1.bias": tensors["layers.1.bias"]}, other)
    with pytest.raises(MisfitError) as caught:
        run(points=[POINT], weights=other, db=db)
    assert str(caught.value) == (
        f"the weights in {other} do not fit net 'Linear': missing layers.1.weight, "
        "layers.2.bias, layers.2.weight; unexpected head; expected those of the same "
        "net with hyperparameters that give it the same shape"
    )


def test_a_file_that_changes_during_the_campaign_is_rejected(db, weights):
    def change(event):
        if isinstance(event, EpochEnded):
            save_file({name: torch.zeros(shape) for name, shape in NAMES.items()}, weights)

    began = identity(weights)
    summary = run(points=[POINT, POINT | {"lr": 0.02}], weights=weights, db=db, watch=change)
    assert summary.states == {State.FINISHED: 1, State.FAILED: 1}
    [reason] = summary.reasons
    assert reason == f"{weights} has changed since the campaign started; expected {began}"


@pytest.mark.parametrize("where", ["setting", "point"])
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.safetensors", None, "weights '{}': No such file or directory"),
        ("no.safetensors", b"no weights at all", "weights '{}' is not a safetensors file"),
        ("empty.safetensors", b"", "weights '{}' is not a safetensors file"),
    ],
)
def test_a_file_without_weights_is_reported_in_one_line(db, tmp_path, where, name, text, message):
    file = tmp_path / name
    if text is not None:
        file.write_bytes(text)
    setting = {"weights": file} if where == "setting" else {}
    point = POINT if setting else POINT | {"weights": str(file)}
    with pytest.raises(SettingsError) as caught:
        run(points=[point], **setting, db=db)
    assert str(caught.value) == ("" if setting else "point 1: ") + message.format(file)


def test_a_trial_is_reproduced_with_its_initial_weights(db, weights, tmp_path):
    run(points=[POINT], weights=weights, db=db)
    [uid] = set(data(db=db)["trial"])
    call = CliRunner().invoke
    done = call(reproduce, [uid, "--db", db, "--weights", str(weights)])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "the same")
    expected = identity(weights)
    lacking = call(reproduce, [uid, "--db", db])
    assert str(lacking.exception) == (
        f"trial {uid[:8]} started from the weights in a file that is not stored, whose SHA-256 "
        f"begins with {expected[7:]}; name it: lemur reproduce {uid[:8]} --weights FILE"
    )
    other = tmp_path / "other.safetensors"
    save_file({"head": torch.ones(2)}, other)
    wrong = call(reproduce, [uid, "--db", db, "--weights", str(other)])
    assert str(wrong.exception) == (
        f"weights '{other}' are {identity(other)}; the trial started from {expected}"
    )
