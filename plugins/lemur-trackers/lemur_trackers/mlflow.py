"""MLflow: a run per trial, in an experiment per pipeline."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import time
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from lemur_core import State
from lemur_core.errors import SettingsError, WriteError
from lemur_trackers.folders import make_folder
from lemur_trackers.records import (
    VALIDATION,
    epoch_metrics,
    outcome_facts,
    outcome_metrics,
    run_name,
    trial_facts,
)
from lemur_trackers.runs import RunTracker, check_installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow import MlflowClient

    from lemur_core import Epoch, Outcome, Pipeline, Settings, Trial

DEFAULT = "mlflow.db"
"""The SQLite file that MLflow uses if it is told nothing else."""
_SQLITE = "sqlite:///"
# Time that several other campaigns may take to create MLflow's tables.
_LOCK_S = 120.0
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
# What MLflow accepts in the names of metrics, parameters and tags; any other character is replaced.
_REFUSED = re.compile(r"[^/\w.\- :]")
_LONGEST_NAME, _LONGEST_VALUE = 250, 5000
_STATUS = {State.FAILED: "FAILED", State.INTERRUPTED: "KILLED", State.ABANDONED: "KILLED"}


class MLflow(RunTracker):
    """Writes a run for each trial.

    Args:
        uri: Path of an SQLite file, or the URI of a tracking server or database; empty takes the
            environment variable ``MLFLOW_TRACKING_URI``, or else ``mlflow.db``.
        experiment: Name of the experiment of all runs; empty takes the name of each pipeline.

    Raises:
        SettingsError: MLflow is not installed.
    """

    def __init__(self, *, uri: str = "", experiment: str = "") -> None:
        super().__init__()
        check_installed("mlflow", "mlflow")
        given = uri or os.environ.get("MLFLOW_TRACKING_URI", "") or DEFAULT
        self._uri, self._experiment = _as_uri(given), experiment
        self._experiments: dict[str, str] = {}
        self._client: MlflowClient | None = None

    def campaign_started(self, settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
        """Connect, and create the experiments.

        Raises:
            WriteError: The SQLite file, or the one that locks it, cannot be written.
            SettingsError: An experiment was deleted.
        """
        super().campaign_started(settings, pipelines, db)
        path = _file_of(self._uri)
        if path is not None:
            _check_file(path)
        names = dict.fromkeys(self._experiment or pipeline.name for pipeline in pipelines)
        with _few_retries(), nullcontext() if path is None else _alone(path):
            self._client = _client(self._uri)
            self._experiments = {name: _experiment_id(self._client, name) for name in names}

    def open_run(self, trial: Trial) -> ClientRun:
        """Return the run of a trial; a trial that resumes has one, which its id finds."""
        assert self._client is not None
        experiment = self._experiments[self._experiment or trial.pipeline.name]
        return ClientRun(self._client, experiment, trial, self.db)


class ClientRun:
    """The run of one trial.

    Args:
        client: The client of the tracking server or database.
        experiment: The id of the experiment.
        trial: The trial.
        db: Path or URL of the database of results.
    """

    def __init__(self, client: MlflowClient, experiment: str, trial: Trial, db: str) -> None:
        self._client = client
        tags = {f"lemur.{name}": value for name, value in trial_facts(trial, db).items()}
        known = f"tags.`lemur.trial` = '{trial.uid}'"
        runs = client.search_runs([experiment], known, max_results=1)
        if runs:
            self.id = runs[0].info.run_id
            client.update_run(self.id, status="RUNNING")
            return
        run = client.create_run(experiment, tags=_tags(tags), run_name=run_name(trial))
        self.id = run.info.run_id
        self._log_batch(params=trial.prm)

    @property
    def logged(self) -> set[int]:
        """The numbers of the epochs that the run already has."""
        history = self._client.get_metric_history(self.id, VALIDATION)
        return {metric.step for metric in history}

    def log(self, epoch: Epoch) -> None:
        """Write the numbers of an epoch, as metrics at its step."""
        self._log_batch(epoch_metrics(epoch), epoch.number)

    def finish(self, outcome: Outcome) -> None:
        """Write how the trial ended."""
        best = outcome.best
        tags = {f"lemur.{name}": value for name, value in outcome_facts(outcome).items()}
        if outcome.state is not State.INTERRUPTED:
            self._log_batch(outcome_metrics(outcome), best.number if best else 0)
        self._log_batch(tags=tags)
        self._client.set_terminated(self.id, _STATUS.get(outcome.state, "FINISHED"))

    def close(self) -> None:
        """Mark the run as ended before its time."""
        self._client.set_terminated(self.id, "KILLED")

    def _log_batch(
        self,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = time.time_ns() // 10**6
        self._client.log_batch(
            self.id,
            [Metric(_name(name), value, now, step) for name, value in (metrics or {}).items()],
            [Param(_name(name), _text(value)) for name, value in (params or {}).items()],
            [RunTag(name, value) for name, value in _tags(tags or {}).items()],
        )


def _as_uri(text: str) -> str:
    """Return a URI; a path without a scheme is that of an SQLite file, as of lemur's database."""
    is_uri = "://" in text or text.startswith(("file:", "databricks"))
    return text if is_uri else f"{_SQLITE}{Path(text).expanduser().absolute()}"


