"""Display a campaign on a terminal: finished trials scroll by, running ones stay at the bottom."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, NamedTuple, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from lemur_core import events
from lemur_core.cli import wording
from lemur_core.cli.failure import SHORT, Failures
from lemur_core.cli.leaderboard import closing_text
from lemur_core.cli.output import print_text
from lemur_core.cli.pace import Pace
from lemur_core.cli.streams import EscapingStream, TolerantStream
from lemur_core.cli.text import duration, sparkline
from lemur_core.escapes import one_line
from lemur_core.passwords import redact
from lemur_core.trial import Epoch, Outcome, State, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.space import Value
    from lemur_core.summary import Summary

_STYLES = {State.FAILED: "red", State.PRUNED: "yellow", State.INTERRUPTED: "yellow"}


# Reset the style and show the cursor.
_RESTORE = "\x1b[0m\x1b[?25h"


class _Running(NamedTuple):
    trial: Trial
    epochs: list[Epoch]
    spinner: Spinner


class Live(AbstractContextManager["Live"]):
    """Shows the running trials, their curves, a progress bar and the time left."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _console()
        self.pace, self._failures = Pace(), Failures()
        self._before: tuple[TextIO, TextIO] | None = None
        self._alone = True
        self._running: dict[str, _Running] = {}
        self._fixed: dict[str, Mapping[str, Value]] = {}
        self._warned: set[str] = set()
        self._spinner = Spinner("dots")
        self._preparing = "loading torch and the data"
        self._screen = Screen(
            console=self.console, get_renderable=self._render, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> Live:
        self._before = sys.stdout, sys.stderr
        try:
            self._screen.start()
            # Text printed meanwhile appears above the display, which interprets some of its
            # control sequences.
            sys.stdout, sys.stderr = EscapingStream(sys.stdout), EscapingStream(sys.stderr)
        except BaseException:
            # Stopping a screen that did not start may fail, but it restores the terminal.
            with suppress(Exception):
                self._stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._stop()
        # A second Ctrl-C must not leave the cursor hidden.
        except KeyboardInterrupt:
            self._stop()
            raise

    def _stop(self) -> None:
        if self._before is None:
            return
        try:
            self._screen.stop()
        finally:
            sys.stdout, sys.stderr = self._before
            if self.console.is_terminal:
                self.console.file.write(_RESTORE)
                self.console.file.flush()
            self._before = None

    def __call__(self, event: events.Event) -> None:
        """Show an event."""
        self.pace.take(event)
        self._failures.take(event)
        match event:
            case events.FileFetched():
                self._preparing = wording.fetched_line(event)
            case events.CampaignStarted():
                self._alone = len(event.devices) == 1
                self._say(wording.campaign_line(event))
            case events.StudyStarted():
                self._fixed[event.pipeline.name] = event.fixed
                self._say_study(event)
            case events.TrialsHeld():
                self._say(wording.waiting_line(event), "yellow")
            case events.TrialStarted(trial):
                self._running[trial.uid] = _Running(trial, list(trial.done), Spinner("dots"))
            case events.EpochEnded(trial, epoch):
                self._running[trial.uid].epochs.append(epoch)
            case events.TrialFinished(trial, outcome):
                del self._running[trial.uid]
                self._say_outcome(trial, outcome)
            case events.Noted(message):
                self._say(message)
            case events.Warned(message):
                self._say(f"warning: {message}", "yellow")

    def ended(self, summary: Summary) -> None:
        """Print the leaderboard."""
        self._stop()
        print_text(f"\n{closing_text(summary, self.pace.elapsed_s, self._failures.lines)}")

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(_text(text, style))

    def _say_outcome(self, trial: Trial, outcome: Outcome) -> None:
        text = f"  {self._name(trial)} {wording.outcome_text(outcome, trial.pipeline.metric)}"
        self._say(text, _STYLES.get(outcome.state, "green"))
        if outcome.state is State.FAILED:
            self._say(f"    {self._failures.line(trial, outcome)}", "red")
        self._say(f"    {trial.uid[:SHORT]}: {self._searched(trial)}", "dim")

    def _say_study(self, event: events.StudyStarted) -> None:
        self._say("")
        self._say(wording.study_line(event), "bold")
        self._say(wording.searched_line(event), "dim")
        line = wording.validation_line(event)
        if line and line not in self._warned:
            self._warned.add(line)
            self._say(f"warning: {line}", "yellow")

    def _name(self, trial: Trial) -> str:
        return wording.trial_name(trial, alone=self._alone)

    def _searched(self, trial: Trial) -> str:
        return wording.searched_text(trial, self._fixed[trial.pipeline.name])

    def _render(self) -> RenderableType:
        if not self.pace.total:
            self._spinner.update(text=_text(f" {self._preparing}"))
            return self._spinner
        # A copy: another thread renders than the one that receives the events.
        running = list(self._running.values())
        return Group(*(part for item in running for part in self._training(item)), self._bar())

    def _training(self, running: _Running) -> list[RenderableType]:
        trial, epochs = running.trial, running.epochs
        number = min(trial.first + len(epochs), trial.epochs)
        running.spinner.update(text=_text(f" {self._name(trial)}, epoch {number}/{trial.epochs}"))
        searched = _one_line(f"    {self._searched(trial)}", "dim")
        return [
            running.spinner,
            *_curve(epochs, trial.pipeline.metric),
            *([searched] if self._alone else []),
        ]

    def _bar(self) -> RenderableType:
        pace = self.pace
        left = "" if pace.left_s is None else f", {duration(pace.left_s)} left"
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_row(
            ProgressBar(total=pace.total, completed=pace.done),
            f"{pace.done}/{pace.total} epochs, {duration(pace.elapsed_s)}{left}",
        )
        return row


def _curve(epochs: list[Epoch], metric: str) -> list[RenderableType]:
    if not epochs:
        return []
    bars = sparkline([epoch.validation for epoch in epochs])
    return [_one_line(f"    {wording.epoch_text(epochs[-1], metric)} {bars}", "cyan")]


def _one_line(text: str, style: str) -> Text:
    line = _text(text, style)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _text(text: str, style: str = "") -> Text:
    # A rich `Text` has no markup, but rich prints its control characters unchanged.
    return Text(one_line(redact(text)), style=style)


def _console() -> Console:
    """Return a console on standard output that does not escape rich's control sequences."""
    stream = sys.stdout.stream if isinstance(sys.stdout, EscapingStream) else sys.stdout
    file = cast("TextIO", TolerantStream(stream))
    # Brackets in text that others print beside the display are not markup either.
    return Console(file=file, highlight=False, markup=False, emoji=False)
