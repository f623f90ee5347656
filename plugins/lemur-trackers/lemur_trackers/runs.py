"""Keep one run of another program for each trial: the part that all trackers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from lemur_core.errors import SettingsError
from lemur_core.kinds.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lemur_core import Epoch, Outcome, Pipeline, Settings, Summary, Trial


class Run(Protocol):
    """The run of one trial."""

    @property
    def logged(self) -> Collection[int]:
        """The numbers of the epochs that the run already has."""
        ...

    def log(self, epoch: Epoch) -> None:
        """Write the numbers of an epoch."""
        ...

    def finish(self, outcome: Outcome) -> None:
        """Write how the trial ended, and close the run; a trial that resumes opens it again."""
        ...

    def close(self) -> None:
        """Close the run of a trial whose end is unknown."""
        ...


class RunTracker(Tracker, ABC):
    """Opens a run for each trial, or continues it, and writes each epoch once."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self.db = ""

    @abstractmethod
    def open_run(self, trial: Trial) -> Run:
        """Return the trial's run, which exists if the trial resumes."""

    def campaign_started(self, settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
        """Remember the database; a subclass also opens what it writes to."""
        self.db = db

    def trial_started(self, trial: Trial) -> None:
        """Open the trial's run, and write the epochs that it lacks.

        A campaign that was killed may have recorded an epoch without passing it on.
        """
        run = self._runs[trial.uid] = self.open_run(trial)
        logged = set(run.logged) if trial.done else set()
        for epoch in trial.done:
            if epoch.number not in logged:
                run.log(epoch)

    def epoch_ended(self, trial: Trial, epoch: Epoch) -> None:
        """Write an epoch."""
        self._runs[trial.uid].log(epoch)

    def trial_finished(self, trial: Trial, outcome: Outcome) -> None:
        """Write how the trial ended, and close its run."""
        self._runs.pop(trial.uid).finish(outcome)

    def campaign_ended(self, summary: Summary) -> None:
        """Close the runs of trials that did not end."""
        while self._runs:
            self._runs.popitem()[1].close()

    def close(self) -> None:
        """Close all runs, after one of them failed."""
        for run in self._runs.values():
            # The disk that is full is that of all.
            with suppress(Exception):
                run.close()
        self._runs.clear()


def check_installed(tracker: str, library: str) -> None:
    """Check that a library is installed, without importing it.

    Raises:
        SettingsError: It is not installed.
    """
    if find_spec(library) is None:
        raise SettingsError(
            f"tracker {tracker!r} needs {library}, which is not installed: "
            f"pip install 'lemur-trackers[{tracker}]'"
        )
