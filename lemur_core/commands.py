"""What a plugin's command shares with lemur's own commands.

A command is a `click.Command` that a plugin registers with ``lemur_register_commands``:

    import click
    from lemur_core.commands import db_option, text_table

    @click.command()
    @db_option
    def nets(db: str) -> None:
        frame = lemur_core.data(db=db, unique_nn=True)
        click.echo(text_table(["net", "score"], frame[["nn", "accuracy"]].to_numpy()))
"""

from __future__ import annotations

from lemur_core.cli import warn
from lemur_core.cli.options import data_option, db_option
from lemur_core.cli.table import headed, text_table

__all__ = ["data_option", "db_option", "headed", "text_table", "warn"]
