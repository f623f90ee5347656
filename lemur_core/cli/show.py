"""``lemur show``: show an entry with its origin, hyperparameters, size and source; or a trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.cli import completion
from lemur_core.cli.collection import collection
from lemur_core.cli.list import is_kind, kind_named
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_data, print_line, print_lines, print_text
from lemur_core.entry import Entry
from lemur_core.errors import (
    LemurError,
    MisfitError,
    PluginError,
    SettingsError,
    UnknownNameError,
    error_text,
)
from lemur_core.file_entry import file_entry, is_file
from lemur_core.plugin_names import check_provided
from lemur_core.registry import Registry, installed
from lemur_core.restriction import NONE, check_options, split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

    from lemur_core.kind import Kind

EPILOG = """\b
Examples:
  lemur show net ResNet --size --no-source
  lemur show net my/Net.py
  lemur show loader cifar-10 --data ~/data
  lemur show trial 1f2e3d4c
  lemur show trial last --no-source
  lemur show pictures img-segmentation_digits-scenes_iou_UNet-S -o unet.png"""

source_option = click.option(
    "--source/--no-source", default=True, show_default=True, help="Print the source code."
)


_BUILT_IN = {"trial": "UID", "collection": "NAME", "pictures": "PIPELINE|UID"}


class KindGroup(click.Group):
    """A group with a sub-command for each kind of entry, each kind of record, and each view."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the command that shows this kind, or the view of this name.

        Raises:
            UnknownNameError: There is no such kind or view.
            MissingPluginError: The view belongs to a plugin that is not installed.
            AmbiguousNameError: Several plugins register a view of this name.
        """
        if cmd_name == "pictures":
            from lemur_core.cli.pictures import pictures

            return pictures
        if cmd_name in _BUILT_IN:
            return collection if cmd_name == "collection" else trial
        if is_kind(installed(), cmd_name):
            return entry
        try:
            view: click.Command = installed().get("view", cmd_name).load()
        except UnknownNameError:
            check_provided("view", cmd_name)
            raise UnknownNameError("kind", cmd_name, self.list_commands(ctx)) from None
        return view

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the kinds of entries and records, and the views."""
        names = [*installed().kinds, *_BUILT_IN]
        return [*names, *(name for name in installed().names("view") if name not in names)]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a kind without importing the command that shows it."""
        kinds = ((name, "") for name in self.list_commands(ctx))
        return [
            *completion.commands(kinds, incomplete),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sub-commands, with all kinds of entries in one line."""
        rows = [
            (f"{'|'.join(installed().kinds)} NAME", "Show everything about an entry, or a FILE.py.")
        ]
        for name, argument in _BUILT_IN.items():
            rows.append((f"{name} {argument}", self.get_command(ctx, name).get_short_help_str(80)))
        views = installed().names("view")
        rows += [(name, views[name].summary) for name in self.list_commands(ctx) if name in views]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=KindGroup, subcommand_metavar="KIND NAME [OPTIONS]", epilog=EPILOG)
def show() -> None:
    """Show an entry, a trial or collection, a net's predictions, or what a view draws."""


@click.command()
@click.argument("name", shell_complete=completion.entry_names)
@click.option("--size", is_flag=True, help="For a net: count parameters and multiply-adds.")
@click.option(
    "--shape",
    default="3x224x224",
    show_default=True,
    help="Input shape for --size: channels x height x width.",
)
@click.option(
    "--classes",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Number of classes for --size.",
)
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="For a loader: describe the dataset in this folder instead of printing the source.",
)
@source_option
@click.pass_context
def entry(
    context: click.Context,
    name: str,
    size: bool,
    shape: str,
    classes: int,
    data: Path | None,
    source: bool,
) -> None:
    """Show everything about the net, loader, transform, ... called NAME, or in NAME.py."""
    registry = installed()
    kind = kind_named(registry, str(context.info_name)).name
    base_name, restriction = split(name) if kind == "loader" else (name, NONE)
    if kind != "loader" and data is not None:
        raise click.UsageError(f"--data is for loaders, not for a {kind}")
    if is_file(base_name):
        registry = registry.with_entries("file", kind, [file_entry(kind, base_name)])
        base_name = next(full for full, _ in registry.entries(kind) if full.startswith("file/"))
    full, shown = registry.find(kind, base_name)
    check_options(name, restriction, shown.options)
    lines = list(_facts(registry, kind, full, shown))
    if kind == "loader" and data is not None:
        from lemur_core.cli.loader import loader_lines

        lines += loader_lines(shown, name, restriction, data)
        origin = context.get_parameter_source("source")
        source = source and origin is click.core.ParameterSource.COMMANDLINE
    lines += _details(registry.kinds[kind], shown)
    if kind == "net" and size:
        lines += _size(shown, _shape(shape), classes)
    print_lines(lines)
    if source:
        print_line()
        print_data(shown.code() if kind == "net" else shown.source())


