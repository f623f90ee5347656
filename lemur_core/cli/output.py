"""Print lines, text, data and progress from commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lemur_core.cli.streams import EscapingStream, style
from lemur_core.escapes import escape, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def print_line(text: str = "", *, err: bool = False) -> None:
    """Print text as exactly one line.

    Control characters including line ends, lone surrogates, and characters that are invisible or
    change the direction of text are printed as escapes, as in Python's ``repr``.

    Args:
        text: The line.
        err: Whether to print to standard error.
    """
    click.echo(one_line(text), err=err)


def print_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Print lines, each as `print_line` does."""
    for line in lines:
        print_line(line, err=err)


def print_text(text: str, *, err: bool = False) -> None:
    """Print multi-line text, for example a table; all but line ends and tabs is escaped."""
    click.echo(escape(text), err=err)


def print_data(content: str | bytes) -> None:
    """Print data for programs: unchanged and in UTF-8, but escaped on a terminal.

    Args:
        content: The data; lone surrogates in text are written as escapes.
    """
    if sys.stdout is None:
        return
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def show_progress(text: str) -> None:
    """Show the progress of a command on a terminal, replacing the text shown before.

    The last text stays visible. Nothing is shown if standard error is not a terminal.
    """
    stream = sys.stderr
    if isinstance(stream, EscapingStream) and stream.isatty():
        stream.replace_line(text)


def warn(message: str) -> None:
    """Print a warning line to standard error."""
    print_line(f"lemur: {style('warning:', 'yellow', err=True)} {message}", err=True)
