"""Figures in files: pages of panels, and what makes the same figure the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.figure import Page, missing_of
from lemur_core.errors import ContractError
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from matplotlib.figure import Figure
    from pandas import DataFrame

FORMATS = ("svg", "png", "pdf")
PANELS = 6
"""So many panels a page has by default."""
# Nothing in a file says when it was made, or by which version.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# Texts stay texts, which can be searched and selected; ids are not drawn by chance.
_SETTINGS = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "lemur"}


def pages_of(
    draw: Callable[..., Any], frame: DataFrame, panels: int = PANELS, **options: Any
) -> Iterator[Page]:
    """Draw a figure in pages, each of at most so many panels, one after another.

    A figure that `lemur_analysis.plot.figure.figure` did not make is one page. Close a page's
    figure when it is done with.

    Args:
        draw: The figure.
        frame: Results.
        panels: Panels of a page, from 1.
        options: Of the figure.

    Raises:
        ContractError: The figure does not return axes.
    """
    if hasattr(draw, "pages"):
        yield from draw.pages(frame, panels, **options)
        return
    axes = np.atleast_1d(np.asarray(draw(frame, **options), dtype=object)).ravel()
    if not len(axes) or not all(hasattr(one, "figure") for one in axes):
        raise ContractError("the figure did not return axes")
    yield Page(axes, tuple(one.get_title("left") or one.get_title() for one in axes))


def missing_of_page(page: Page) -> str:
    """Return what a page says to be missing if none of its panels could be drawn; else nothing."""
    texts = [missing_of(one) for one in page.axes]
    return "; ".join(dict.fromkeys(texts)) if all(texts) else ""


def save(figure: Figure, path: Path, *, dpi: float = 150) -> None:
    """Write a figure to a file, in the format that its name ends in: svg, png or pdf.

    The same figure gives the same bytes. Texts of SVG and PDF stay texts.

    Args:
        figure: The figure.
        path: The file, which is replaced if it exists.
        dpi: Dots per inch, of PNG, and of points and lines that are drawn as an image.

    Raises:
        WriteError: It cannot be written.
    """
    from matplotlib import rc_context

    form = path.suffix.removeprefix(".")
    canvas, resolution = figure.canvas, figure.dpi
    try:
        with replacement(path) as made, rc_context(_SETTINGS):
            figure.set_dpi(dpi)
            # Figure.savefig would draw twice, once only for the layout, which takes twice as long.
            write = getattr(_canvas(figure, form), f"print_{form}")
            write(made, metadata=_METADATA[form])
    finally:
        figure.set_dpi(resolution)
        figure.set_canvas(canvas)


def _canvas(figure: Figure, form: str) -> Any:
    from matplotlib.backend_bases import get_registered_canvas_class

    return get_registered_canvas_class(form)(figure)
