"""What MLflow's own client finds in its database."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from lemur_core.errors import SettingsError, WriteError
from lemur_core.trial import Prediction
from lemur_trackers.mlflow import MLflow

from .trials import (
    PARTS,
    epoch,
    epochs,
    follow,
    follow_side_by_side,
    outcome,
    pipeline,
    start,
    trial,
)

CNN = "_".join(PARTS)
# Processes that have imported everything open the file at the same time.
START = """
from multiprocessing import get_context
from types import SimpleNamespace
import mlflow.store.tracking.sqlalchemy_store
from lemur_trackers.mlflow import MLflow

def start():
    MLflow().campaign_started(None, [SimpleNamespace(name="mine")], "a.db")

processes = [get_context("fork").Process(target=start) for _ in range(3)]
for process in processes:
    process.start()
for process in processes:
    process.join()
print([process.exitcode for process in processes])
"""


@pytest.fixture
def client(mlflow_file):
    return MlflowClient(f"sqlite:///{mlflow_file}")


def runs(client):
    experiments = client.search_experiments()
    ids = [experiment.experiment_id for experiment in experiments]
    return sorted(client.search_runs(ids), key=lambda run: run.info.run_name)


def history(client, run, metric="validation"):
    measurements = client.get_metric_history(run.info.run_id, metric)
    return [(measurement.step, measurement.value) for measurement in measurements]


def test_a_trial_is_a_run_in_the_experiment_of_its_pipeline(client):
    follow(start(MLflow()), trial(depth=None))
    [run] = runs(client)
    assert client.get_experiment(run.info.experiment_id).name == CNN
    assert run.info.run_name == "CNN 1"
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "lr": "0.1", "batch": "8", "transform": "norm_32", "nesterov": "True", "depth": "None"
    }  # fmt: skip
    assert history(client, run) == [(1, 0.25), (2, 0.5), (3, 0.375)]
    assert history(client, run, "test") == [(1, 0.125), (2, 0.25), (3, 0.1875)]
    assert history(client, run, "loss") == [(1, 2.0), (2, 1.0), (3, 2 / 3)]
    assert history(client, run, "seconds") == [(1, 1.5), (2, 3.0), (3, 4.5)]
    assert history(client, run, "best/validation") == [(2, 0.5)]
    assert history(client, run, "best/test") == [(2, 0.25)]
    tags = {name: value for name, value in run.data.tags.items() if name.startswith("lemur.")}
    assert tags == {
        "lemur.trial": f"{1:032x}", "lemur.number": "1", "lemur.pipeline": CNN,
        "lemur.task": "img-classification", "lemur.dataset": "digits", "lemur.metric": "acc",
        "lemur.net": "CNN", "lemur.seed": "7", "lemur.epochs": "3", "lemur.db": "a.db",
        "lemur.user": "me", "lemur.state": "finished",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "status"),
    [("pruned", "FINISHED"), ("converged", "FINISHED"), ("failed", "FAILED"),
     ("interrupted", "KILLED")],
)  # fmt: skip
def test_a_run_has_the_state_of_its_trial(client, state, status):
    reason = "ValueError: Größe\nab" if state == "failed" else ""
    prediction = Prediction(0.75, 2, "soon") if state == "converged" else None
    follow(start(MLflow()), trial(), 2, state, reason=reason, prediction=prediction)
    [run] = runs(client)
    assert run.info.status == status
    assert run.data.tags["lemur.state"] == state
    assert run.data.tags.get("lemur.reason", "") == reason
    assert run.data.metrics.get("predicted") == (0.75 if prediction else None)


def test_a_trial_that_resumes_continues_its_run(client):
    follow(start(MLflow()), trial(), count=1, state="interrupted")
    [before] = runs(client)
    # The campaign was killed after it recorded the second epoch, before it passed it on.
    tracker = start(MLflow())
    tracker.trial_started(trial=trial(done=epochs(2)))
    assert runs(client)[0].info.status == "RUNNING"
    tracker.epoch_ended(trial=trial(), epoch=epoch(3))
    tracker.trial_finished(trial=trial(), outcome=outcome("finished"))
    [run] = runs(client)
    assert run.info.run_id == before.info.run_id
    assert history(client, run) == [(1, 0.25), (2, 0.5), (3, 0.375)]
    assert (run.info.status, run.data.tags["lemur.state"]) == ("FINISHED", "finished")


def test_trials_side_by_side_do_not_mix(client):
    follow_side_by_side(start(MLflow(experiment="mine")))
    killed, finished = runs(client)
    assert (history(client, killed), killed.data.params["lr"]) == ([(1, 0.25), (2, 0.5)], "0.1")
    assert (history(client, finished), finished.data.params["lr"]) == ([(1, 1.0)], "0.2")
    assert (killed.info.status, finished.info.status) == ("KILLED", "FINISHED")
    assert client.get_experiment(killed.info.experiment_id).name == "mine"


def test_names_that_mlflow_refuses_are_changed(client):
    parts = ("t", "d[categories=person+dog]", "acc@1a2b3c4d", "ネット")
    tracker = start(MLflow(), pipeline(*parts))
    followed = trial(parts=parts, **{"a+b": 1, "größe": 2, "x//../y": 3})
    tracker.trial_started(trial=followed)
    tracker.epoch_ended(
        trial=followed, epoch=epoch(1, scores={"top@1a2b": (0.5, 0.75)}, facts={"a//b": 1})
    )
    tracker.trial_finished(trial=followed, outcome=outcome("finished", 1))
    [run] = runs(client)
    assert run.info.run_name == "ネット 1"
    params = {"a_b": "1", "größe": "2", "x/y": "3"}
    assert params.items() <= run.data.params.items()
    assert run.data.metrics["validation/top_1a2b"] == 0.5
    assert run.data.metrics["facts/a/b"] == 1.0


def test_a_file_is_created_where_the_option_or_the_environment_says(tmp_path, monkeypatch):
    assert MLflow(uri="results/my runs.db")._uri == f"sqlite:///{tmp_path}/results/my runs.db"
    assert MLflow(uri="http://host:5000")._uri == "http://host:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////tmp/other.db")
    assert MLflow()._uri == "sqlite:////tmp/other.db"


def test_a_deleted_experiment_is_reported(client):
    client.delete_experiment(client.create_experiment("old"))
    with pytest.raises(SettingsError) as raised:
        start(MLflow(experiment="old"))
    assert str(raised.value) == (
        "tracker 'mlflow': experiment 'old' was deleted; restore it, or name another one with "
        "mlflow:experiment=NAME"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_campaigns_that_start_at_once_create_one_file():
    ran = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("[0, 0, 0]\n", "")
    names = [
        experiment.name for experiment in MlflowClient("sqlite:///mlflow.db").search_experiments()
    ]
    assert sorted(names) == ["Default", "mine"]


def test_an_experiment_that_another_client_creates_meanwhile_is_used(client, monkeypatch):
    create = MlflowClient.create_experiment

    def create_late(self, name):
        create(client, name)
        return create(self, name)

    monkeypatch.setattr(MlflowClient, "create_experiment", create_late)
    follow(start(MLflow()), trial())
    [run] = runs(client)
    assert client.get_experiment(run.info.experiment_id).name == CNN


def test_a_lock_that_cannot_be_taken_is_reported_at_once(tmp_path):
    Path("mlflow.db.lock").mkdir()
    with pytest.raises(WriteError) as raised:
        start(MLflow())
    assert str(raised.value) == (
        f"{tmp_path}/mlflow.db.lock: cannot be written: unable to open database file"
    )


def test_a_file_that_cannot_be_written_is_reported_at_once(tmp_path):
    Path("taken").touch()
    with pytest.raises(WriteError) as raised:
        start(MLflow(uri="taken/mlflow.db"))
    assert str(raised.value) == f"{tmp_path}/taken: cannot be written: File exists"
    with pytest.raises(WriteError) as raised:
        start(MLflow(uri="."))
    assert str(raised.value) == f"{tmp_path}: cannot be written: is a directory"


@pytest.mark.parametrize(
    "uri", ["lemur.db", "sqlite:///lemur.db", "sqlite+pysqlite:///lemur.db?timeout=5"]
)
def test_the_database_of_the_results_is_left_alone(tmp_path, uri):
    from lemur_core import recording

    with recording("img-classification_digits_acc_CNN", {"lr": 0.1}, db="lemur.db") as trial:
        trial.epoch(validation=0.5, accuracy=0.5)
    before = Path("lemur.db").read_bytes()
    with pytest.raises(SettingsError) as raised:
        start(MLflow(uri=uri))
    assert str(raised.value) == (
        f"tracker 'mlflow': uri is '{tmp_path}/lemur.db', which contains results of lemur; name "
        "another file"
    )
    assert Path("lemur.db").read_bytes() == before


def test_a_server_that_does_not_answer_is_given_up_after_some_seconds(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException, match="Max retries exceeded"):
        start(MLflow(uri=f"http://127.0.0.1:{port}"))
