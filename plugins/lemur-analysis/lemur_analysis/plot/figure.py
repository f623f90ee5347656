"""Figures: the contract, and how one is made.

A figure's target is a callable ``figure(frame, ax=None, **options)`` that draws a frame of results
on matplotlib axes and returns them. Its options are keyword-only parameters, each with a default
that is a bool, int, float or str; ``lemur plot rolling-mean:window=3`` passes one.

`figure` makes such a function of one that draws a single panel:

    @figure(needs=("nn", "epoch", "accuracy"))
    def best(panel, *, log=False):
        frame = complete(panel.ax, panel.frame, "accuracy")
        frame.groupby("nn")["accuracy"].max().plot.barh(ax=panel.ax, logx=log)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.plot.fonts import set_fonts
from lemur_analysis.plot.notes import (
    NothingToDrawError,
    add_note,
    complete,
    missing_of,
    note_epochs,
    note_of,
    say_missing,
    set_title,
)
from lemur_analysis.plot.panels import PANEL_SIZE, axes_for, parts_of
from lemur_analysis.plot.style import FigureStyle, styles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from lemur_core import Entry

__all__ = [
    "PANEL_SIZE",
    "NothingToDrawError",
    "Panel",
    "add_note",
    "axes_for",
    "complete",
    "details",
    "figure",
    "missing_of",
    "note_epochs",
    "note_of",
    "say_missing",
]

Panels = bool | Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]


@dataclass(frozen=True)
class Panel:
    """What is drawn on one pair of axes.

    Attributes:
        frame: Its rows, never none.
        ax: Where it is drawn.
        styles: Colour, marker and line of each net, the same in all panels of a task.
    """

    frame: DataFrame
    ax: Axes
    styles: dict[Any, FigureStyle]


@dataclass(frozen=True)
class Page:
    """Several panels of a figure, drawn together.

    Attributes:
        axes: Of the panels.
        titles: Of the panels.
        number: Its place, from 1.
        count: Pages that the figure has.
    """

    axes: Any
    titles: tuple[str, ...]
    number: int = 1
    count: int = 1


def figure(
    *, needs: Sequence[str], uses: Sequence[str] = (), panels: Panels = True, rows: str = ""
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Make a figure of a function that draws one panel.

    The figure has the attributes ``needs``, ``uses`` and ``panels``, as given here, and ``pages``,
    a callable ``pages(frame, panels, **options)`` that yields a `Page` of at most so many panels
    after another.

    Args:
        needs: Columns that the frame must have.
        uses: Columns that it draws as well if the frame has them.
        panels: Whether each task, dataset and metric has a panel; False draws all on one. Names
            of columns make a panel of each of their values, as does a callable that takes the
            values of all options and returns such names.
        rows: A column each of whose values is a row of the panel, which is made as high as they
            need.
    """

    def decorate(draw: Callable[..., None]) -> Callable[..., Any]:
        def parts(frame: DataFrame, options: Mapping[str, Any]) -> list[tuple[str, Panel]]:
            check_columns(frame, tuple(needs))
            columns = _columns(panels, draw, options)
            styles = _styles(frame)
            return [
                (title, Panel(part, None, styles.get(_task(part), {})))  # type: ignore[arg-type]
                for title, part in parts_of(frame, columns)
            ]

        def on_axes(ax: Any, made: list[tuple[str, Panel]], options: Mapping[str, Any]) -> Any:
            high = [one.frame[rows].nunique() if rows else 0 for _, one in made]
            axes = axes_for(ax, [title for title, _ in made], high)
            try:
                for one, (title, panel) in zip(axes, made, strict=True):
                    _draw(draw, Panel(panel.frame, one, panel.styles), title, options)
            except BaseException:
                _close(axes[0] if ax is None else None)
                raise
            return axes

        @wraps(draw)
        def drawn(frame: DataFrame, ax: Any = None, **options: Any) -> Any:
            axes = on_axes(ax, parts(frame, options), options)
            return axes[0] if len(axes) == 1 else axes

        def pages(frame: DataFrame, panels: int, **options: Any) -> Iterator[Page]:
            made = parts(frame, options)
            some = [made[start : start + panels] for start in range(0, len(made), panels)]
            for number, page in enumerate(some, 1):
                titles = tuple(title for title, _ in page)
                yield Page(on_axes(None, page, options), titles, number, len(some))

        drawn.__signature__ = _signature(draw)  # type: ignore[attr-defined]
        for name, value in (
            ("needs", tuple(needs)),
            ("uses", tuple(uses)),
            ("panels", panels),
            ("pages", pages),
        ):
            setattr(drawn, name, value)
        return drawn

    return decorate


def details(entry: Entry) -> Iterator[str]:
    """Yield the lines that ``lemur show`` adds for a figure: its options with their defaults."""
    from lemur_core.options import options_of

    options = options_of("figure", entry.load(), entry.name)
    if options:
        yield f"{'options':<12}{', '.join(f'{name}={value}' for name, value in options.items())}"


def _draw(draw: Callable[..., None], panel: Panel, title: str, options: Mapping[str, Any]) -> None:
    try:
        if panel.frame.empty:
            raise NothingToDrawError("no results")
        draw(panel, **options)
    except NothingToDrawError as error:
        say_missing(panel.ax, str(error))
    if title:
        set_title(panel.ax, title)
    set_fonts(panel.ax)


def _close(ax: Axes | None) -> None:
    from matplotlib import pyplot as plt

    if ax is not None:
        figure: Any = ax.figure
        plt.close(figure)


def _columns(
    panels: Panels, draw: Callable[..., None], options: Mapping[str, Any]
) -> Sequence[str]:
    if isinstance(panels, bool):
        return CELL if panels else ()
    if callable(panels):
        bound = inspect.signature(draw).bind(None, **options)
        bound.apply_defaults()
        return panels(bound.kwargs)
    return panels


def _styles(frame: DataFrame) -> dict[Any, dict[Any, FigureStyle]]:
    """Return the styles of the nets of each task, and of all at None.

    Tasks have few nets in common, and each has its own best.
    """
    if "nn" not in frame.columns:
        return {}
    found = {None: styles_of(frame)}
    if "task" in frame.columns:
        tasks = dict(list(frame.groupby("task", observed=True)))
        for task, part in tasks.items():
            found[task] = found[None] if len(part) == len(frame) else styles_of(part)
    return found


def _task(part: DataFrame) -> Any:
    tasks = part["task"].dropna().unique() if "task" in part.columns else []
    return tasks[0] if len(tasks) == 1 else None


def _signature(draw: Callable[..., None]) -> inspect.Signature:
    _, *options = inspect.signature(draw).parameters.values()
    both = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [inspect.Parameter("frame", both), inspect.Parameter("ax", both, default=None), *options]
    )
