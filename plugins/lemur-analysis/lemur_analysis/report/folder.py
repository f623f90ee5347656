"""Exporter ``report``: a folder with both workbooks and an HTML page, drawing each figure once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lemur_analysis.report.document import read_report
from lemur_analysis.report.drawings import ALL
from lemur_analysis.report.excel import write_excel, write_excel_raw
from lemur_analysis.report.html import write_html
from lemur_analysis.report.processes import PNG, SVG, call_all

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core import Results


def folder(results: Results, path: Path, *, figures: str = ALL) -> str:
    """Write a folder with ``report.xlsx``, ``records.xlsx`` and ``report.html``.

    Args:
        results: The selected results.
        path: The folder.
        figures: ``all``, ``none``, or names of figures, separated by ``+``.
    """
    report = read_report(results, [PNG, SVG], figures)
    path.mkdir()
    _, warnings, _ = call_all(
        [
            partial(write_excel, report, path / "report.xlsx"),
            partial(write_excel_raw, report, path / "records.xlsx"),
            partial(write_html, report, path / "report.html"),
        ],
        figures=report.figure_count,
    )
    for line in warnings:
        results.warn(line)
    return f"{len(report.frame):,} records in report.xlsx, records.xlsx and report.html"
