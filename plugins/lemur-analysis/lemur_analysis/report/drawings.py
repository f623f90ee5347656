"""Figures of a report: draw the installed figures and convert them to PNG or SVG."""

from __future__ import annotations

import inspect
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.figure import NothingToDrawError, missing_of, note_of
from lemur_core.errors import SettingsError, error_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from lemur_core import Entry, Results

DPI = 120
"""Pixels per inch of PNG pictures, and of rasterised marks in SVG."""
MOST_POINTS = 3000
"""Marks on axes with more points than this are rasterised in SVG and PDF."""
_COLOURS = 128
ALL, NONE = "all", "none"
Render = Callable[["Figure"], Any]


@dataclass(frozen=True)
class Drawing:
    """A drawn figure.

    Attributes:
        name: Name of the figure, for example ``rolling-mean``.
        caption: Caption, which names the figure and the results it shows.
        content: Result of the `Render` function, for example pictures by format.
        width: Width in inches.
        height: Height in inches.
    """

    name: str
    caption: str
    content: Any
    width: float
    height: float


@dataclass
class DrawingLog:
    """A log of the figures that were drawn or left out.

    Attributes:
        done: Number of figures that were processed.
        notes: One line for each figure that was left out, with the reason.
        failed: For each figure that raised an unexpected error, a line on the first one, by name.
    """

    done: int = 0
    notes: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Figures:
    """The figures of a report.

    Args:
        results: The selected results, which show progress and warnings; None shows neither.
        names: ``all``, ``none``, or names of figures, separated by ``+``.

    Attributes:
        names: The argument ``names``.
        log: Log of the figures that were drawn or left out.
        total: Expected number of figures, set by `expect`.

    Raises:
        UnknownNameError: There is no figure with one of the names.
    """

    def __init__(self, results: Results | None, names: str = ALL) -> None:
        self.names, self.log, self.total = names, DrawingLog(), 0
        self._results = results
        self._loaded = dict(self._load(_entries(names)))

    @property
    def notes(self) -> list[str]:
        """One line for each figure that was left out, with the reason."""
        return self.log.notes

    def expect(self, sections: int) -> None:
        """Set the number of sections, from which the total for progress is computed."""
        by_dataset = [_is_by_dataset(draw) for _, draw in self._loaded.values()]
        self.total = sum(sections if is_by_dataset else 1 for is_by_dataset in by_dataset)

    def merge(self, log: DrawingLog) -> None:
        """Merge the log of another process into this one."""
        self.log.notes += log.notes
        for name, line in log.failed.items():
            self._warn_once(name, line)
        self._count(log.done)

    def of_section(self, frame: DataFrame, title: str, render: Render) -> list[Drawing]:
        """Draw the figures whose panels show one dataset each.

        Args:
            frame: The rows of a section.
            title: Title of the section, for the captions.
            render: Function that converts each figure; the figure is closed afterwards.
        """
        return list(self._draw_all(frame, title, render, by_dataset=True))

    def of_all(self, frame: DataFrame, render: Render) -> list[Drawing]:
        """Draw the other figures; see `of_section`."""
        return list(self._draw_all(frame, "all results", render, by_dataset=False))

    def _load(self, entries: dict[str, Entry]) -> Iterator[tuple[str, tuple[Entry, Any]]]:
        for name, entry in entries.items():
            with self._guard(name, ""):
                yield name, (entry, entry.load())

    def _draw_all(
        self, frame: DataFrame, title: str, render: Render, *, by_dataset: bool
    ) -> Iterator[Drawing]:
        for name, (entry, draw) in self._loaded.items():
            if _is_by_dataset(draw) is by_dataset:
                with self._guard(name, title):
                    with drawn_figure(draw, frame) as figure:
                        content = render(figure)
                        width, height = figure.get_size_inches()
                        caption = _caption(f"{entry.summary}: {title}", figure)
                    yield Drawing(name, caption, content, width, height)
                self._count(1)

    def _count(self, done: int) -> None:
        self.log.done += done
        if self._results is not None and done:
            self._results.progress(self.log.done, max(self.log.done, self.total))

    def _warn_once(self, name: str, line: str) -> None:
        if name not in self.log.failed:
            self.log.failed[name] = line
            if self._results is not None:
                self._results.warn(line)

    @contextmanager
    def _guard(self, name: str, title: str) -> Iterator[None]:
        place = f" of {title}" if title else ""
        try:
            yield
        except NothingToDrawError as error:
            self.notes.append(f"no {name}{place}: {error}")
        except SettingsError as error:
            # The results lack a column that it shows, or have too many panels.
            self.notes.append(f"no {name}{place}: {error}")
        # Figures of other plugins may raise anything; the report is written without them.
        except Exception as error:
            reason = error_text(error)
            self.notes.append(f"no {name}{place}: it failed with {reason}")
            self._warn_once(name, f"figure {name!r}{place} failed and is left out: {reason}")


