"""``lemur spaces report``: does a net's rank on one dataset predict its rank on the others?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import db_option, print_line, warn
from lemur_core.errors import MissingPluginError, SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

_CONTROLS = {
    "longer": "longer_training",
    "noise": "noise_of_training",
    "changed": "changed_hyperparameters",
    "pretrained": "pretraining_gain",
}
"""Figures of lemur-analysis for the controls of a study."""
_RUN = ["net", "dataset", "run"]
_KEYS = {
    "longer": ["net", "dataset", "epochs"],
    "noise": _RUN,
    "changed": ["net", "dataset", "changed"],
    "pretrained": ["net", "dataset", "pretrained"],
}
"""What tells the trainings of a control apart; of those that are equal, the first counts."""
_TRAINING_KEY = [*_RUN, "epochs", "pretrained"]


@click.command()
@click.argument("study")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The page.  [STUDY.html]",
)
@click.option("--reference", default="", metavar="DATASET", help="Compare the others with it.")
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a row for each training, and each missing one, to a CSV file.",
)
@db_option
def report(study: str, out: Path | None, reference: str, table: Path | None, db: str) -> None:
    """Write a page about STUDY: rank agreement, noise, and what drives the errors.

    STUDY is the TOML file of a study, or its name in the database, which also selects datasets that
    are no longer in the file; or a CSV file with the columns net, dataset and error, and further
    ones such as parameters, macs or depth_1.
    """
    _check_analysis()
    import matplotlib

    from lemur_analysis.report.population import write_population

    matplotlib.use("agg")
    file = Path(study)
    runs, missing, about = _of_file(file) if _ends(file, ".csv") else _of_study(study, db)
    title = file.stem if _ends(file, ".csv", ".toml") else study
    out = out or Path(f"{title}.html")
    rows = _with_missing(runs, missing)
    if table is not None:
        _write_csv(rows, table)
    for dataset, nets in missing.groupby("dataset")["net"]:
        count = "1 net has" if len(nets) == 1 else f"{len(nets):,} nets have"
        warn(f"{dataset}: {count} no finished training; the page names them")
    written = write_population(
        _trainings(rows, ""),
        out,
        title=f"Study {title}",
        reference=reference,
        about=[*about, ("finished trainings", _finished(runs))],
        controls=_controls(runs),
        equal_runs=True,
    )
    print_line(f"wrote {out}: {written}")


def _ends(file: Path, *suffixes: str) -> bool:
    return file.suffix.lower() in suffixes


def _of_study(name: str, db: str) -> tuple[DataFrame, DataFrame, list[tuple[str, str]]]:
    """Return the trainings and missing trainings of a study, and what it is."""
    from lemur_spaces.study.file import read_study
    from lemur_spaces.study.results import read_results

    if _ends(Path(name), ".toml"):
        study = read_study(Path(name))
        results = read_results(study.name, db, study.conditions)
    else:
        results = read_results(name, db)
    spec = results.spec
    bands = "; ".join(f"{key} {band}" for key, band in spec["bands"].items()) or "all complexities"
    images = spec["images"]
    about = [
        ("designs", f"{spec['count']:,} of {spec['space']}, drawn with seed {spec['seed']}"),
        ("complexities", f"{bands} at {images['px']} px with {images['classes']:,} classes"),
        ("error", "on the test split, at the epoch with the best validation score"),
    ]
    return results.runs, results.missing, about


def _of_file(path: Path) -> tuple[DataFrame, DataFrame, list[tuple[str, str]]]:
    """Return the population in a CSV file."""
    from pandas import read_csv

    from lemur_spaces.study.results import missing_of

    try:
        runs = read_csv(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{str(path)!r} cannot be read: {error}") from None
    lacking = [name for name in ("net", "dataset", "error") if name not in runs.columns]
    if lacking:
        raise SettingsError(f"{str(path)!r} has no column {' and '.join(lacking)}")
    rows = _trainings(runs, "")
    missing = missing_of(rows, rows["net"].unique(), sorted(rows["dataset"].unique()))
    return runs, missing, [("file", str(path))]


def _trainings(runs: DataFrame, control: str) -> DataFrame:
    """Return the trainings of a control; those of the whole population if it is empty."""
    if "control" not in runs.columns:
        return runs if not control else runs.head(0)
    # CSV files have missing values instead of empty texts, and numbers if all are missing.
    given = runs["control"].astype("object").where(runs["control"].notna(), "")
    return runs[given == control].drop(columns="control")


def _with_missing(runs: DataFrame, missing: DataFrame) -> DataFrame:
    """Return the trainings, and a row without an error for each missing one."""
    from pandas import concat

    # Rows of a CSV file can lack the error.
    present = set(zip(runs["net"], runs["dataset"], strict=True))
    pairs = zip(missing["net"], missing["dataset"], strict=True)
    others = missing[[pair not in present for pair in pairs]]
    return concat([runs, others], ignore_index=True) if len(others) else runs


def _finished(runs: DataFrame) -> int:
    """Return the number of finished trainings; one that is also part of a control counts once."""
    rows = runs.dropna(subset=["error"])
    if "run" not in rows.columns:
        return len(rows)
    rows = rows.assign(pretrained=rows.get("control") == "pretrained")
    return len(rows.drop_duplicates([name for name in _TRAINING_KEY if name in rows.columns]))


def _controls(runs: DataFrame) -> dict[str, DataFrame]:
    """Return the population of each control: its trainings, and those of the whole population."""
    from pandas import concat

    controls = {}
    for control, name in _CONTROLS.items():
        rows = _trainings(runs, control)
        if rows.empty:
            continue
        whole = _trainings(runs, "")
        count = len(rows)
        rows = concat([whole[whole["dataset"].isin(rows["dataset"])], rows], ignore_index=True)
        if control == "pretrained":
            # The first training of each net on each dataset, with and without.
            rows = rows.assign(pretrained=rows.index >= len(rows) - count)
        key = _KEYS[control]
        if {*key} <= {*rows.columns}:
            rows = rows.drop_duplicates(key, ignore_index=True)
        controls[name] = rows
    return controls


def _write_csv(rows: DataFrame, path: Path) -> None:
    from lemur_core.files import replacement, write_errors

    with write_errors(path), replacement(path) as temporary:
        # Integers stay integers in columns that missing trainings lack.
        rows.convert_dtypes().to_csv(temporary, index=False)
    print_line(f"wrote {path}")


def _check_analysis() -> None:
    from importlib.util import find_spec

    if find_spec("lemur_analysis") is None:
        raise MissingPluginError("lemur spaces report", "lemur-analysis")
