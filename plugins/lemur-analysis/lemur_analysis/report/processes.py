"""Draw the figures of a report and write its files, in several processes where there are many."""

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
# Fewer figures are drawn before other processes have imported what draws them.
_MANY = 40
# Each holds a few hundred MiB.
_MOST_PROCESSES = 4


@dataclass(frozen=True)
class Part:
    """Rows whose figures are drawn.

    Attributes:
        frame: The rows.
        title: Of a section, for the captions; None for all rows, of which only the figures that
            compare data sets are drawn.
    """

    frame: DataFrame
    title: str | None = None


def draw_parts(
    figures: Figures, parts: Sequence[Part], formats: Sequence[str]
) -> list[list[Drawing]]:
    """Return the figures of each part, each with its ``content`` by format.

    Args:
        figures: Which figures. It is told what is not drawn.
        parts: Of what.
        formats: `PNG` or `SVG` or both: the formats that each figure is needed in.
    """
    if _processes(figures.total) < 2:
        return [_draw(figures, part, formats, place) for place, part in enumerate(parts)]
    return list(_drawn_elsewhere(figures, parts, formats))


def call_all(calls: Sequence[Callable[[], Any]], *, figures: int) -> list[Any]:
    """Return what each call returns; they run where the figures of a report were drawn.

    Args:
        calls: What is called; it can be pickled, and so can what it returns.
        figures: How many figures the report has.
    """
    processes = _processes(figures)
    return [call() for call in calls] if processes < 2 else list(_elsewhere(processes, calls))


def _processes(figures: int) -> int:
    from joblib import cpu_count

    return 1 if figures < _MANY else min(cpu_count(), _MOST_PROCESSES)


def _elsewhere(processes: int, calls: Iterable[Callable[[], Any]]) -> Iterator[Any]:
    """Yield what each call returns, in their order; processes are used again."""
    from joblib import Parallel, delayed

    # Its processes leave the main module of a user's program alone.
    run = Parallel(n_jobs=processes, batch_size=1, max_nbytes=None, return_as="generator")
    yield from run(delayed(call)() for call in calls)


def _drawn_elsewhere(
    figures: Figures, parts: Sequence[Part], formats: Sequence[str]
) -> Iterator[list[Drawing]]:
    import matplotlib

    # A theme of seaborn's is settings of matplotlib.
    theme: Any = {name: value for name, value in matplotlib.rcParams.items() if name != "backend"}
    calls = (
        partial(_draw_elsewhere, theme, figures.names, part, formats, place)
        for place, part in enumerate(parts)
    )
    for drawn, log in _elsewhere(_processes(figures.total), calls):
        figures.take(log)
        yield drawn


def _draw_elsewhere(
    theme: Any, names: str, part: Part, formats: Sequence[str], place: int
) -> tuple[list[Drawing], drawings.Log]:
    import matplotlib

    matplotlib.use("agg")
    figures = Figures(None, names)
    with matplotlib.rc_context(theme):
        return _draw(figures, part, formats, place), figures.log


def _draw(figures: Figures, part: Part, formats: Sequence[str], place: int) -> list[Drawing]:
    number = 0

    def render(figure: Figure) -> dict[str, Any]:
        nonlocal number
        number += 1
        made: dict[str, Any] = {}
        if SVG in formats:
            made[SVG] = drawings.svg(figure, f"{place}-{number}")
        if PNG in formats:
            made[PNG] = drawings.png(figure)
        return made

    if part.title is None:
        return figures.of_all(part.frame, render)
    return figures.of_section(part.frame, part.title, render)