@click.command()
@click.argument("uid", shell_complete=completion.trials)
@source_option
@db_option
def trial(uid: str, source: bool, db: str) -> None:
    """Show everything recorded about the trial UID.

    UID is the id of a trial or the beginning of one, its number, last, best, or a pipeline.
    """
    from lemur_core.cli.show_trial import trial_text
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.stored_trial import read_stored_trial

    with open_engine(db) as engine:
        recorded = patiently(engine, lambda connection: read_stored_trial(connection, uid))
    print_text(trial_text(recorded))
    if source and "nn" in recorded.codes:
        print_line()
        print_data(recorded.codes["nn"])


def _facts(registry: Registry, kind: str, full: str, entry: Entry) -> Iterator[str]:
    plugin = registry.plugins[full.partition("/")[0]]
    yield f"{kind:<12}{full}"
    if entry.about():
        yield f"{'about':<12}{entry.about()}"
    if registry.kinds[kind].per_task:
        yield f"{'tasks':<12}{', '.join(entry.tasks) or 'any'}"
    yield f"{'origin':<12}{f'{plugin.distribution} {plugin.version}'.strip() or plugin.name}"
    yield f"{'target':<12}{entry.target}"
    if entry.min_size:
        yield f"{'input':<12}{entry.min_size} px or more"
    if entry.dtype != "float32":
        yield f"{'dtype':<12}{entry.dtype}"
    if entry.size:
        yield f"{'size':<12}{entry.size} px"
    if entry.sizes:
        least, most = entry.sizes
        yield f"{'sizes':<12}{least} to {most} px, the number in the name"
    if entry.random:
        yield f"{'random':<12}draws random numbers in training; only searched if named"
    if entry.options:
        yield f"{'options':<12}{', '.join(entry.options)}"


def _details(kind: Kind, entry: Entry) -> list[str]:
    if not kind.details:
        return []
    try:
        return [*Entry(kind.name, kind.details).load()(entry)]
    except (LemurError, OSError):
        raise
    # Third-party code: of a plugin that declares the kind, or of the entry itself.
    except Exception as error:
        why = error_text(error)
        raise PluginError(f"{kind.name} {entry.name!r} cannot be shown: {why}") from error


def _size(entry: Entry, shape: tuple[int, ...], classes: int) -> Iterator[str]:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from lemur_core.kinds.net import as_net
    from lemur_core.space import net_space
    from lemur_core.train.net_adapter import adapter_of
    from lemur_core.train.torch_options import is_foreign
    from lemur_core.values import preset, smallest

    module = as_net(entry.load(), entry.name)
    prm = smallest(preset(net_space(module.hyperparameters()), entry.prm))
    net = module.net((1, *shape), (classes,), prm, torch.device("cpu"))
    net.eval()
    counter = FlopCounterMode(display=False)
    try:
        with torch.inference_mode(), counter:
            net(torch.zeros(1, *shape, dtype=getattr(torch, entry.dtype)))
    except RuntimeError as error:
        text = "x".join(map(str, shape))
        raise MisfitError(f"net {entry.name!r} cannot take {text}: {error}") from error
    parameters = adapter_of(net, entry.name).parameter_count()
    condition = f"for {'x'.join(map(str, shape))} and {classes} classes"
    yield f"{'parameters':<12}{parameters:,} ({parameters / 1e6:.2f} million), {condition}"
    if is_foreign(type(net)):
        return
    # torch counts a multiply-add as two operations.
    yield f"{'multiply-adds':<12} {counter.get_total_flops() // 2:,}, {condition}"


def _shape(text: str) -> tuple[int, ...]:
    parts = text.split("x")
    if len(parts) != 3 or not all(part.isdigit() and int(part) for part in parts):
        raise SettingsError(f"shape {text!r}: expected channels x height x width, as in 3x224x224")
    return tuple(map(int, parts))
