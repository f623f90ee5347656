"""Exporter ``pdf``: a document with a cover, tables and figures."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.fonts import drawable, font_with
from lemur_analysis.report import tables
from lemur_analysis.report.contents import cover_of, read_frame, sections_of
from lemur_analysis.report.drawings import ALL, Figures
from lemur_analysis.report.html_table import value_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from pandas import DataFrame

    from lemur_core import Results

_PRINT_DPI = 200
_PAGE = (11.69, 8.27)
_LINES, _CHARACTERS = 46, 120
_ROWS, _LONGEST = 34, 34
# Left margin and width of a character in tables, as fractions of the page's width.
_LEFT, _CHARACTER = 0.06, 0.0068


def pdf(results: Results, path: Path, *, figures: str = ALL) -> str:
    """Write a document with a cover, and a table of nets and figures for each task and dataset.

    Args:
        results: The selected results.
        path: The file.
        figures: ``all``, ``none``, or names of figures, separated by ``+``.
    """
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages

    report_figures = Figures(results, figures)
    frame = read_frame(results)
    sections = sections_of(frame)
    report_figures.expect(len(sections))
    title = f"Results: {len(frame):,} records"
    # Fonts of type 42 keep text searchable.
    with (
        matplotlib.rc_context({"pdf.fonttype": 42}),
        PdfPages(path, metadata={"Title": title}) as pages,
    ):

        def add(figure: Figure) -> None:
            pages.savefig(figure, dpi=_PRINT_DPI)

        _add_text(pages, title, [_line(*item) for item in cover_of(results, frame)])
        if not frame.empty:
            report_figures.of_all(frame, add)
        for section in sections:
            _add_table(pages, section.title, tables.nets(section.frame))
            report_figures.of_section(section.frame, section.title, add)
        _add_table(pages, "Anomalies", tables.anomaly_counts(frame))
        if report_figures.notes:
            _add_text(pages, "Figures that are not shown", report_figures.notes)
        return f"{len(frame):,} records on {pages.get_pagecount():,} pages"


def _add_text(pages: Any, title: str, lines: Sequence[str]) -> None:
    """Add pages of text; long lines are wrapped."""
    wrapped = [
        part
        for line in lines
        for part in textwrap.wrap(drawable(line), _CHARACTERS, subsequent_indent="    ") or [""]
    ]
    for start in range(0, max(len(wrapped), 1), _LINES):
        figure = _page(title)
        text = "\n".join(wrapped[start : start + _LINES])
        figure.text(_LEFT, 0.88, text, va="top", fontsize=9, linespacing=1.4, parse_math=False)
        _save(pages, figure)


def _add_table(pages: Any, title: str, frame: DataFrame) -> None:
    """Add pages with a table."""
    values = frame.astype(object).where(frame.notna(), None)
    rows = [[value_of(value) for value in row] for row in values.itertuples(index=False)]
    names = [str(name) for name in frame.columns]
    for start in range(0, len(rows), _ROWS):
        figure = _page(title)
        left = _LEFT
        for name, *column in zip(names, *rows[start : start + _ROWS], strict=True):
            left = _add_column(figure, left, name, column)
        _save(pages, figure)


def _add_column(figure: Figure, left: float, name: str, values: Sequence[Any]) -> float:
    """Draw a column of a table, with numbers aligned right; return the left edge of the next."""
    texts = [_short(value) for value in values]
    width = _CHARACTER * max(map(len, (name, *texts)))
    is_text = any(isinstance(value, str) for value in values)
    x, side = (left, "left") if is_text else (left + width, "right")
    style: dict[str, Any] = {
        "va": "top",
        "ha": side,
        "fontsize": 8,
        "linespacing": 1.5,
        "parse_math": False,
    }
    figure.text(x, 0.885, name, weight="bold", **style)
    figure.text(x, 0.86, "\n".join(texts), **style)
    return left + width + 2 * _CHARACTER


def _line(label: str, value: Any) -> str:
    return f"{label}: {value:,}" if isinstance(value, int) else f"{label}: {value}"


def _save(pages: Any, figure: Figure) -> None:
    for text in figure.texts:
        others = [char for char in dict.fromkeys(text.get_text()) if not char.isascii()]
        fonts = dict.fromkeys(filter(None, map(font_with, others)))
        text.set_fontfamily([*text.get_fontfamily(), *fonts])
    pages.savefig(figure)


def _page(title: str) -> Figure:
    # Not pyplot.figure, which would keep the figure open.
    from matplotlib.figure import Figure

    figure = Figure(figsize=_PAGE)
    figure.text(
        0.06, 0.93, _short(title, _CHARACTERS), fontsize=14, weight="bold", parse_math=False
    )
    return figure


def _short(value: Any, most: int = _LONGEST) -> str:
    text = "" if value is None else drawable(" ".join(str(value).split()))
    return text if len(text) <= most else f"{text[: most - 12]}...{text[-9:]}"
