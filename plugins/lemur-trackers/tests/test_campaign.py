"""A campaign with every tracker at once, and what is imported without one."""

import subprocess
import sys

import pytest

import lemur_core
from lemur_core.cli import main
from lemur_core.errors import SettingsError
from lemur_core.events import Warned
from lemur_trackers.mlflow import MLflow
from lemur_trackers.tensorboard import TensorBoard
from lemur_trackers.wandb import WandB
from lemur_trackers.wandb_file import history

from .trials import epoch, start, trial


@pytest.fixture
def campaign(monkeypatch, tmp_path):
    """Run a campaign of files that ``lemur new`` writes; return its warnings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for kind in ("net", "loader", "metric", "transform"):
        monkeypatch.setattr(sys, "argv", ["lemur", "new", kind, f"my_{kind}"])
        with pytest.raises(SystemExit) as exited:
            main()
        assert exited.value.code == 0

    def call(**settings):
        events = []
        lemur_core.run(
            dataset="my_loader.py[samples=60]",
            metric="my_metric.py",
            transform="my_transform.py",
            net="my_net.py",
            threads=1, in_process=True, watch=events.append, **settings,
        )  # fmt: skip
        return [event.message for event in events if isinstance(event, Warned)]

    return call


def test_every_tracker_has_the_epochs_of_the_database(campaign, mlflow_file, tmp_path):
    import wandb
    from mlflow import MlflowClient
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    campaign(trials=2, epochs=2, tracker="tensorboard,mlflow:experiment=all,wandb")
    # A longer trial is another trial.
    campaign(trials=1, epochs=1, tracker="tensorboard")
    wandb.teardown()
    rows = lemur_core.data().to_dict("records")
    assert len(rows) == 5
    client = MlflowClient(f"sqlite:///{mlflow_file}")
    for row in rows:
        [folder] = tmp_path.glob(f"runs/*/*-{row['trial'][:8]}")
        events = EventAccumulator(str(folder)).Reload()
        values = {event.step: event.value for event in events.Scalars("validation")}
        assert values[row["epoch"]] == pytest.approx(row["validation"])
    for row in [row for row in rows if row["trial"] != rows[-1]["trial"]]:
        [run] = client.search_runs(
            [client.get_experiment_by_name("all").experiment_id],
            f"tags.`lemur.trial` = '{row['trial']}'",
        )
        assert run.info.status == "FINISHED"
        assert run.data.params == {name: str(value) for name, value in row["prm"].items()}
        metrics = client.get_metric_history(run.info.run_id, "test")
        assert {metric.step: metric.value for metric in metrics}[row["epoch"]] == row["accuracy"]
        [file] = tmp_path.glob(f"wandb/offline-run-*-{row['trial']}/*.wandb")
        tests = {item["_step"]: item["test"] for item in history(file)}
        assert tests[row["epoch"]] == row["accuracy"]


@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_campaign_goes_on_when_the_disk_is_full(campaign, monkeypatch, method):
    from tensorboard.summary.writer.record_writer import RecordWriter

    writers = []

    def full(self, *data):
        writers.append(self)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RecordWriter, method, full)
    warnings = campaign(trials=2, epochs=1, tracker="tensorboard")
    assert [line for line in warnings if "tracker" in line] == [
        "tracker 'tensorboard' failed and is switched off: "
        "OSError: [Errno 28] No space left on device"
    ]
    assert len(lemur_core.data()) == 2
    assert [writer.closed for writer in writers] == [True]


def test_a_tracker_that_is_switched_off_closes_all_of_its_runs(monkeypatch, tmp_path):
    from tensorboard.summary.writer.record_writer import RecordWriter

    def full(self):
        raise OSError(28, "No space left on device")

    tracker = start(TensorBoard(folder=str(tmp_path / "runs")))
    for number in (1, 2):
        tracker.trial_started(trial=trial(number))
    writers = [run._writer for run in tracker._runs.values()]
    monkeypatch.setattr(RecordWriter, "flush", full)
    with pytest.raises(OSError, match="No space"):
        tracker.epoch_ended(trial=trial(1), epoch=epoch(1))
    tracker.close()
    assert [writer.closed for writer in writers] == [True, True]


@pytest.mark.parametrize(
    ("tracker", "name"), [(TensorBoard, "tensorboard"), (MLflow, "mlflow"), (WandB, "wandb")]
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch, tracker, name):
    monkeypatch.setattr("lemur_trackers.runs.find_spec", lambda library: None)
    with pytest.raises(SettingsError) as raised:
        tracker()
    assert str(raised.value) == (
        f"tracker {name!r} needs {name}, which is not installed: "
        f"pip install 'lemur-trackers[{name}]'"
    )


def test_trackers_that_are_not_used_import_no_library():
    code = (
        "import sys; from lemur_core import installed; "
        "print([entry.load().__name__ for _, entry in installed().entries('tracker')]); "
        "print(sorted({'mlflow', 'tensorboard', 'torch', 'wandb'} & {*sys.modules}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert ran.splitlines() == ["['TensorBoard', 'MLflow', 'WandB']", "[]"]
