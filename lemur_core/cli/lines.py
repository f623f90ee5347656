"""Report a campaign to people in lines, or only when it ends."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lemur_core import events
from lemur_core.cli import wording
from lemur_core.cli.failure import SHORT, Failures
from lemur_core.cli.leaderboard import closing_text
from lemur_core.cli.output import print_line, print_text, warn
from lemur_core.cli.pace import Pace
from lemur_core.cli.text import duration
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core.space import Value
    from lemur_core.summary import Summary


class Quiet(AbstractContextManager["Quiet"]):
    """Prints only warnings until the end."""

    def __init__(self) -> None:
        self.pace, self._failures = Pace(), Failures()
        self._alone = True
        self._fixed: dict[str, Mapping[str, Value]] = {}
        self._warned: set[str] = set()

    def __exit__(self, *error: object) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        """Print what an event means to the user, if anything."""
        self.pace.take(event)
        self._failures.take(event)
        match event:
            case events.CampaignStarted():
                self._alone = len(event.devices) == 1
            case events.StudyStarted():
                self._fixed[event.pipeline.name] = event.fixed
                self._warn_of_validation(event)
            case events.TrialsHeld():
                print_line(wording.waiting_line(event), err=True)
            case events.Warned(message):
                warn(message)

    def _warn_of_validation(self, event: events.StudyStarted) -> None:
        line = wording.validation_line(event)
        if line and line not in self._warned:
            self._warned.add(line)
            warn(line)

    def ended(self, summary: Summary) -> None:
        """Print the leaderboard."""
        print_text(closing_text(summary, self.pace.elapsed_s, self._failures.lines))


class Lines(Quiet):
    """Prints a line for each event."""

    def __init__(self) -> None:
        super().__init__()
        self._tenths: dict[str, int] = {}

    def __call__(self, event: events.Event) -> None:
        """Print what an event means to the user, if anything."""
        super().__call__(event)
        for line in self._lines(event):
            print_line(line)

    def ended(self, summary: Summary) -> None:
        """Print the leaderboard."""
        print_line()
        super().ended(summary)

    def _lines(self, event: events.Event) -> Iterator[str]:
        match event:
            case events.FileFetched():
                yield from self._fetched(event)
            case events.CampaignStarted():
                yield wording.campaign_line(event)
            case events.StudyStarted():
                yield ""
                yield wording.study_line(event)
                if line := wording.searched_line(event):
                    yield line
            case events.Noted(message):
                yield message
            case events.TrialStarted(trial):
                searched = wording.searched_text(trial, self._fixed[trial.pipeline.name])
                name = wording.trial_name(trial, alone=self._alone)
                yield f"  {name} ({trial.uid[:SHORT]})" + (f": {searched}" if searched else "")
            case events.EpochEnded(trial, epoch):
                left = "" if self.pace.left_s is None else f", {duration(self.pace.left_s)} left"
                prefix = "" if self._alone else f"{wording.trial_name(trial, alone=False)}, "
                text = wording.epoch_text(epoch, trial.pipeline.metric)
                yield f"    {prefix}epoch {epoch.number}/{trial.epochs}: {text}{left}"
            case events.TrialFinished(trial, outcome):
                name = wording.trial_name(trial, alone=self._alone)
                yield f"  {name} {wording.outcome_text(outcome, trial.pipeline.metric)}"
                if outcome.state is State.FAILED:
                    yield f"    {self._failures.line(trial, outcome)}"

    def _fetched(self, event: events.FileFetched) -> Iterator[str]:
        # One line for each tenth of a file of known size; otherwise one line at the start.
        tenth = 10 * event.done // event.total if event.total else 0
        if tenth > self._tenths.get(event.file, -1):
            self._tenths[event.file] = tenth
            yield wording.fetched_line(event)
