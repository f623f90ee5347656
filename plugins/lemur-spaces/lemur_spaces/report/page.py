"""The page of a report: one HTML file with its tables and figures."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.files import save
from lemur_analysis.report.html_table import plain, table
from lemur_core.files import replacement, write_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lemur_spaces.report.contents import Part

_DPI = 80


def write_page(parts: Iterable[Part], title: str, lines: Iterable[str], path: Path) -> int:
    """Write a page and return its number of figures.

    Args:
        parts: The sections.
        title: Title of the page.
        lines: What the report is about, a line each.
        path: The HTML file, which is replaced if it exists.

    Raises:
        WriteError: The file cannot be written.
    """
    sections = list(parts)
    text = "\n".join(_page(sections, title, lines))
    with write_errors(path), replacement(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return sum(len(part.figures) for part in sections)


def _page(parts: list[Part], title: str, lines: Iterable[str]) -> Iterator[str]:
    style, script = (
        files("lemur_analysis.report").joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js")
    )
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{_text(title)}</title><style>\n{style}</style></head><body>"
    yield f'<header><h1>{_text(title)}</h1></header><nav aria-label="Contents"><ul>'
    yield "".join(
        f'<li><a href="#part-{number}">{_text(part.title)}</a></li>'
        for number, part in enumerate(parts)
    )
    yield '</ul></nav><main id="contents">'
    yield "".join(f"<p>{_text(line)}</p>" for line in lines)
    for number, part in enumerate(parts):
        yield from _section(part, number)
    yield f"</main><script>\n{script}</script></body></html>"


def _section(part: Part, number: int) -> Iterator[str]:
    yield f'<section id="part-{number}"><h2>{_text(part.title)}</h2><p>{_text(part.text)}</p>'
    for place, (caption, frame) in enumerate(part.tables.items()):
        yield table(frame, caption, f"table-{number}-{place}")
    yield '<div class="figures">'
    for caption, draw in part.figures.items():
        yield f"<figure>{_picture(draw, caption)}<figcaption>{_text(caption)}</figcaption></figure>"
    yield "</div></section>"


def _picture(draw: Callable[[], Any], caption: str) -> str:
    """Return a figure as an image: with many points, it is smaller than as a drawing."""
    import numpy as np
    from matplotlib import pyplot as plt

    figure = np.atleast_1d(np.asarray(draw(), dtype=object)).ravel()[0].figure
    try:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "figure.png"
            save(figure, file, dpi=_DPI)
            data = b64encode(file.read_bytes()).decode("ascii")
    finally:
        plt.close(figure)
    return f'<img alt="{_text(caption)}" src="data:image/png;base64,{data}">'


def _text(value: Any) -> str:
    return escape(plain(value))
