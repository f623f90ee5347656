"""The figures of a report: all that are installed, each drawn once and written in some format."""

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
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from lemur_core import Entry, Results

DPI = 120
"""Pixels of an inch, in a PNG and of the marks that are pixels in an SVG."""
MOST_POINTS = 3000
"""Axes whose marks have more points than these show them as pixels in an SVG or PDF."""
_COLOURS = 128
ALL, NONE = "all", "none"
Render = Callable[["Figure"], Any]


@dataclass(frozen=True)
class Drawing:
    """A figure that was drawn.

    Attributes:
        name: Of the figure, ``rolling-mean`` say.
        caption: What it shows, of which results.
        content: What was made of it: bytes by format, for example.
        width: In inches.
        height: In inches.
    """

    name: str
    caption: str
    content: Any
    width: float
    height: float


@dataclass
class Log:
    """What was and was not drawn.

    Attributes:
        done: How many figures were tried.
        notes: A line for each figure that is not there, with the reason.
        failed: A line for the first time that a figure raised, by its name.
    """

    done: int = 0
    notes: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


class Figures:
    """The installed figures that a report has.

    Args:
        results: What is reported; it shows progress and warnings. None shows neither.
        names: ``all``, ``none``, or the names of figures, separated by ``+``.

    Attributes:
        names: As given.
        log: What was and was not drawn.
        total: How many figures are expected, after `expect`.

    Raises:
        UnknownNameError: No figure has such a name.
    """

    def __init__(self, results: Results | None, names: str = ALL) -> None:
        self.names, self.log, self.total = names, Log(), 0
        self._results = results
        self._drawers = dict(self._load(_entries(names)))

    @property
    def notes(self) -> list[str]:
        """A line for each figure that is not there, with the reason."""
        return self.log.notes

    def expect(self, sections: int) -> None:
        """Say of how many sections figures will be drawn, so that progress has a total."""
        by = [_is_by_dataset(draw) for _, draw in self._drawers.values()]
        self.total = sum(sections if one else 1 for one in by)

    def take(self, log: Log) -> None:
        """Add what was and was not drawn by another process."""
        self.log.notes += log.notes
        for name, line in log.failed.items():
            self._warn_once(name, line)
        self._count(log.done)

    def of_section(self, frame: DataFrame, title: str, render: Render) -> list[Drawing]:
        """Draw the figures whose panels show one dataset each.

        Args:
            frame: The rows of one section.
            title: Of the section, for the captions.
            render: What is made of each; it is closed afterwards.
        """
        return list(self._drawn(frame, title, render, by_dataset=True))

    def of_all(self, frame: DataFrame, render: Render) -> list[Drawing]:
        """Draw the other figures, as `of_section` does."""
        return list(self._drawn(frame, "all results", render, by_dataset=False))

    def _load(self, entries: dict[str, Entry]) -> Iterator[tuple[str, tuple[Entry, Any]]]:
        for name, entry in entries.items():
            with self._guard(name, ""):
                yield name, (entry, entry.load())

    def _drawn(
        self, frame: DataFrame, title: str, render: Render, *, by_dataset: bool
    ) -> Iterator[Drawing]:
        for name, (entry, draw) in self._drawers.items():
            if _is_by_dataset(draw) is by_dataset:
                with self._guard(name, title):
                    with drawn(draw, frame) as figure:
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
        where = f" of {title}" if title else ""
        try:
            yield
        except NothingToDrawError as error:
            self.notes.append(f"no {name}{where}: {error}")
        except SettingsError as error:
            # The results lack a column that it shows, or have too many panels.
            self.notes.append(f"no {name}{where}: {error}")
        # A stranger's figure may raise anything, and must not cost the report.
        except Exception as error:
            why = f"{type(error).__name__}: {error}".partition("\n")[0]
            self.notes.append(f"no {name}{where}: it failed with {why}")
            self._warn_once(name, f"figure {name!r}{where} failed and is left out: {why}")


