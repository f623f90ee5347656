"""A campaign told to people in lines, or only at its end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from lemur_core.cli import warn, wording
from lemur_core.cli.leaderboard import ending
from lemur_core.cli.pace import Pace
from lemur_core.cli.text import duration
from lemur_core.search import events
from lemur_core.space import Value

if TYPE_CHECKING:
    from lemur_core.search.summary import Summary


class Quiet(AbstractContextManager["Quiet"]):
    """Nothing but warnings until the end."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._alone = True
        self._fixed: dict[str, Mapping[str, Value]] = {}

    def __exit__(self, *error: object) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        self.pace.take(event)
        match event:
            case events.CampaignStarted():
                self._alone = len(event.devices) == 1
            case events.StudyStarted():
                self._fixed[event.pipeline.name] = event.fixed
            case events.TrialsHeld():
                click.echo(wording.waiting_line(event), err=True)
            case events.Warned(message):
                warn(message)

    def ended(self, summary: Summary) -> None:
        """Print the leaderboard."""
        click.echo(ending(summary, self.pace.elapsed_s))


class Lines(Quiet):
    """A line for each event."""

    def __init__(self) -> None:
        super().__init__()
        self._tenths: dict[str, int] = {}

    def __call__(self, event: events.Event) -> None:
        """Show one event."""
        super().__call__(event)
        line = self._line(event)
        if line:
            click.echo(line)

    def ended(self, summary: Summary) -> None:
        """Print the leaderboard."""
        click.echo()
        super().ended(summary)

    def _line(self, event: events.Event) -> str:
        match event:
            case events.FileFetched():
                return self._fetched(event)
            case events.CampaignStarted():
                return wording.campaign_line(event)
            case events.StudyStarted():
                return f"\n{wording.study_line(event)}\n{wording.fixed_line(event)}".rstrip()
            case events.TrialStarted(trial):
                searched = wording.searched_text(trial, self._fixed[trial.pipeline.name])
                return f"  {wording.named(trial, alone=self._alone)}: {searched}"
            case events.EpochEnded(trial, epoch):
                left = "" if self.pace.left_s is None else f", {duration(self.pace.left_s)} left"
                who = "" if self._alone else f"{wording.named(trial, alone=False)}, "
                text = wording.epoch_text(epoch)
                return f"    {who}epoch {epoch.number}/{trial.epochs}: {text}{left}"
            case events.TrialFinished(trial, outcome):
                who = wording.named(trial, alone=self._alone)
                return f"  {who} {wording.outcome_text(outcome)}"
            case _:
                return ""

    def _fetched(self, event: events.FileFetched) -> str:
        # A file of a known size has a line for each tenth, others one when they begin.
        tenth = 10 * event.done // event.total if event.total else 0
        if tenth <= self._tenths.get(event.file, -1):
            return ""
        self._tenths[event.file] = tenth
        return wording.fetched_line(event)
