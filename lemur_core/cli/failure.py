"""Say in a few words where a trial failed, and which command shows all of it."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from lemur_core import events
from lemur_core.trial import Outcome, State, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = 8
"""Number of digits of a trial's id that are printed while it is trained."""

_FRAME = re.compile(r'^  File "(?P<file>.+)", line (?P<line>\d+)', re.MULTILINE)
_CHAIN = "\nThe above exception was the direct cause of the following exception:\n"
# Folders of Python's library, of installed packages, and of lemur itself.
_NOT_THE_USERS = re.compile(
    r"[/\\](site-packages|dist-packages|lib[/\\]python3[^/\\]*|lemur_core)[/\\]|^<"
)


def place_of(traceback: str) -> str:
    r"""Return the file and line of the user's own code in which an exception was raised.

    It is the innermost call in a file that is neither lemur's nor part of an installed package, of
    the exception that caused the others; empty if there is none.

    >>> place_of('Traceback (most recent call last):\n'
    ...          '  File "/home/me/nets/MyNet.py", line 12, in forward\n'
    ...          '  File "/env/lib/python3.11/site-packages/torch/x.py", line 7, in view\n'
    ...          'RuntimeError: bad shape\n')
    '/home/me/nets/MyNet.py, line 12'
    """
    for part in traceback.split(_CHAIN):
        frames = list(_own_frames(part))
        if frames:
            return frames[-1]
    return ""


class Failures:
    """Notes where the trials of a campaign fail.

    Attributes:
        lines: For each reason, the line that says where the first trial failed for it.
    """

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}
        self._db = ""

    def take(self, event: events.Event) -> None:
        """Note what an event says about a failure, if anything."""
        match event:
            case events.CampaignStarted():
                self._db = event.db
            case events.TrialFinished(trial, outcome) if outcome.state is State.FAILED:
                self.lines.setdefault(outcome.reason, self.line(trial, outcome))

    def line(self, trial: Trial, outcome: Outcome) -> str:
        """Return where a trial failed, and the command that shows its whole traceback."""
        place = place_of(outcome.traceback)
        command = f"lemur show trial {trial.uid[:SHORT]} --no-source{db_flag(self._db)}"
        what = "shows the traceback" if outcome.traceback else "shows more"
        return f"{f'in {place}; ' if place else ''}{command} {what}"


def db_flag(db: str) -> str:
    """Return the option that names a database, with a space before it; empty for the default."""
    return "" if db == "lemur.db" else f" --db {shlex.quote(db)}"


def _own_frames(text: str) -> Iterator[str]:
    for frame in _FRAME.finditer(text):
        if not _NOT_THE_USERS.search(frame["file"]):
            yield f"{_shown(frame['file'])}, line {frame['line']}"


def _shown(file: str) -> str:
    folder = os.path.join(os.getcwd(), "")
    return file.removeprefix(folder)
