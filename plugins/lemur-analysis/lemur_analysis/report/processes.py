"""Draw the figures of a report and write its files, in several processes if there are many."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lemur_analysis.report import drawings
from lemur_analysis.report.drawings import Drawing, Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from matplotlib.figure import Figure
    from pandas import DataFrame

PNG, SVG = "png", "svg"
# Fewer figures are drawn faster than other processes can import matplotlib.
_MANY = 40
# Each process needs a few hundred MiB.
_MOST_PROCESSES = 4


@dataclass(frozen=True)
class ReportPart:
    """A part of a report for which figures are drawn.

    Attributes:
        frame: The rows of the part.
        title: Title of a section, for the captions. None: the part is all rows, for which only the
            figures that compare datasets are drawn.
    """

    frame: DataFrame
    title: str | None = None


def draw_parts(
    figures: Figures, parts: Sequence[ReportPart], formats: Sequence[str]
) -> list[list[Drawing]]:
    """Return the figures of each part; ``content`` maps formats to pictures.

    Args:
        figures: The figures to draw; its log records those that are left out.
        parts: The parts of the report.
        formats: Formats of the figures, `PNG`, `SVG` or both.
    """
    if _processes(figures.total) < 2:
        return [_draw(figures, part, formats, place) for place, part in enumerate(parts)]
    return list(_draw_in_processes(figures, parts, formats))


def call_all(calls: Sequence[Callable[[], Any]], *, figures: int) -> list[Any]:
    """Return the result of each call; they use the processes that drew the report's figures.

    Args:
        calls: Functions without arguments; they and their results can be pickled.
        figures: Number of figures in the report.
    """
    processes = _processes(figures)
    return (
        [call() for call in calls] if processes < 2 else list(_call_in_processes(processes, calls))
    )


def _processes(figures: int) -> int:
    from joblib import cpu_count

    return 1 if figures < _MANY else min(cpu_count(), _MOST_PROCESSES)


def _call_in_processes(processes: int, calls: Iterable[Callable[[], Any]]) -> Iterator[Any]:
    """Yield the result of each call in order; processes are reused."""
    from joblib import Parallel, delayed

    # joblib's processes do not import the main module of the user's program.
    run = Parallel(n_jobs=processes, batch_size=1, max_nbytes=None, return_as="generator")
    yield from run(delayed(call)() for call in calls)


def _draw_in_processes(
    figures: Figures, parts: Sequence[ReportPart], formats: Sequence[str]
) -> Iterator[list[Drawing]]:
    import matplotlib

    # Pass on matplotlib's settings, with which seaborn implements its themes.
    theme: Any = {name: value for name, value in matplotlib.rcParams.items() if name != "backend"}
    calls = (
        partial(_draw_in_child, theme, figures.names, part, formats, place)
        for place, part in enumerate(parts)
    )
    for part_drawings, log in _call_in_processes(_processes(figures.total), calls):
        figures.merge(log)
        yield part_drawings


def _draw_in_child(
    theme: Any, names: str, part: ReportPart, formats: Sequence[str], place: int
) -> tuple[list[Drawing], drawings.DrawingLog]:
    import matplotlib

    matplotlib.use("agg")
    figures = Figures(None, names)
    with matplotlib.rc_context(theme):
        return _draw(figures, part, formats, place), figures.log


def _draw(figures: Figures, part: ReportPart, formats: Sequence[str], place: int) -> list[Drawing]:
    number = 0

    def render(figure: Figure) -> dict[str, Any]:
        nonlocal number
        number += 1
        pictures: dict[str, Any] = {}
        if SVG in formats:
            pictures[SVG] = drawings.svg(figure, f"{place}-{number}")
        if PNG in formats:
            pictures[PNG] = drawings.png(figure)
        return pictures

    if part.title is None:
        return figures.of_all(part.frame, render)
    return figures.of_section(part.frame, part.title, render)
