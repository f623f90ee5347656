"""Exporter ``html``: a self-contained page with tables and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.report import tables
from lemur_analysis.report.document import Chapter, Report, read_report
from lemur_analysis.report.drawings import ALL
from lemur_analysis.report.elements import bullets, cover, details, gallery, page, text
from lemur_analysis.report.html_table import table
from lemur_analysis.report.processes import SVG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lemur_core import Results


def html(results: Results, path: Path, *, figures: str = ALL) -> str:
    """Write a page with tables and figures, one section per task and dataset.

    Args:
        results: The selected results.
        path: The file.
        figures: ``all``, ``none``, or names of figures, separated by ``+``.
    """
    report = read_report(results, [SVG], figures)
    write_html(report, path)
    return f"{len(report.frame):,} records, {report.figure_count:,} figures"


def write_html(report: Report, path: Path) -> None:
    """Write the page of a report."""
    title = f"Results: {len(report.frame):,} records"
    path.write_bytes(page(title, _links(report), _sections(report)))


def _sections(report: Report) -> Iterator[str]:
    yield from _about(report)
    if report.drawings:
        yield '<section id="all"><h2>All results</h2>'
        yield from gallery(report.drawings)
        yield "</section>"
    for number, chapter in enumerate(report.chapters, 1):
        yield from _chapter(chapter, f"data-{number}")
    yield '<section id="anomalies"><h2>Anomalies</h2>'
    yield table(report.anomalies, "Suspect results", "anomalies-table")
    yield "</section>"


def _links(report: Report) -> list[tuple[str, str]]:
    links = [("about", "About"), *([("all", "All results")] if report.drawings else [])]
    links += [
        (f"data-{number}", chapter.section.title)
        for number, chapter in enumerate(report.chapters, 1)
    ]
    return [*links, ("anomalies", "Anomalies")]


def _about(report: Report) -> Iterator[str]:
    yield '<section id="about"><h2>About</h2>'
    yield from cover(report.cover)
    if report.notes:
        yield from details("Figures that are not shown", bullets(report.notes))
    yield "</section>"


def _chapter(chapter: Chapter, name: str) -> Iterator[str]:
    title, frame = chapter.section.title, chapter.section.frame
    yield f'<section id="{name}"><h2>{text(title)}</h2><h3>Nets</h3>'
    yield table(tables.nets(frame), f"Nets: {title}", f"{name}-nets")
    if chapter.drawings:
        yield "<h3>Figures</h3>"
        yield from gallery(chapter.drawings)
    yield "<h3>Epochs</h3>"
    statistics = table(tables.epochs(frame), f"Score and seconds: {title}", f"{name}-epochs")
    yield from details("Statistics of each net and epoch", [statistics])
    yield "</section>"
