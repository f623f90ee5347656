"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from lemur_core.settings_files import setting

db_option = click.option(
    "--db",
    metavar="URL",
    envvar="LEMUR_DB",
    default=lambda: setting("db") or "lemur.db",
    show_default="lemur.db",
    show_envvar=True,
    help="Database of results: path of an SQLite file, or a URL.",
)
"""The option ``--db``, passed as ``db``: the path of an SQLite file, or a URL."""

data_option = click.option(
    "--data",
    metavar="DIR",
    envvar="LEMUR_DATA",
    type=click.Path(path_type=Path),
    default=lambda: setting("data") or "data",
    show_default="data",
    show_envvar=True,
    help="Folder of the datasets.",
)
"""The option ``--data``, passed as ``data``: the `Path` of the folder of the datasets."""
