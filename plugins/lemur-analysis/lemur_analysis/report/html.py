"""Exporter ``html``: a self-contained page with tables and figures."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lemur_analysis.report import tables
from lemur_analysis.report.document import Chapter, Report, read_report
from lemur_analysis.report.drawings import ALL, Drawing
from lemur_analysis.report.html_table import plain, table
from lemur_analysis.report.processes import SVG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from lemur_core import Results

_SCREEN_DPI = 96


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
    # Characters that UTF-8 cannot encode are written as escapes.
    path.write_bytes("\n".join(_page(report)).encode(errors="backslashreplace"))


def _page(report: Report) -> Iterator[str]:
    title = f"Results: {len(report.frame):,} records"
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{style}</style></head><body>"
    yield '<a class="skip" href="#contents">Skip to the results</a>'
    yield f"<header><h1>{escape(title)}</h1></header>"
    yield from _navigation(report)
    yield '<main id="contents">'
    yield "<noscript><p>Figures are drawn by the page's script, which is disabled.</p></noscript>"
    yield from _about(report)
    if report.drawings:
        yield '<section id="all"><h2>All results</h2>'
        yield from _figures(report.drawings)
        yield "</section>"
    for number, chapter in enumerate(report.chapters, 1):
        yield from _chapter(chapter, f"data-{number}")
    yield '<section id="anomalies"><h2>Anomalies</h2>'
    yield table(report.anomalies, "Suspect results", "anomalies-table")
    yield "</section></main>"
    yield f"<script>\n{script}</script></body></html>"


def _asset(name: str) -> str:
    return files("lemur_analysis.report").joinpath(name).read_text(encoding="utf-8")


def _navigation(report: Report) -> Iterator[str]:
    links = [("about", "About"), *([("all", "All results")] if report.drawings else [])]
    links += [
        (f"data-{number}", chapter.section.title)
        for number, chapter in enumerate(report.chapters, 1)
    ]
    links.append(("anomalies", "Anomalies"))
    items = "".join(f'<li><a href="#{name}">{_text(title)}</a></li>' for name, title in links)
    yield f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _about(report: Report) -> Iterator[str]:
    yield '<section id="about"><h2>About</h2><dl>'
    for label, value in report.cover:
        shown = f"{value:,}" if isinstance(value, int) else value
        yield f"<div><dt>{_text(label)}</dt><dd>{_text(shown)}</dd></div>"
    yield "</dl>"
    if report.notes:
        yield from _details("Figures that are not shown", _list(report.notes))
    yield "</section>"


def _chapter(chapter: Chapter, name: str) -> Iterator[str]:
    title, frame = chapter.section.title, chapter.section.frame
    yield f'<section id="{name}"><h2>{_text(title)}</h2><h3>Nets</h3>'
    yield table(tables.nets(frame), f"Nets: {title}", f"{name}-nets")
    if chapter.drawings:
        yield "<h3>Figures</h3>"
        yield from _figures(chapter.drawings)
    yield "<h3>Epochs</h3>"
    statistics = table(tables.epochs(frame), f"Score and seconds: {title}", f"{name}-epochs")
    yield from _details("Statistics of each net and epoch", [statistics])
    yield "</section>"


def _figures(drawings: Sequence[Drawing]) -> Iterator[str]:
    yield '<div class="figures">'
    for drawing in drawings:
        yield f"<figure>{_image(drawing)}<figcaption>{_text(drawing.caption)}</figcaption></figure>"
    yield "</div>"


def _image(drawing: Drawing) -> str:
    """Return an ``img`` element whose picture the script sets after the page has loaded.

    Browsers take seconds to parse many ``svg`` elements or data URLs.
    """
    width, height = (round(inches * _SCREEN_DPI) for inches in (drawing.width, drawing.height))
    source = drawing.content[SVG].replace("&", "&amp;").replace("'", "&#39;")
    label = escape(plain(drawing.caption), quote=True)
    return f'<img width="{width}" height="{height}" alt="{label}" data-svg=\'{source}\'>'


def _details(summary: str, inside: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{_text(summary)}</summary>"
    yield from inside
    yield "</details>"


def _list(lines: Sequence[str]) -> Iterator[str]:
    yield "<ul>"
    for line in lines:
        yield f"<li>{_text(line)}</li>"
    yield "</ul>"


def _text(value: Any) -> str:
    return escape(plain(value))
