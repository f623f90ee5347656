"""Select how the progress of a campaign is shown: live, line by line, as JSON, or not at all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from lemur_core.events import Event
    from lemur_core.summary import Summary


class ProgressDisplay(Protocol):
    """Shows the progress of a campaign and its end."""

    def __call__(self, event: Event) -> None:
        """Show an event."""

    def ended(self, summary: Summary) -> None:
        """Show how the campaign ended."""


def progress_display(*, quiet: bool, as_json: bool) -> AbstractContextManager[ProgressDisplay]:
    """Return a display for a campaign; enter it before importing torch, which takes a while."""
    if as_json:
        from lemur_core.cli.jsonl import JsonLines

        return JsonLines()
    from lemur_core.cli import lines

    if quiet:
        return lines.Quiet()
    if sys.stdout.isatty() and _is_unicode(sys.stdout):
        from lemur_core.cli.live import Live

        return Live()
    return lines.Lines()


def _is_unicode(stream: TextIO) -> bool:
    """Return whether a stream can encode the characters of the live display."""
    encoding = getattr(getattr(stream, "stream", stream), "encoding", None) or ""
    return encoding.lower().startswith("utf")
