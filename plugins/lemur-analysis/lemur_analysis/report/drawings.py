"""The figures of a report: all that are installed, each drawn once and written in some format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from lemur_analysis.plot.figure import NothingToDrawError
from lemur_core.errors import LemurError, SettingsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from lemur_core import Entry, Results

DPI = 144
"""Resolution of what is pixels: twice a screen's, so that it prints well."""
MOST_POINTS = 500
"""Marks of more points than these are pixels in an SVG or PDF, not shapes."""
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


class Figures:
    """The installed figures that a report has.

    Args:
        results: What is reported; it shows the progress.
        names: ``all``, ``none``, or the names of figures, separated by ``+``.

    Attributes:
        notes: A line for each figure that is not there, with the reason.

    Raises:
        UnknownNameError: No figure has such a name.
    """

    def __init__(self, results: Results, names: str = ALL) -> None:
        self.notes: list[str] = []
        self._results = results
        self._failed: set[str] = set()
        self._drawers = dict(self._load(_entries(names)))
        self._done = self._total = 0

    def expect(self, sections: int) -> None:
        """Say of how many sections figures will be drawn, so that progress has a total."""
        panels = [_has_panels(draw) for _, draw in self._drawers.values()]
        self._total = sum(sections if has else 1 for has in panels)

    def of_section(self, frame: DataFrame, title: str, render: Render) -> list[Drawing]:
        """Draw the figures that have a panel for each task, data set and metric.

        Args:
            frame: The rows of one section.
            title: Of the section, for the captions.
            render: What is made of each; it is closed afterwards.
        """
        return list(self._drawn(frame, title, render, panels=True))

    def of_all(self, frame: DataFrame, render: Render) -> list[Drawing]:
        """Draw the figures that compare several data sets, as `of_section` does."""
        return list(self._drawn(frame, "all results", render, panels=False))

    def _load(self, entries: dict[str, Entry]) -> Iterator[tuple[str, tuple[Entry, Any]]]:
        for name, entry in entries.items():
            with self._guard(name, ""):
                yield name, (entry, entry.load())

    def _drawn(
        self, frame: DataFrame, title: str, render: Render, *, panels: bool
    ) -> Iterator[Drawing]:
        for name, (entry, draw) in self._drawers.items():
            if _has_panels(draw) is panels:
                with self._guard(name, title):
                    with drawn(draw, frame) as figure:
                        content = render(figure)
                        width, height = figure.get_size_inches()
                    yield Drawing(name, f"{entry.summary}: {title}", content, width, height)
                self._done += 1
                self._results.progress(self._done, max(self._done, self._total))

    @contextmanager
    def _guard(self, name: str, title: str) -> Iterator[None]:
        where = f" of {title}" if title else ""
        try:
            yield
        except NothingToDrawError as error:
            self.notes.append(f"no {name}{where}: {error}")
        except OSError as error:
            if not isinstance(error, LemurError):
                # The report itself cannot be written.
                raise
            self._fail(name, where, str(error))
        # A stranger's figure may raise anything, and must not cost the report.
        except Exception as error:
            kind = "" if isinstance(error, LemurError) else f"{type(error).__name__}: "
            self._fail(name, where, f"{kind}{error}")

    def _fail(self, name: str, where: str, why: str) -> None:
        line = f"figure {name!r}{where} was left out: {why.partition(chr(10))[0]}"
        self.notes.append(line)
        if name not in self._failed:
            self._failed.add(name)
            self._results.warn(line)


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
        missing = [_missing(one) for one in axes]
        if all(missing):
            raise NothingToDrawError(missing[0])
        _rasterize(figure)
        _settle(figure)
        yield figure
    finally:
        for number in {*plt.get_fignums()} - before:
            plt.close(number)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def svg(figure: Figure, salt: str) -> str:
    """Return a figure as an ``svg`` element for a page, its texts as texts.

    Args:
        figure: The figure.
        salt: A text that no other figure of the page has; the ids are made with it.
    """
    import matplotlib

    file = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(
            file,
            format="svg",
            dpi=DPI,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    return _element(file.getvalue())


_NUMBERS = re.compile(r' (?:d|x|y|transform|points)="[^"]*"')
_DIGITS = re.compile(r"(\.\d\d)\d+")
_FONTS = re.compile(r"(font(?:-family)?: (?:[a-z0-9. ]+ )?)'[^;\"]*")


def _element(text: str) -> str:
    """Return the element of an SVG file, without what a page doesn't need."""
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Nothing refers to the ids of groups, and all figures have the same.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s*", "\n", text)
    text = _FONTS.sub(r"\1var(--figure-font)", text)
    return _NUMBERS.sub(lambda found: _DIGITS.sub(r"\1", found[0]), text)


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


def _has_panels(draw: Any) -> bool:
    """Return whether a figure has a panel for each task, data set and metric."""
    return bool(getattr(draw, "panels", False))


def _missing(ax: Any) -> str:
    """Return the text of axes that have nothing else on them; empty where there is more."""
    if ax.axison or ax.lines or ax.collections or ax.patches or ax.images:
        return ""
    return " ".join(text.get_text() for text in ax.texts) or "nothing"


def _settle(figure: Figure) -> None:
    """Lay a figure out for all formats, each of which would do it again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _rasterize(figure: Figure) -> None:
    """Make marks of many points pixels: as shapes they would take megabytes."""
    for ax in figure.axes:
        for one in ax.collections:
            if len(one.get_offsets()) > MOST_POINTS:
                one.set_rasterized(True)
        for line in ax.lines:
            has_marks = line.get_marker() not in (None, "None", "", " ")
            if has_marks and len(line.get_xdata()) > MOST_POINTS:
                line.set_rasterized(True)