def _file_of(uri: str) -> Path | None:
    """Return the SQLite file of a URI, whatever its driver and query; None if it is none.

    >>> _file_of("sqlite+pysqlite:////runs/a.db?timeout=5")
    PosixPath('/runs/a.db')
    """
    try:
        url = make_url(uri)
    # Otherwise MLflow says what is wrong, for example with a port.
    except (ArgumentError, ValueError):
        return None
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)).absolute() if is_file else None


def _check_file(path: Path) -> None:
    # MLflow would try to open it again for minutes.
    make_folder(path.parent)
    if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        raise WriteError(path, "is a directory" if path.is_dir() else "is write-protected")
    if _has_results(path):
        raise SettingsError(
            f"tracker 'mlflow': uri is {str(path)!r}, which contains results of lemur; name another"
            " file"
        )


def _has_results(path: Path) -> bool:
    """Return whether a file is a database of lemur, whose version MLflow would overwrite."""
    if not path.exists():
        return False
    query = "SELECT name FROM sqlite_master WHERE name IN ('prm', 'stat')"
    # MLflow reports a file that is no database.
    with suppress(sqlite3.DatabaseError):
        url = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(url, uri=True)) as connection:
            return len(connection.execute(query).fetchall()) == 2
    return False


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for other campaigns that open the same file.

    Two that create MLflow's tables at once would leave a file that it can never open again.
    """
    lock = f"{path}.lock"
    with ExitStack() as stack:
        try:
            connection = sqlite3.connect(lock, timeout=_LOCK_S, isolation_level=None)
            stack.enter_context(closing(connection))
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise WriteError(lock, str(error)) from error
        yield


def _client(uri: str) -> MlflowClient:
    # MLflow sends telemetry unless this is set before its import.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    # It reports each step of creating a database.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return MlflowClient(uri)


@contextmanager
def _few_retries() -> Iterator[None]:
    """Try a server only a few times, so that a wrong address is reported after some seconds."""
    if _RETRIES in os.environ:
        yield
        return
    os.environ[_RETRIES] = "2"
    try:
        yield
    finally:
        del os.environ[_RETRIES]


def _experiment_id(client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            # Another campaign on the same server may just have created it.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage != "active":
        raise SettingsError(
            f"tracker 'mlflow': experiment {name!r} was deleted; restore it, or name another one "
            "with mlflow:experiment=NAME"
        )
    return str(experiment.experiment_id)


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: _text(value) for name, value in tags.items()}


def _name(name: str) -> str:
    # MLflow also refuses paths such as ``a//b`` and ``../a``.
    parts = [part for part in _REFUSED.sub("_", name).split("/") if part.strip(".")]
    return "/".join(parts)[:_LONGEST_NAME]


def _text(value: object) -> str:
    return str(value)[:_LONGEST_VALUE]
