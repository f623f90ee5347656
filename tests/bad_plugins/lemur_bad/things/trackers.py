from pathlib import Path

from lemur_core.kinds.tracker import Tracker


class OptionWithoutDefault(Tracker):
    def __init__(self, *, file):
        self.file = file


class NeedsLosses(Tracker):
    def epoch_ended(self, trial, epoch):
        return f"{trial.uid}: {epoch.loss:.3f}"


class WritesAtOnce(Tracker):
    def __init__(self):
        Path("bad.log").touch()
