"""The HTML elements of pages that open offline: the frame of a page, figures, lists and details."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lemur_analysis.report.html_table import plain
from lemur_analysis.report.processes import SVG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lemur_analysis.report.drawings import Drawing

_SCREEN_DPI = 96


def page(title: str, links: Sequence[tuple[str, str]], sections: Iterable[str]) -> bytes:
    """Return a page.

    Args:
        title: Title of the page.
        links: Ids of the page's sections, and their titles.
        sections: The sections as HTML, line by line.
    """
    # Characters that UTF-8 cannot encode are written as escapes.
    return "\n".join(_lines(title, links, sections)).encode(errors="backslashreplace")


def cover(rows: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield a list of labels and values."""
    yield "<dl>"
    for label, value in rows:
        shown = f"{value:,}" if isinstance(value, int) else value
        yield f"<div><dt>{text(label)}</dt><dd>{text(shown)}</dd></div>"
    yield "</dl>"


def gallery(drawings: Iterable[Drawing]) -> Iterator[str]:
    """Yield figures with their captions; their ``content`` maps formats to pictures."""
    yield '<div class="figures">'
    for drawing in drawings:
        yield f"<figure>{_image(drawing)}<figcaption>{text(drawing.caption)}</figcaption></figure>"
    yield "</div>"


def details(summary: str, inside: Iterable[str]) -> Iterator[str]:
    """Yield HTML that is hidden until its summary is clicked."""
    yield f"<details><summary>{text(summary)}</summary>"
    yield from inside
    yield "</details>"


def bullets(lines: Iterable[str]) -> Iterator[str]:
    """Yield a list of lines of text."""
    yield "<ul>"
    for line in lines:
        yield f"<li>{text(line)}</li>"
    yield "</ul>"


def text(value: Any) -> str:
    """Return a value as HTML text."""
    return escape(plain(value))


def _lines(title: str, links: Sequence[tuple[str, str]], sections: Iterable[str]) -> Iterator[str]:
    style, script = (_asset(name) for name in ("page.css", "page.js"))
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{style}</style></head><body>"
    yield '<a class="skip" href="#contents">Skip to the results</a>'
    yield f"<header><h1>{escape(title)}</h1></header>"
    items = "".join(f'<li><a href="#{name}">{text(label)}</a></li>' for name, label in links)
    yield f'<nav aria-label="Contents"><ul>{items}</ul></nav>'
    yield '<main id="contents">'
    yield "<noscript><p>Figures are drawn by the page's script, which is disabled.</p></noscript>"
    yield from sections
    yield "</main>"
    yield f"<script>\n{script}</script></body></html>"


def _asset(name: str) -> str:
    return files("lemur_analysis.report").joinpath(name).read_text(encoding="utf-8")


def _image(drawing: Drawing) -> str:
    """Return an ``img`` element whose picture the script sets after the page has loaded.

    Browsers take seconds to parse many ``svg`` elements or data URLs.
    """
    width, height = (round(inches * _SCREEN_DPI) for inches in (drawing.width, drawing.height))
    source = drawing.content[SVG].replace("&", "&amp;").replace("'", "&#39;")
    label = escape(plain(drawing.caption), quote=True)
    return f'<img width="{width}" height="{height}" alt="{label}" data-svg=\'{source}\'>'
