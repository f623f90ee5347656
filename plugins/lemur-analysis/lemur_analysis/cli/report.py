"""``lemur report``: write recorded results as a workbook, an HTML page or a PDF document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemur_core.commands import (
    arguments_of,
    db_option,
    filter_options,
    print_line,
    write_results,
)
from lemur_core.errors import SettingsError

EXPORTERS = {".xlsx": "excel", ".html": "html", ".htm": "html", ".pdf": "pdf", "": "report"}
"""Exporter for each file suffix; a name without a suffix is a folder."""
_RAW = {"excel": "excel-raw"}


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="File ending in .xlsx, .html or .pdf; without a suffix, a folder with workbooks and an "
    "HTML page.",
)
@click.option("--raw", is_flag=True, help="Write all records instead of statistics; .xlsx only.")
@click.option(
    "--figures",
    default="all",
    show_default=True,
    metavar="NAME+NAME",
    help="Names of figures, as shown by lemur list figure; all, or none.",
)
@click.option(
    "--population",
    is_flag=True,
    help="Write a page that compares the ranks of nets between datasets; .html only.",
)
@click.option(
    "--reference",
    default="",
    metavar="DATASET",
    help="With --population: the dataset that the others are compared with; by default the one "
    "with most nets.",
)
@filter_options
@db_option
def report(
    out: Path, raw: bool, figures: str, population: bool, reference: str, db: str, **filters: Any
) -> None:
    """Write a report of recorded results: statistics, figures and anomalies."""
    import matplotlib

    from lemur_core import data

    name = exporter_of(out, raw=raw)
    if population and name != "html":
        raise SettingsError(f"--population writes a page; --out {str(out)!r} does not end in .html")
    if population and figures != "all":
        raise SettingsError("--figures does not apply to --population, whose page has its own")
    if reference and not population:
        raise SettingsError("--reference compares nets between datasets; add --population")
    matplotlib.use("agg")
    arguments = arguments_of(db, filters)
    if data(**arguments, columns=["nn"], max_rows=1, db=db).empty:
        raise SettingsError("no recorded results match; nothing to report")
    if population:
        print_line(f"wrote {out}: {_write_population(out, reference, db, arguments)}")
        return
    written = write_results(name, out, db, arguments, {"figures": figures})
    print_line(f"wrote {out}: {written.message}")


def _write_population(out: Path, reference: str, db: str, arguments: dict[str, Any]) -> str:
    from lemur_analysis.report.population import write_population
    from lemur_analysis.representativeness import runs_from_results
    from lemur_core import data

    results = data(**arguments, with_facts=True, with_stats=True, db=db)
    about = [(f"filter {name}", str(value)) for name, value in arguments.items() if value]
    return write_population(
        runs_from_results(results), out, reference=reference, about=about or [("filters", "none")]
    )


def exporter_of(out: Path, *, raw: bool) -> str:
    """Return the name of the exporter for a file.

    Args:
        out: Path of the file.
        raw: Whether to write all records instead of statistics.

    Raises:
        SettingsError: No exporter writes files with this suffix, or none writes all records.
    """
    name = EXPORTERS.get(out.suffix.lower())
    if name is None:
        raise SettingsError(
            f"--out {str(out)!r}: expected a name that ends in .xlsx, .html or .pdf, or one "
            "without a suffix for a folder"
        )
    if raw and name not in _RAW:
        raise SettingsError(f"--raw writes a workbook; --out {str(out)!r} does not end in .xlsx")
    return _RAW[name] if raw else name
