"""``lemur doctor``: show the installation, and what is wrong with it."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from platform import platform, python_version
from typing import TYPE_CHECKING

import click

from lemur_core.cli import command_conflicts
from lemur_core.cli.options import data_option, db_option
from lemur_core.cli.output import print_line
from lemur_core.cli.streams import style
from lemur_core.errors import StoreError
from lemur_core.passwords import without_password
from lemur_core.registry import CORE, Plugin, Registry, installed
from lemur_core.settings_files import settings_files, user_file
from lemur_core.store.location import may_exist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISTRIBUTIONS = ("lemur-core", "torch", "torchvision", "optuna", "pandas", "sqlalchemy", "pluggy")


@click.command()
@click.option(
    "--torch/--no-torch",
    default=True,
    help="Import torch to show the devices, and open the database.",
)
@db_option
@data_option
def doctor(torch: bool, db: str, data: Path) -> int:
    """Show versions, plugins and failures, devices, settings files, database and data folder.

    Exit status 1 if a plugin failed.
    """
    registry = installed()
    for section in (
        _versions(),
        _plugins(registry),
        _failures(registry),
        (f"command     {conflict}" for conflict in command_conflicts(registry)),
        _device() if torch else iter(["device      not checked"]),
        _settings_files(),
        _database(db, look_inside=torch),
        _folder(data),
    ):
        for line in section:
            print_line(line)
    return 1 if registry.failures else 0


def _versions() -> Iterator[str]:
    yield f"python      {python_version()} ({sys.executable}) on {platform()}"
    for name in DISTRIBUTIONS:
        yield f"{name:<11} {_version(name)}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _plugins(registry: Registry) -> Iterator[str]:
    for plugin in registry.plugins.values():
        counts = [
            f"{len(entries)} {kind.name if len(entries) == 1 else kind.plural}"
            for kind in registry.kinds.values()
            if (entries := plugin.entries.get(kind.name))
        ]
        kinds = [f"the kind {kind.name}" for kind in plugin.kinds]
        content = ", ".join([*counts, *kinds]) or "registers nothing"
        yield f"plugin      {plugin.name} ({_origin(plugin)}): {content}"
    if set(registry.plugins) <= {CORE}:
        yield "plugin      none"
    for name in registry.disabled:
        yield f"plugin      {name} is disabled by LEMUR_DISABLE_PLUGINS"


def _origin(plugin: Plugin) -> str:
    if plugin.name == CORE:
        return "part of lemur-core"
    return f"{plugin.distribution} {plugin.version}".strip() or "not from a distribution"


def _failures(registry: Registry) -> Iterator[str]:
    for failure in registry.failures:
        yield f"plugin      {style(failure.name, 'red')} was left out: {failure.reason}"
        yield from (f"            {line}" for line in failure.traceback.splitlines())


def _device() -> Iterator[str]:
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            memory_gib = torch.cuda.get_device_properties(index).total_memory / 2**30
            name = torch.cuda.get_device_name(index)
            yield f"device      cuda:{index} {name}, {memory_gib:.0f} GiB"
    yield f"device      cpu, {os.cpu_count()} cores, {torch.get_num_threads()} threads for torch"


def _settings_files() -> Iterator[str]:
    files = settings_files()
    for file in files:
        settings = dict(file.shared) | {f"run.{name}": value for name, value in file.run.items()}
        shown = ", ".join(f"{name}={without_password(str(settings[name]))}" for name in settings)
        yield f"settings    {file.path}: {shown or 'sets nothing'}"
    if not files:
        place = f", or {path}" if (path := user_file()) else ""
        yield f"settings    no file (lemur.toml in this folder or above it{place})"


def _database(db: str, *, look_inside: bool) -> Iterator[str]:
    shown = without_password(db)
    if not may_exist(db):
        yield f"database    {shown} (does not exist yet; lemur run creates it)"
    elif not look_inside:
        yield f"database    {shown}"
    else:
        yield f"database    {shown}, {_content(db)}"


def _content(db: str) -> str:
    from sqlalchemy import func, select

    from lemur_core.store import schema
    from lemur_core.store.database import open_database, store_errors

    try:
        engine = open_database(db, create=False)
        with store_errors(engine), engine.connect() as connection:
            trials = connection.scalar(select(func.count()).select_from(schema.trial))
            epochs = connection.scalar(select(func.count()).select_from(schema.stat))
    except StoreError as error:
        return str(error)
    return f"{trials} trials, {epochs} epochs, schema {schema.REVISION}"


def _folder(data: Path) -> Iterator[str]:
    folder = data.resolve()
    if not folder.is_dir():
        yield f"data        {folder} (does not exist; only embedded datasets can be used)"
    else:
        names = sorted(child.name for child in folder.iterdir())
        yield f"data        {folder}: {', '.join(names) or 'empty'}"
