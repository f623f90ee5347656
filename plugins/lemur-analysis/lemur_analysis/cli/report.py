"""``lemur report``: a workbook, a page or a document of recorded results."""

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
"""The exporter by the suffix of the file; without one a folder is written."""
_RAW = {"excel": "excel-raw"}


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="A file that ends in .xlsx, .html or .pdf; without a suffix a folder of workbooks and "
    "page.",
)
@click.option("--raw", is_flag=True, help="Write all records, not statistics; for .xlsx.")
@click.option(
    "--figures",
    default="all",
    show_default=True,
    metavar="NAME+NAME",
    help="Figures, as lemur list figure names them; none leaves them out.",
)
@filter_options
@db_option
def report(out: Path, raw: bool, figures: str, db: str, **given: Any) -> None:
    """Write a report of recorded results: statistics, figures and what is suspect."""
    import matplotlib

    from lemur_core import data

    name = exporter_of(out, raw=raw)
    matplotlib.use("agg")
    arguments = arguments_of(db, given)
    if data(**arguments, columns=["nn"], max_rows=1, db=db).empty:
        raise SettingsError("no recorded results match; nothing to report")
    said = write_results(name, out, db, arguments, {"figures": figures}).said
    print_line(f"wrote {out}: {said}")


def exporter_of(out: Path, *, raw: bool) -> str:
    """Return the exporter that writes a file of this name.

    Raises:
        SettingsError: There is none, or none that writes all records.
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
