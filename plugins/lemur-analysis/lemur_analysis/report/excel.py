"""Exporters ``excel`` and ``excel-raw``: workbooks with figures."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from lemur_analysis.report import tables
from lemur_analysis.report.document import Report, read_report
from lemur_analysis.report.drawings import ALL, Drawing
from lemur_analysis.report.processes import PNG
from lemur_core.workbooks import add_table, save_workbook, sheet_title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from openpyxl import Workbook

    from lemur_core import Results

_SCREEN_DPI = 96
# Default height of a row in a spreadsheet, in pixels.
_ROW_HEIGHT = 20


def excel(results: Results, path: Path, *, figures: str = ALL) -> str:
    """Write a workbook of statistics with figures, one sheet per task and dataset.

    Args:
        results: The selected results.
        path: The file.
        figures: ``all``, ``none``, or names of figures, separated by ``+``.
    """
    return write_excel(read_report(results, [PNG], figures), path)


def excel_raw(results: Results, path: Path, *, figures: str = ALL) -> str:
    """Write a workbook of all records, with a column per hyperparameter, and a sheet of figures.

    Args:
        results: The selected results.
        path: The file.
        figures: ``all``, ``none``, or names of figures, separated by ``+``.
    """
    report = read_report(results, [PNG], figures)
    for line in write_excel_raw(report, path):
        results.warn(line)
    return f"{len(report.frame):,} records, {report.figure_count:,} figures"


def write_excel(report: Report, path: Path) -> str:
    """Write the workbook of statistics and return a short description of its contents."""
    book, notes = _book(), []
    datasets = [chapter.section.dataset for chapter in report.chapters]
    for chapter in report.chapters:
        section = chapter.section
        # Add the task only if needed, as most titles would be too long with it.
        unique = datasets.count(section.dataset) == 1
        title = section.dataset if unique else f"{section.dataset}, {section.task}"
        frame = tables.epochs(section.frame)
        table = add_table(book, frame, title)
        sheet = table.sheets[0].title
        notes += [f"sheet {sheet}: {section.title}", *(f"{sheet}: {note}" for note in table.notes)]
        _place(table.sheets[0], chapter.drawings, len(frame.columns) + 2)
    if report.drawings:
        _add_figures(book, "all results", report.drawings)
    notes += add_table(book, report.anomalies, "anomalies").notes
    _finish(book, report, notes, path)
    return f"{len(report.frame):,} records on {len(report.chapters)} sheets"


def write_excel_raw(report: Report, path: Path) -> list[str]:
    """Write the workbook of all records; return a line for each value that had to be changed."""
    book = _book()
    notes = add_table(book, tables.raw(report.frame), "results").notes
    drawings = list(report.drawings)
    for chapter in report.chapters:
        drawings += chapter.drawings
    if drawings:
        _add_figures(book, "figures", drawings)
    _finish(book, report, [*notes, "duration: seconds since the trial's training began"], path)
    return notes


def _book() -> Workbook:
    from openpyxl import Workbook

    # In this mode, rows are written to disk as they are added.
    return Workbook(write_only=True)


def _finish(book: Workbook, report: Report, notes: Sequence[str], path: Path) -> None:
    """Add the cover, which describes all sheets, as the first sheet, and write the workbook."""
    import pandas as pd

    rows = [*report.cover, *(("note", note) for note in (*notes, *report.notes))]
    cover = add_table(book, pd.DataFrame(rows, columns=["about", "value"]), "cover").sheets[0]
    book.move_sheet(cover.title, 1 - len(book.sheetnames))
    book.active = 0
    with path.open("wb") as file:
        save_workbook(book, file)


def _add_figures(book: Workbook, title: str, drawings: Sequence[Drawing]) -> None:
    sheet = book.create_sheet(sheet_title(book, title))
    _place(sheet, drawings, 1)


def _place(sheet: Any, drawings: Sequence[Drawing], column: int) -> None:
    """Place figures below each other on a sheet, starting at a column."""
    from openpyxl.drawing.image import Image
    from openpyxl.utils import get_column_letter

    row = 2
    for drawing in drawings:
        picture = Image(BytesIO(drawing.content[PNG]))
        picture.width, picture.height = (
            round(inches * _SCREEN_DPI) for inches in (drawing.width, drawing.height)
        )
        sheet.add_image(picture, f"{get_column_letter(column)}{row}")
        row += -(-picture.height // _ROW_HEIGHT) + 1
