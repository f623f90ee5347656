"""TensorBoard: a log folder per trial, ``FOLDER/PIPELINE/NUMBER-ID``."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any

from lemur_core import State
from lemur_trackers.folders import folder_name, make_folder
from lemur_trackers.records import (
    VALIDATION,
    epoch_metrics,
    outcome_facts,
    outcome_metrics,
    trial_facts,
)
from lemur_trackers.runs import RunTracker, check_installed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core import Epoch, Outcome, Pipeline, Settings, Trial

_TRIAL = "trial"
# The first event of a file says which format it has.
_VERSION = "brain.Event:2"
# Digits of a trial's id in the name of its folder, as lemur prints them.
_DIGITS = 8


class TensorBoard(RunTracker):
    """Writes a log folder for each trial.

    Args:
        folder: The folder that ``tensorboard --logdir`` shows.

    Raises:
        SettingsError: TensorBoard is not installed.
    """

    def __init__(self, *, folder: str = "runs") -> None:
        super().__init__()
        check_installed("tensorboard", "tensorboard")
        self._folder = Path(folder).expanduser()

    def campaign_started(self, settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
        """Create the folder.

        Raises:
            WriteError: It cannot be written to.
        """
        super().campaign_started(settings, pipelines, db)
        make_folder(self._folder)
        # A broken installation is reported before anything is trained.
        import_module("tensorboard.summary.writer.record_writer")

    def open_run(self, trial: Trial) -> LogFolder:
        """Return the log folder of a trial."""
        name = f"{trial.number}-{trial.uid[:_DIGITS]}"
        return LogFolder(self._folder / folder_name(trial.pipeline.name) / name, trial, self.db)


class LogFolder:
    """The log folder of one trial.

    Args:
        folder: Its path.
        trial: The trial.
        db: Path or URL of the database of results.

    Attributes:
        logged: The numbers of the epochs that it already has.
    """

    def __init__(self, folder: Path, trial: Trial, db: str) -> None:
        is_begun, self.logged = _logged(folder)
        self._epochs = len(trial.done)
        self._writer = _writer(folder)
        self._add_event(file_version=_VERSION)
        if not is_begun:
            self._add(_session_start(trial))
            self._add(_text(_TRIAL, trial_facts(trial, db)))

    def log(self, epoch: Epoch) -> None:
        """Write the numbers of an epoch, as scalars at its step."""
        self._epochs = epoch.number
        self._add(_scalars(epoch_metrics(epoch)), epoch.number)

    def finish(self, outcome: Outcome) -> None:
        """Write how the trial ended; its session only ends if it cannot resume."""
        if outcome.state is not State.INTERRUPTED:
            self._add(_text("outcome", outcome_facts(outcome)), self._epochs)
            best = outcome.best.number if outcome.best else 0
            self._add(_scalars(outcome_metrics(outcome)), best)
            self._add(_session_end(outcome.state))
        self.close()

    def close(self) -> None:
        """Write what is still to be written, and close the file."""
        self._writer.close()

    def _add(self, summary: Any, step: int = 0) -> None:
        self._add_event(summary=summary, step=step)

    def _add_event(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), **fields)
        try:
            self._writer.write(event.SerializeToString())
            # What is buffered is only written, and can only fail, now.
            self._writer.flush()
        except OSError:
            self._writer.close()
            raise


def _writer(folder: Path) -> Any:
    """Return a writer of a new file of events, which follows all others of the folder.

    Unlike TensorBoard's own writer of events, it has no thread, whose errors would not be raised.
    """
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    # TensorBoard reads the files of a folder in the order of their names.
    name = f"events.out.tfevents.{time.time_ns()}.{gethostname()}"
    return RecordWriter((folder / name).open("xb"))


def _logged(folder: Path) -> tuple[bool, set[int]]:
    """Return whether a log folder is begun, and the steps with a validation score."""
    if not folder.is_dir():
        return False, set()
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    is_begun, steps = False, set()
    for file in sorted(folder.glob("*tfevents*")):
        for event in EventFileLoader(str(file)).Load():
            tags = [value.tag for value in event.summary.value]
            is_begun = is_begun or _TRIAL in tags
            if VALIDATION in tags:
                steps.add(int(event.step))
    return is_begun, steps


def _scalars(metrics: Mapping[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    # The simple form, as torch.utils.tensorboard writes it, which every reader understands.
    return Summary(
        value=[Summary.Value(tag=name, simple_value=value) for name, value in metrics.items()]
    )


def _text(tag: str, facts: Mapping[str, str]) -> Any:
    from tensorboard.plugins.text.summary_v2 import text_pb

    # Each line is a paragraph of Markdown; four spaces make it literal.
    return text_pb(tag, "\n".join(f"    {name}: {value}" for name, value in facts.items()))


def _session_start(trial: Trial) -> Any:
    """Return the hyperparameters; TensorBoard lists the scalars of the folder beside them."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    pipeline = trial.pipeline
    values: dict[str, Any] = {"net": pipeline.net, "dataset": pipeline.dataset}
    values |= {name: _value(value) for name, value in trial.prm.items()}
    return hparams_pb(values, trial_id=trial.uid)


def _session_end(state: State) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    names = {State.FAILED: "STATUS_FAILURE", State.ABANDONED: "STATUS_FAILURE"}
    status = api_pb2.Status.Value(names.get(state, "STATUS_SUCCESS"))
    end = SessionEndInfo(status=status, end_time_secs=time.time())
    described = metadata.create_summary_metadata(HParamsPluginData(session_end_info=end))
    tag = metadata.SESSION_END_INFO_TAG
    return Summary(value=[Summary.Value(tag=tag, metadata=described)])


def _value(value: object) -> bool | float | int | str:
    return value if isinstance(value, bool | int | float | str) else str(value)
