"""``lemur estimate``: judge estimators by learning curves that were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import db_option, print_line, print_lines, print_text, warn
from lemur_core.errors import SettingsError
from lemur_core.files import replacement, write_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lemur_estimators.replay.recorded import RecordedCurves

_FILTERS = ("task", "dataset", "metric", "nn")
_OF_FILES = ("score", "unit")
_PRINTED = "-"


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
    "--unit",
    type=click.Choice(["percent", "fraction"]),
    help="Unit of the scores in CSV files.  [found from all of them]",
)
@click.option(
    "--trials",
    "listed",
    is_flag=False,
    flag_value=_PRINTED,
    metavar="[FILE.csv]",
    help="Print what each estimator made of each trial, or write it to FILE.csv.",
)
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for figures, the table and what became of each trial, as CSV.",
)
@db_option
def replay(files: tuple[Path, ...], db: str, **asked: Any) -> None:
    """Let estimators end trials that were trained to their end, and say what that comes to.

    Trials are those of the database, or of FILES: CSV files with a column epoch, or folders of
    them. Estimators see them one after the other, as in a run.
    """
    from lemur_core import installed
    from lemur_core.kinds.estimator import maker
    from lemur_core.options import read_selections
    from lemur_estimators.replay.judge import replay as judge
    from lemur_estimators.replay.measures import measure
    from lemur_estimators.replay.tables import tables

    files, listed = _split_option(files, asked["listed"])
    makers = {
        str(one): maker(installed().get("estimator", one.name).load(), one)
        for one in read_selections("estimator", asked["estimators"])
    }
    trials, left = _read_trials(files, db, asked)
    if asked["figures"]:
        _make_folder(asked["figures"])
    verdicts = {
        name: judge(make, trials, asked["orders"], alone=asked["alone"])
        for name, make in makers.items()
    }
    measured = {name: measure(ones) for name, ones in verdicts.items()}
    studies = len({trial.study for trial in trials})
    print_line(f"trials: {len(trials)}, studies: {studies}, too short or without score: {left}")
    print_text(f"\n{tables(measured)}")
    if listed:
        _report_trials(listed, trials, verdicts)
    if asked["figures"]:
        _write(asked["figures"], trials, verdicts, measured)


def _split_option(
    files: tuple[Path, ...], listed: str | None
) -> tuple[tuple[Path, ...], str | None]:
    """Return FILES and what --trials means; what follows it may be the first of FILES."""
    if listed in (None, _PRINTED):
        return files, listed
    output = Path(listed)
    if output.suffix.lower() != ".csv":
        if not output.exists():
            raise SettingsError(f"--trials {listed!r}: expected a name that ends in .csv")
        return (output, *files), _PRINTED
    if output.exists() and not files:
        raise SettingsError(
            f"--trials {listed}: is there already; put --trials behind FILES to replay it, or name "
            "another file"
        )
    if any(output.resolve() in (one.resolve(), one.resolve() / output.name) for one in files):
        raise SettingsError(
            f"--trials {listed}: would be one of the files that are replayed; name another"
        )
    return files, listed


def _read_trials(
    files: tuple[Path, ...], db: str, asked: dict[str, Any]
) -> tuple[list[RecordedCurves], int]:
    """Return the trials to replay, and how many others there are."""
    from lemur_estimators.replay import recorded
    from lemur_estimators.replay.unit import Unit

    _check_options(files, asked)
    if files:
        read = recorded.of_files(
            files, asked["chance"], asked["score"], asked["unit"] and Unit(asked["unit"])
        )
        found: Iterable[RecordedCurves] = read.trials
        if read.unit:
            print_line(f"scores in CSV files: {read.unit.plural}")
        for note in read.notes:
            warn(note)
    else:
        filters = {name: asked[name] for name in _FILTERS if asked[name]}
        found = recorded.of_database(db, asked["chance"], **filters)
    trials, left = recorded.complete(found, asked["least"], asked["epochs"])
    if not trials:
        raise SettingsError(
            f"no trial was trained for {asked['epochs'] or asked['least']} epochs with scores from "
            "0 to 1; --least lowers what is asked for"
        )
    return trials, left


def _check_options(files: tuple[Path, ...], asked: dict[str, Any]) -> None:
    def given(names: tuple[str, ...]) -> str:
        return ", ".join(f"--{'net' if name == 'nn' else name}" for name in names if asked[name])

    if files and given(_FILTERS):
        raise SettingsError(
            f"{given(_FILTERS)}: of files all trials are replayed; give no FILES to choose from a "
            "database"
        )
    if not files and given(_OF_FILES):
        raise SettingsError(
            f"{given(_OF_FILES)}: is for CSV files, and no FILES are given; a database's scores "
            "are fractions"
        )


def _report_trials(listed: str, trials: Any, verdicts: Any) -> None:
    from lemur_estimators.replay.trials import trial_rows, trial_tables, write_trials

    rows = trial_rows(trials, verdicts)
    if listed == _PRINTED:
        print_text(f"\n{trial_tables(rows)}")
    else:
        write_trials(rows, Path(listed))
        print_lines(["", f"wrote {listed}: {len(rows):,} rows"])


def _make_folder(folder: Path) -> None:
    # Before estimators are judged, which may take minutes.
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _write(folder: Path, trials: Any, verdicts: Any, measured: Any) -> None:
    import pandas as pd

    from lemur_estimators.replay.figures import draw
    from lemur_estimators.replay.tables import rows_of
    from lemur_estimators.replay.trials import trial_rows, write_trials

    with write_errors(folder):
        drawn = draw(folder, verdicts, measured)
    with replacement(folder / "estimators.csv") as path:
        pd.DataFrame(rows_of(measured)).to_csv(path, index=False)
    write_trials(trial_rows(trials, verdicts), folder / "trials.csv")
    names = ", ".join(file.name for file in drawn)
    print_lines(["", f"{folder}: estimators.csv, trials.csv, {names}"])
