"""Trackers that the toy plugin does not register; tests register them."""

from pathlib import Path

from lemur_core.kinds.tracker import Tracker


class Lines(Tracker):
    """Writes a line for each call."""

    def __init__(self, *, file="lines.log", fails_at=""):
        if fails_at == "creation":
            raise ValueError("file is of no use")
        self._file, self._fails_at = Path(file), fails_at

    def campaign_started(self, settings, pipelines, db):
        self._write("campaign", *(pipeline.net for pipeline in pipelines), Path(db).name)

    def trial_started(self, trial):
        self._write("trial", trial.number, *(epoch.number for epoch in trial.done))

    def epoch_ended(self, trial, epoch):
        self._write("epoch", trial.number, epoch.number)

    def trial_finished(self, trial, outcome):
        self._write("end", trial.number, outcome.state)

    def campaign_ended(self, summary):
        self._write("summary", *summary.states.values())

    def close(self):
        self._write("closed")
        raise RuntimeError("is ignored")

    def _write(self, event, *parts):
        if event == self._fails_at:
            raise OSError(28, "No space left on device")
        with self._file.open("a") as file:
            print(event, *parts, file=file)


class NeedsLibrary(Tracker):
    def __init__(self):
        import lemur_toy_library  # noqa: F401
