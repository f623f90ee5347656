"""The environment of the tests, and an empty database of MLflow."""

import os
import shutil
from pathlib import Path

import pytest

# Before any import of these libraries.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["WANDB_ERROR_REPORTING"] = "false"


def pytest_collection_modifyitems(items):
    # MLflow uses what SQLAlchemy deprecates.
    mark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(mark)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Each test has a working directory and an environment of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory):
    from mlflow import MlflowClient

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def mlflow_file(empty_mlflow, tmp_path):
    """An MLflow database without runs; creating one takes seconds."""
    return Path(shutil.copy(empty_mlflow, tmp_path / "mlflow.db"))
