"""The command ``lemur``: one file per sub-command, imported when the sub-command is used."""

from __future__ import annotations

import os
import re
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from lemur_core.cli.output import print_line, print_text, warn
from lemur_core.cli.streams import escaping, style
from lemur_core.entry import Entry
from lemur_core.errors import LemurError, UnknownNameError
from lemur_core.passwords import redact, secrets_of
from lemur_core.plugin_names import check_provided
from lemur_core.registry import Registry, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

__all__ = ["cli", "command_conflicts", "main", "warn", "warn_of_failures"]

COMMANDS = [
    Entry("run", "lemur_core.cli.run:run", summary="Train pipelines and record every epoch."),
    Entry("list", "lemur_core.cli.list:list_entries", summary="List what is installed."),
    Entry("show", "lemur_core.cli.show:show", summary="Show one net, loader, ... or trial."),
    Entry("data", "lemur_core.cli.data:data", summary="Print recorded results."),
    Entry("trials", "lemur_core.cli.trials:trials", summary="List, tag and delete trials."),
    Entry("reproduce", "lemur_core.cli.reproduce:reproduce", summary="Run a recorded trial again."),
    Entry("predict", "lemur_core.cli.predict:predict", summary="Predict images with a net."),
    Entry("best", "lemur_core.cli.best:best", summary="Print the best epoch of each pipeline."),
    Entry("compare", "lemur_core.cli.compare:compare", summary="Show how two trials differ."),
    Entry("export", "lemur_core.cli.export:export", summary="Write code with scores, or results."),
    Entry("db", "lemur_core.cli.db:db", summary="Maintain the database of results."),
    Entry("doctor", "lemur_core.cli.doctor:doctor", summary="Show versions, plugins and failures."),
    Entry("new", "lemur_core.cli.new:new", summary="Create a file or plugin from a template."),
]


_ENDED_BY_SIGPIPE = 128 + 13


class Commands(click.Group):
    """The built-in sub-commands and those of plugins, listed without importing them."""

    def _entries(self) -> dict[str, Entry]:
        builtin = {entry.name: entry for entry in COMMANDS}
        registry = installed()
        full = {id(entry): name for name, entry in registry.entries("command")}
        return builtin | {
            full[id(entry)] if name in builtin else name: entry
            for name, entry in registry.names("command").items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the built-in sub-commands in order, then those of plugins, sorted."""
        builtin = [entry.name for entry in COMMANDS]
        return builtin + sorted(name for name in self._entries() if name not in builtin)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a sub-command.

        Raises:
            UnknownNameError: No sub-command has this name.
            MissingPluginError: The sub-command belongs to a plugin that is not installed.
            AmbiguousNameError: Several plugins register a sub-command of this name.
        """
        builtin = {entry.name: entry for entry in COMMANDS}
        try:
            entry = builtin.get(cmd_name) or installed().get("command", cmd_name)
        except UnknownNameError:
            check_provided("command", cmd_name)
            raise UnknownNameError("command", cmd_name, self.list_commands(ctx)) from None
        command: click.Command = entry.load()
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a sub-command without importing it."""
        from lemur_core.cli.completion import commands

        entries = self._entries()
        summaries = ((name, entries[name].summary) for name in self.list_commands(ctx))
        return [
            *commands(summaries, incomplete),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries of the sub-commands without importing them."""
        entries = self._entries()
        with formatter.section("Commands"):
            formatter.write_dl([(name, entries[name].summary) for name in self.list_commands(ctx)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="lemur-core", prog_name="lemur")
def cli() -> None:
    """Lemur is a dataset of neural networks and the machine that fills it.

    Start with: lemur run
    """
    warn_of_failures()


def warn_of_failures() -> None:
    """Warn about each plugin that was left out and each command whose name is not unique."""
    for failure in installed().failures:
        warn(f"plugin {failure.name!r} was left out: {failure.reason} (see lemur doctor)")
    for conflict in command_conflicts(installed()):
        warn(conflict)


def command_conflicts(registry: Registry) -> Iterator[str]:
    """Yield a line for each command of a plugin that shares its name with another command."""
    sharing: dict[str, list[str]] = {}
    for full, entry in registry.entries("command"):
        sharing.setdefault(entry.name, []).append(full)
    for name, full_names in sharing.items():
        plugins = " and ".join(repr(full.partition("/")[0]) for full in full_names)
        calls = " and ".join(f"'lemur {full}'" for full in full_names)
        if any(entry.name == name for entry in COMMANDS):
            yield (
                f"command {name!r} of plugin {plugins} has the name of a built-in command, "
                f"which 'lemur {name}' runs; use {calls}, or rename it in the plugin"
            )
        elif len(full_names) > 1:
            yield f"plugins {plugins} each have a command {name!r}; use {calls}"


def main() -> None:
    """Run the command line and exit; a user error prints one line and exits with status 2.

    If the reader of the output has closed the pipe, the status is that of a process killed by
    SIGPIPE.
    """
    check_streams()
    with escaping():
        status = _status()
    sys.exit(status)


def _status() -> int:
    output = sys.stdout
    try:
        status = cli(standalone_mode=False)
        # Otherwise Python flushes when it exits, and reports a failure in its own words.
        sys.stdout.flush()
    except BrokenPipeError:
        return _leave_pipe()
    except SystemExit:
        # click exits like this after a closed pipe, having replaced standard output.
        if sys.stdout is not output:
            return _leave_pipe()
        raise
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        # click lists choices on separate lines.
        message = re.sub(r"\s*\n\s*", " ", error.format_message())
        return _fail(f"{message}{_see(error)}")
    except LemurError as error:
        return _fail(str(error))
    except OSError as error:
        # A full disk or an unreadable folder: a traceback would not explain it.
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}")
    # A bug in lemur or in a plugin; its traceback may quote untrusted text.
    except Exception:
        print_text(_redacted(traceback.format_exc()).rstrip(), err=True)
        return 1
    return status if isinstance(status, int) else 0


def check_streams() -> None:
    """Exit with an error if standard output is closed; open the null device for other streams.

    A file opened later would otherwise get the descriptor of a closed standard stream, and
    everything that is printed would be written to it.
    """
    has_output = sys.stdout is not None
    for stream in range(3):
        try:
            os.fstat(stream)
        except OSError:
            # The new descriptor gets the lowest free number, which is that of the closed stream.
            os.open(os.devnull, os.O_RDWR)
    if not has_output:
        sys.exit(_fail("standard output is closed; redirect it, to /dev/null for example"))


def _leave_pipe() -> int:
    # Flushing the rest of the output when Python exits would fail again.
    sys.stdout = None
    return _ENDED_BY_SIGPIPE


def _see(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f" See {context.command_path} --help." if context else ""


def _fail(message: str) -> int:
    print_line(f"lemur: {style('error:', 'red', err=True)} {_redacted(message)}", err=True)
    return 2


def _redacted(text: str) -> str:
    """Return text without the passwords of databases in arguments, LEMUR_DB or settings files."""
    arguments = [*sys.argv[1:], os.environ.get("LEMUR_DB", "")]
    # The text may be about these files.
    with suppress(LemurError, OSError):
        from lemur_core.settings_files import setting

        arguments.append(setting("db") or "")
    return redact(text, {secret for argument in arguments for secret in secrets_of(argument)})
