"""What commands print: lines, text, data and progress."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lemur_core.cli.streams import EscapingStream, style
from lemur_core.escapes import escape, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print one line, whatever the text holds.

    Control characters, line ends among them, lone surrogates and characters that are invisible or
    change the direction of text are shown as escapes, as in Python's ``repr``.

    Args:
        text: The line.
        err: Print to standard error.
    """
    click.echo(one_line(text), err=err)


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines, each as `print_line` does."""
    for line in lines:
        print_line(line, err=err)


def print_text(text: str, *, err: bool = False) -> None:
    """Print text of several lines, a table or traceback say, escaped but for line ends and tabs."""
    click.echo(escape(text), err=err)


def print_data(content: str | bytes) -> None:
    """Print data for programs: as it is, in UTF-8, but escaped where a terminal shows it.

    Args:
        content: The data; of text, lone surrogates are written as escapes.
    """
    if sys.stdout is None:
        return
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def show_progress(text: str) -> None:
    """Show how far a command is in place of what it showed before; nothing clears that.

    Only on a terminal.
    """
    stream = sys.stderr
    if isinstance(stream, EscapingStream) and stream.isatty():
        stream.replace_line(text)


def warn(message: str) -> None:
    """Print a warning line to standard error."""
    print_line(f"lemur: {style('warning:', 'yellow', err=True)} {message}", err=True)
