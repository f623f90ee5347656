"""``lemur estimate``: evaluate estimators on recorded learning curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import SHARE, db_option, print_line, print_lines, print_text, warn
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
    """Evaluate estimators on recorded learning curves."""


@estimate.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--estimators",
    default="consensus,peng4nn",
    show_default=True,
    help="Estimators with their options, e.g. peng4nn:threshold=1,window=3,median.",
)
@click.option("--task", help="Only trials of this task.")
@click.option("--dataset", help="Only trials of this dataset.")
@click.option("--metric", help="Only trials of this metric.")
@click.option("--nn", "--net", "nn", help="Only trials of this net.")
@click.option("--epochs", type=click.IntRange(2), help="Cut trials after this number of epochs.")
@click.option(
    "--least",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    help="Only trials with at least this number of epochs.",
)
@click.option(
    "--orders",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Number of random orders of the trials.",
)
@click.option("--alone", is_flag=True, help="Give estimators no earlier trials.")
@click.option("--chance", type=SHARE, default=0.0, help="Score of guessing.")
@click.option("--score", help="Column of scores in CSV files.")
@click.option(
    "--unit",
    type=click.Choice(["percent", "fraction"]),
    help="Unit of scores in CSV files.  [inferred from all files]",
)
@click.option(
    "--trials",
    "listed",
    is_flag=False,
    flag_value=_PRINTED,
    metavar="[FILE.csv]",
    help="Print the result of each estimator for each trial, or write it to FILE.csv.",
)
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write figures, and tables of estimators and trials as CSV, to this folder.",
)
@db_option
def replay(files: tuple[Path, ...], db: str, **options: Any) -> None:
    """Apply estimators to trials that were trained to the end, and report the effect.

    The trials come from the database or from FILES: CSV files with a column epoch, or folders of
    such files. As in a run, estimators see the trials one after the other.
    """
    from lemur_core import installed
    from lemur_core.kinds.estimator import maker
    from lemur_core.options import read_selections
    from lemur_estimators.replay.judge import replay as replay_trials
    from lemur_estimators.replay.measures import measure
    from lemur_estimators.replay.tables import tables

    files, output = _split_option(files, options["listed"])
    makers = {
        str(selection): maker(installed().get("estimator", selection.name).load(), selection)
        for selection in read_selections("estimator", options["estimators"])
    }
    trials, rejected = _read_trials(files, db, options)
    if options["figures"]:
        _make_folder(options["figures"])
    results = {
        name: replay_trials(make, trials, options["orders"], alone=options["alone"])
        for name, make in makers.items()
    }
    measures = {name: measure(of_estimator) for name, of_estimator in results.items()}
    studies = len({trial.study for trial in trials})
    print_line(f"trials: {len(trials)}, studies: {studies}, too short or without score: {rejected}")
    print_text(f"\n{tables(measures)}")
    if output:
        _report_trials(output, trials, results)
    if options["figures"]:
        _write(options["figures"], trials, results, measures)


def _split_option(
    files: tuple[Path, ...], listed: str | None
) -> tuple[tuple[Path, ...], str | None]:
    """Return FILES and the output of --trials, whose value may be the first of FILES."""
    if listed in (None, _PRINTED):
        return files, listed
    output = Path(listed)
    if output.suffix.lower() != ".csv":
        if not output.exists():
            raise SettingsError(f"--trials {listed!r}: expected a name that ends in .csv")
        return (output, *files), _PRINTED
    if output.exists() and not files:
        raise SettingsError(
            f"--trials {listed}: already exists; put --trials after FILES to replay it, or name "
            "another file"
        )
    paths = [file.resolve() for file in files]
    if any(output.resolve() in (path, path / output.name) for path in paths):
        raise SettingsError(
            f"--trials {listed}: would be one of the files that are replayed; name another"
        )
    return files, listed


def _read_trials(
    files: tuple[Path, ...], db: str, options: dict[str, Any]
) -> tuple[list[RecordedCurves], int]:
    """Return the trials to replay, and the number of those that cannot be replayed."""
    from lemur_estimators.replay import recorded
    from lemur_estimators.replay.unit import Unit

    _check_options(files, options)
    if files:
        read = recorded.of_files(
            files, options["chance"], options["score"], options["unit"] and Unit(options["unit"])
        )
        candidates: Iterable[RecordedCurves] = read.trials
        if read.unit:
            print_line(f"scores in CSV files: {read.unit.plural}")
        for note in read.notes:
            warn(note)
    else:
        filters = {name: options[name] for name in _FILTERS if options[name]}
        candidates = recorded.of_database(db, options["chance"], **filters)
    trials, rejected = recorded.complete(candidates, options["least"], options["epochs"])
    if not trials:
        raise SettingsError(
            f"no trial was trained for {options['epochs'] or options['least']} epochs with scores "
            "from 0 to 1; use a lower --least"
        )
    return trials, rejected


def _check_options(files: tuple[Path, ...], options: dict[str, Any]) -> None:
    def present(names: tuple[str, ...]) -> str:
        return ", ".join(f"--{'net' if name == 'nn' else name}" for name in names if options[name])

    if files and present(_FILTERS):
        raise SettingsError(
            f"{present(_FILTERS)}: selects trials of a database, but FILES are given, all of whose "
            "trials are replayed"
        )
    if not files and present(_OF_FILES):
        raise SettingsError(
            f"{present(_OF_FILES)}: is for CSV files, but no FILES are given; scores in a database "
            "are fractions"
        )


def _report_trials(output: str, trials: Any, results: Any) -> None:
    from lemur_estimators.replay.trials import trial_rows, trial_tables, write_trials

    rows = trial_rows(trials, results)
    if output == _PRINTED:
        print_text(f"\n{trial_tables(rows)}")
    else:
        write_trials(rows, Path(output))
        print_lines(["", f"wrote {output}: {len(rows):,} rows"])


def _make_folder(folder: Path) -> None:
    # Fail before the replay, which may take minutes.
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _write(folder: Path, trials: Any, results: Any, measures: Any) -> None:
    import pandas as pd

    from lemur_estimators.replay.figures import draw
    from lemur_estimators.replay.tables import rows_of
    from lemur_estimators.replay.trials import trial_rows, write_trials

    with write_errors(folder):
        figures = draw(folder, results, measures)
    with replacement(folder / "estimators.csv") as path:
        pd.DataFrame(rows_of(measures)).to_csv(path, index=False)
    write_trials(trial_rows(trials, results), folder / "trials.csv")
    names = ", ".join(file.name for file in figures)
    print_lines(["", f"{folder}: estimators.csv, trials.csv, {names}"])
