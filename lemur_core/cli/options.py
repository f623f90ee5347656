"""Options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.errors import LemurError
from lemur_core.settings_files import setting

if TYPE_CHECKING:
    from collections.abc import Callable


def _configured(name: str, built_in: str) -> str:
    """Return what the settings files set, or else the built-in value."""
    try:
        return setting(name) or built_in
    except LemurError:
        context = click.get_current_context(silent=True)
        # A completion has no place for a message.
        if context is None or not context.resilient_parsing:
            raise
        return built_in


db_option = click.option(
    "--db",
    metavar="URL",
    envvar="LEMUR_DB",
    default=lambda: _configured("db", "lemur.db"),
    show_default="lemur.db",
    show_envvar=True,
    help="Database of results: path of an SQLite file, or a URL.",
)
"""The option ``--db``, passed as ``db``: the path of an SQLite file, or a URL."""


def _folder_of_datasets(name: str) -> Callable[[Any], Any]:
    return click.option(
        name,
        metavar="DIR",
        envvar="LEMUR_DATA",
        type=click.Path(path_type=Path),
        default=lambda: _configured("data", "data"),
        show_default="data",
        show_envvar=True,
        help="Folder of the datasets.",
    )


data_option = _folder_of_datasets("--data")
"""The option ``--data``, passed as ``data``: the `Path` of the folder of the datasets."""

datasets_option = _folder_of_datasets("--datasets")
"""The same as ``--datasets``, for commands whose ``--data`` is another folder."""


class _Share(click.FloatRange):
    """A number from 0 to 1; NaN, which is in no order with them, is refused."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not a number from 0 to 1.", param, ctx)
        return number


SHARE = _Share()
"""The type of options that take a number from 0 to 1, such as a score."""
