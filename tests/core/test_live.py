"""The live display restores the terminal whenever the user interrupts it."""

import io
import re
import sys

import pytest
from rich.console import Console

from lemur_core.cli.live import Live


class Interrupted(io.StringIO):
    """A terminal whose user interrupts once, during a given write."""

    def __init__(self, at):
        super().__init__()
        self.left = at

    def isatty(self):
        return True

    def write(self, text):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.parametrize("at", range(1, 9))
def test_an_interrupt_leaves_the_cursor_shown(at):
    before = sys.stdout, sys.stderr
    terminal = Interrupted(at)
    live = Live(Console(file=terminal, force_terminal=True, width=80))
    # The drawing thread writes at unpredictable times.
    live._screen.auto_refresh = False
    try:
        with live:
            live._say("some line")
    except KeyboardInterrupt:
        pass
    assert re.findall(r"\x1b\[\?25[lh]", terminal.getvalue())[-1:] in ([], ["\x1b[?25h"])
    assert (sys.stdout, sys.stderr) == before


def test_nothing_is_written_after_the_display_ended():
    terminal = Interrupted(0)
    live = Live(Console(file=terminal, force_terminal=True, width=80))
    with live:
        live._stop()
        written = terminal.getvalue()
    assert terminal.getvalue() == written


def test_brackets_in_output_of_a_net_are_not_markup(monkeypatch):
    terminal = Interrupted(0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    with Live():
        sys.stdout.write("[red]:smile:[/red] \x1b[35m\n")
        sys.stdout.write("[b]unfinished")
        sys.stdout.flush()
    assert "[red]:smile:[/red] \\x1b[35m" in terminal.getvalue()
    assert "[b]unfinished" in terminal.getvalue()