@contextmanager
def drawn(draw: Callable[..., Any], frame: DataFrame) -> Iterator[Figure]:
    """Draw a figure, give it with its layout settled, and close it afterwards.

    Raises:
        NothingToDrawError: None of its panels has anything but a text that says so.
    """
    import numpy as np
    from matplotlib import pyplot as plt

    before = {*plt.get_fignums()}
    try:
        axes = np.atleast_1d(np.asarray(draw(frame), dtype=object)).ravel()
        figure = axes[0].figure
        missing = [missing_of(one) for one in axes]
        if all(missing):
            raise NothingToDrawError("; ".join(dict.fromkeys(missing)))
        _rasterize(figure)
        _settle(figure)
        yield figure
    finally:
        for number in {*plt.get_fignums()} - before:
            plt.close(number)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    file = BytesIO()
    with _on(FigureCanvasAgg, figure) as canvas:
        canvas.print_png(file)
    return file.getvalue()


def svg(figure: Figure, salt: str) -> str:
    """Return a figure as an ``svg`` element for a page, its texts as texts.

    Args:
        figure: The figure.
        salt: A text that no other figure of the page has; the ids are made with it.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = StringIO()
    made = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}),
        _on(FigureCanvasSVG, figure) as canvas,
    ):
        canvas.print_svg(file, metadata=made)
    return _element(file.getvalue())


@contextmanager
def _on(canvas: type[Any], figure: Figure) -> Iterator[Any]:
    """Give a canvas that draws a figure once: `Figure.savefig` draws it twice, for its layout."""
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
    """Return the element of an SVG file, without what a page doesn't need."""
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Nothing refers to the ids of groups, and all figures have the same.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s*", "\n", text)
    text = _PIXELS.sub(lambda found: found[1] + _smaller(found[2]), text)
    text = _FONTS.sub(r"\1DejaVu Sans,Verdana,sans-serif", text)
    return _NUMBERS.sub(lambda found: _DIGITS.sub(r"\1", found[0]), text)


def _smaller(picture: str) -> str:
    """Return a PNG in base64 with a palette, which takes a fraction of the room."""
    from PIL import Image

    whole, file = Image.open(BytesIO(b64decode(picture))), BytesIO()
    # Of the methods it is the one that keeps what is transparent.
    whole.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE).save(file, "png")
    return b64encode(file.getvalue()).decode()


def _entries(names: str) -> dict[str, Entry]:
    from lemur_core import installed

    if names == NONE:
        return {}
    registry = installed()
    if names == ALL:
        return dict(sorted(registry.names("figure").items()))
    wanted = [name.strip() for name in names.split("+") if name.strip()]
    if not wanted:
        raise SettingsError(f"figures is {names!r}; expected all, none, or names joined by +")
    return {name: registry.get("figure", name) for name in wanted}


def _is_by_dataset(draw: Any) -> bool:
    """Return whether each panel of a figure shows one dataset."""
    panels = getattr(draw, "panels", False)
    if callable(panels):
        parameters = inspect.signature(draw).parameters.values()
        panels = panels({one.name: one.default for one in parameters})
    return panels if isinstance(panels, bool) else "dataset" in panels


def _caption(text: str, figure: Figure) -> str:
    """Return a caption with what the panels say of their records."""
    notes = dict.fromkeys(note_of(ax) for ax in figure.axes)
    return "; ".join([text, *(note for note in notes if note)])


def _settle(figure: Figure) -> None:
    """Lay a figure out for all formats, each of which would do it again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _rasterize(figure: Figure) -> None:
    """Make the marks of axes that have many points pixels: as shapes they take megabytes."""
    for ax in figure.axes:
        marks = [*ax.collections, *ax.lines, *ax.patches]
        if sum(map(_points, marks)) > MOST_POINTS:
            for one in marks:
                one.set_rasterized(True)


def _points(mark: Any) -> int:
    """Return how many points a line, a patch or a collection has."""
    if hasattr(mark, "get_xdata"):
        return len(mark.get_xdata())
    if hasattr(mark, "get_offsets"):
        return max(len(mark.get_offsets()), sum(len(one.vertices) for one in mark.get_paths()))
    return len(mark.get_path().vertices)
