"""Weights & Biases: a run per trial, whose id is that of the trial; offline by default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core import State
from lemur_core.errors import SettingsError
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
    from collections.abc import Sequence

    from lemur_core import Epoch, Outcome, Pipeline, Settings, Trial

_LONGEST_GROUP = 128
_MODES = ("offline", "online", "disabled")
# The epochs that this process has sent, by trial: W&B writes its files some time later.
_SENT: dict[str, set[int]] = {}


class WandB(RunTracker):
    """Writes a run for each trial.

    Nothing is sent unless the environment variable ``WANDB_MODE`` is ``online``.

    Args:
        project: Name of the project.
        folder: The folder in which W&B's folder ``wandb`` is created; empty takes the environment
            variable ``WANDB_DIR``, or else the working directory.

    Raises:
        SettingsError: The package wandb is not installed.
    """

    def __init__(self, *, project: str = "lemur", folder: str = "") -> None:
        super().__init__()
        check_installed("wandb", "wandb")
        self._project = project
        self._folder = Path(folder or os.environ.get("WANDB_DIR", "") or ".").expanduser()

    def campaign_started(self, settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
        """Create the folder.

        Raises:
            WriteError: It cannot be written to.
            SettingsError: ``WANDB_MODE`` is unknown, or ``online`` without an API key.
        """
        super().campaign_started(settings, pipelines, db)
        make_folder(self._folder / "wandb")
        _check_mode()

    def open_run(self, trial: Trial) -> ServiceRun:
        """Return the run of a trial."""
        return ServiceRun(self._project, self._folder, trial, self.db)


class ServiceRun:
    """The run of one trial, which W&B's own process writes.

    A trial that resumes continues the run: offline, in another file of the same run, which
    ``wandb sync`` sends after the first one.

    Args:
        project: Name of the project.
        folder: The folder that contains W&B's folder.
        trial: The trial.
        db: Path or URL of the database of results.

    Attributes:
        logged: The numbers of the epochs that the run already has.
    """

    def __init__(self, project: str, folder: Path, trial: Trial, db: str) -> None:
        self.logged = _logged(folder, trial.uid) if trial.done else set()
        self._sent = _SENT.setdefault(trial.uid, set())
        self.logged |= self._sent
        facts = trial_facts(trial, db)
        self._run = _init(
            project=project,
            # Absolute, because the process that writes keeps its first working directory.
            dir=str(folder.absolute()),
            id=trial.uid,
            name=run_name(trial),
            group=trial.pipeline.name[:_LONGEST_GROUP],
            config=dict(trial.prm) | {"lemur": facts},
        )
        if self._run.resumed:
            self.logged |= set(range(self._run.step))

    def log(self, epoch: Epoch) -> None:
        """Write the numbers of an epoch at its step."""
        # Without ``commit``, W&B would keep the row until the next epoch.
        self._run.log(epoch_metrics(epoch), step=epoch.number, commit=True)
        self._sent.add(epoch.number)

    def finish(self, outcome: Outcome) -> None:
        """Write how the trial ended."""
        self._run.summary.update(outcome_metrics(outcome) | outcome_facts(outcome))
        is_well = outcome.state not in (State.FAILED, State.INTERRUPTED, State.ABANDONED)
        self._run.finish(exit_code=0 if is_well else 1)

    def close(self) -> None:
        """End the run before its time."""
        self._run.finish(exit_code=1)


def _mode() -> str:
    return os.environ.get("WANDB_MODE", "") or "offline"


def _check_mode() -> None:
    mode = _mode()
    if mode not in _MODES:
        raise SettingsError(
            f"tracker 'wandb': WANDB_MODE is {mode!r}; expected {', '.join(_MODES)}"
        )
    if mode != "online":
        # Otherwise W&B would send reports of its own errors.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    if mode == "online":
        # Raises an error if the user has not logged in.
        wandb.Api()


def _init(**arguments: Any) -> Any:
    import wandb

    # The output, code and load of this process are not those of the trial.
    settings: dict[str, Any] = {
        "mode": _mode(),
        "console": "off",
        "silent": True,
        "disable_code": True,
        "disable_git": True,
        "x_disable_stats": True,
        "x_disable_meta": True,
    }
    return wandb.init(
        reinit="create_new", resume="allow", settings=wandb.Settings(**settings), **arguments
    )


def _logged(folder: Path, uid: str) -> set[int]:
    """Return the steps with a validation score in the local files of a run."""
    from lemur_trackers.wandb_file import history

    rows = (
        row for file in folder.glob(f"wandb/*run-*-{uid}/run-{uid}.wandb") for row in history(file)
    )
    return {int(row["_step"]) for row in rows if VALIDATION in row and "_step" in row}