@contextmanager
def drawn_figure(draw: Callable[..., Any], frame: DataFrame) -> Iterator[Figure]:
    """Draw a figure, compute its layout, and close it on exit.

    Raises:
        NothingToDrawError: None of the panels could be drawn.
    """
    import numpy as np
    from matplotlib import pyplot as plt

    open_before = {*plt.get_fignums()}
    try:
        axes = np.atleast_1d(np.asarray(draw(frame), dtype=object)).ravel()
        figure = axes[0].figure
        missing = [missing_of(ax) for ax in axes]
        if all(missing):
            raise NothingToDrawError("; ".join(dict.fromkeys(missing)))
        _rasterize(figure)
        _compute_layout(figure)
        yield figure
    finally:
        for number in {*plt.get_fignums()} - open_before:
            plt.close(number)


def rasterize_many(figure: Figure) -> None:
    """Rasterise the marks of a figure if all its axes together have many points."""
    marks = [mark for ax in figure.axes for mark in _marks(ax)]
    if sum(map(_count_points, marks)) > MOST_POINTS:
        for mark in marks:
            mark.set_rasterized(True)


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = BytesIO()
    with _canvas_on(FigureCanvasAgg, figure) as canvas:
        canvas.print_png(file)
    return file.getvalue()


def svg(figure: Figure, salt: str) -> str:
    """Return a figure as an ``svg`` element for an HTML page; text is kept as text.

    Args:
        figure: The figure.
        salt: Text unique within the page, from which ids are derived.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = StringIO()
    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}),
        _canvas_on(FigureCanvasSVG, figure) as canvas,
    ):
        canvas.print_svg(file, metadata=metadata)
    return _element(file.getvalue())


@contextmanager
def _canvas_on(canvas: type[Any], figure: Figure) -> Iterator[Any]:
    """Yield a canvas that draws a figure once; `Figure.savefig` draws twice, for the layout."""
    before = figure.canvas, figure.dpi
    figure.dpi = DPI
    try:
        yield canvas(figure)
    finally:
        figure.canvas, figure.dpi = before


_NUMBERS = re.compile(r' (?:d|x|y|transform|points)="[^"]*"')
_DIGITS = re.compile(r"(\.\d\d)\d+")
_PIXELS = re.compile(r'("data:image/png;base64,)([^"]*)')
_FONTS = re.compile(r"(font(?:-family)?: (?:[a-z0-9. ]+ )?)'[^;\"]*")


def _element(text: str) -> str:
    """Return the ``svg`` element of an SVG file without the parts that a page does not need."""
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # The ids of groups are never referenced, and are the same in all figures.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s*", "\n", text)
    text = _PIXELS.sub(lambda match: match[1] + _with_palette(match[2]), text)
    text = _FONTS.sub(r"\1DejaVu Sans,Verdana,sans-serif", text)
    return _NUMBERS.sub(lambda match: _DIGITS.sub(r"\1", match[0]), text)


def _with_palette(picture: str) -> str:
    """Convert a PNG picture in base64 to a palette, which takes a fraction of the space."""
    from PIL import Image

    image, file = Image.open(BytesIO(b64decode(picture))), BytesIO()
    # The only method that preserves transparency.
    image.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE).save(file, "png")
    return b64encode(file.getvalue()).decode()


def _entries(names: str) -> dict[str, Entry]:
    from lemur_core import installed

    if names == NONE:
        return {}
    registry = installed()
    if names == ALL:
        return dict(sorted(registry.names("figure").items()))
    chosen = [name.strip() for name in names.split("+") if name.strip()]
    if not chosen:
        raise SettingsError(f"figures is {names!r}; expected all, none, or names joined by +")
    return {name: registry.get("figure", name) for name in chosen}


def _is_by_dataset(draw: Any) -> bool:
    """Return whether each panel of a figure shows one dataset."""
    panels = getattr(draw, "panels", False)
    if callable(panels):
        parameters = inspect.signature(draw).parameters.values()
        panels = panels({parameter.name: parameter.default for parameter in parameters})
    return panels if isinstance(panels, bool) else "dataset" in panels


def _caption(text: str, figure: Figure) -> str:
    """Return a caption extended by the notes of the panels."""
    notes = dict.fromkeys(note_of(ax) for ax in figure.axes)
    return "; ".join([text, *(note for note in notes if note)])


def _compute_layout(figure: Figure) -> None:
    """Compute the layout of a figure once for all formats."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _rasterize(figure: Figure) -> None:
    """Rasterise the marks of axes with many points, which would take megabytes as vectors."""
    for ax in figure.axes:
        marks = _marks(ax)
        if sum(map(_count_points, marks)) > MOST_POINTS:
            for mark in marks:
                mark.set_rasterized(True)


def _marks(ax: Any) -> list[Any]:
    return [*ax.collections, *ax.lines, *ax.patches]


def _count_points(mark: Any) -> int:
    """Return the number of points of a line, a patch or a collection."""
    if hasattr(mark, "get_xdata"):
        return len(mark.get_xdata())
    if hasattr(mark, "get_offsets"):
        return max(len(mark.get_offsets()), sum(len(path.vertices) for path in mark.get_paths()))
    return len(mark.get_path().vertices)
