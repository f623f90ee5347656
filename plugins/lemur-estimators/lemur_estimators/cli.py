"""``lemur estimate``: judge estimators by learning curves that were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemur_core.cli.options import db_option
from lemur_core.errors import SettingsError


@click.group()
def estimate() -> None:
    """Judge estimators by recorded learning curves."""


@estimate.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--estimators",
    default="consensus,peng4nn",
    show_default=True,
    help="Which, with their options: peng4nn:threshold=1,window=3,median",
)
@click.option("--task", help="Trials of this task.")
@click.option("--dataset", help="Trials of this data set.")
@click.option("--metric", help="Trials of this metric.")
@click.option("--nn", "--net", "nn", help="Trials of this net.")
@click.option("--epochs", type=click.IntRange(2), help="As if each had been trained so long.")
@click.option(
    "--least",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    help="Trials that were trained for so many epochs.",
)
@click.option(
    "--orders",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="In how many random orders trials follow each other.",
)
@click.option("--alone", is_flag=True, help="No trial knows of others.")
@click.option("--chance", type=click.FloatRange(0, 1), default=0.0, help="Score of guessing.")
@click.option("--score", help="Column of the scores in CSV files.")
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for figures and the table as CSV.",
)
@db_option
def replay(files: tuple[Path, ...], db: str, **asked: Any) -> None:
    """Let estimators end trials that were trained to their end, and say what that comes to.

    Trials are those of the database, or of FILES: CSV files with a column epoch, or folders of
    them. Estimators see them one after the other, as in a run.
    """
    from lemur_core.kinds.asked import maker, read_several
    from lemur_core.registry import installed
    from lemur_estimators.replay import recorded
    from lemur_estimators.replay.judge import replay as judge
    from lemur_estimators.replay.measures import measure
    from lemur_estimators.replay.tables import tables

    makers = {
        str(one): maker(installed().get("estimator", one.name).load(), one)
        for one in read_several(asked["estimators"])
    }
    filters = {name: asked[name] for name in ("task", "dataset", "metric", "nn") if asked[name]}
    if files and filters:
        given = ", ".join(f"--{'net' if name == 'nn' else name}" for name in filters)
        raise SettingsError(
            f"{given}: of files all trials are replayed; give no FILES to choose from a database"
        )
    found = (
        recorded.of_files(files, asked["chance"], asked["score"])
        if files
        else recorded.of_database(db, asked["chance"], **filters)
    )
    trials, left = recorded.complete(found, asked["least"], asked["epochs"])
    if not trials:
        raise SettingsError(
            f"no trial was trained for {asked['epochs'] or asked['least']} epochs with scores from "
            "0 to 1; --least lowers what is asked for"
        )
    verdicts = {
        name: judge(make, trials, asked["orders"], alone=asked["alone"])
        for name, make in makers.items()
    }
    measured = {name: measure(ones) for name, ones in verdicts.items()}
    studies = len({trial.study for trial in trials})
    click.echo(f"trials: {len(trials)}, studies: {studies}, too short or without score: {left}\n")
    click.echo(tables(measured))
    if asked["figures"]:
        _write(asked["figures"], verdicts, measured)


def _write(folder: Path, verdicts: Any, measured: Any) -> None:
    import pandas as pd

    from lemur_estimators.replay.figures import draw
    from lemur_estimators.replay.tables import rows_of

    drawn = draw(folder, verdicts, measured)
    pd.DataFrame(rows_of(measured)).to_csv(folder / "estimators.csv", index=False)
    click.echo(f"\n{folder}: estimators.csv, {', '.join(file.name for file in drawn)}")
