"""Write figures to files: pages of panels, with reproducible bytes."""

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
"""Default number of panels per page."""
# Leave out dates and versions, so that the same figure gives the same bytes.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# Keep text as text, which can be searched and selected, and make ids deterministic.
_SETTINGS: Any = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "lemur"}


def pages_of(
    draw: Callable[..., Any], frame: DataFrame, panels: int = PANELS, **options: Any
) -> Iterator[Page]:
    """Draw a figure page by page.

    Figures that were not made with `lemur_analysis.plot.figure.figure` have a single page. The
    caller must close the figure of each page.

    Args:
        draw: The function that draws the figure.
        frame: Results.
        panels: Maximum number of panels per page, from 1.
        options: Options of the figure.

    Raises:
        ContractError: The figure does not return axes.
    """
    if hasattr(draw, "pages"):
        yield from draw.pages(frame, panels, **options)
        return
    axes = np.atleast_1d(np.asarray(draw(frame, **options), dtype=object)).ravel()
    if not len(axes) or not all(hasattr(ax, "figure") for ax in axes):
        raise ContractError("the figure did not return axes")
    yield Page(axes, tuple(ax.get_title("left") or ax.get_title() for ax in axes))


def missing_of_page(page: Page) -> str:
    """Return why none of the panels of a page could be drawn; empty if some could."""
    texts = [missing_of(ax) for ax in page.axes]
    return "; ".join(dict.fromkeys(texts)) if all(texts) else ""


def save(figure: Figure, path: Path, *, dpi: float = 150) -> None:
    """Write a figure to a file in the format given by the suffix: svg, png or pdf.

    The same figure gives the same bytes. In SVG and PDF files, text is stored as text.

    Args:
        figure: The figure.
        path: The file, which is replaced if it exists.
        dpi: Dots per inch of PNG files, and of rasterised points and lines in SVG and PDF.

    Raises:
        WriteError: The file cannot be written.
    """
    from matplotlib import rc_context

    form = path.suffix.lower().removeprefix(".")
    canvas, resolution = figure.canvas, figure.dpi
    try:
        with replacement(path) as temporary, rc_context(_SETTINGS):
            figure.set_dpi(dpi)
            # Figure.savefig would take twice as long, as it draws once more for the layout.
            write = getattr(_canvas(figure, form), f"print_{form}")
            write(temporary, metadata=_METADATA[form])
    finally:
        figure.set_dpi(resolution)
        figure.set_canvas(canvas)


def _canvas(figure: Figure, form: str) -> Any:
    from matplotlib.backend_bases import get_registered_canvas_class

    return get_registered_canvas_class(form)(figure)
