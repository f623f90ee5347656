"""The contract of figures, and the decorator `figure` to write one.

The target of a figure is a callable ``figure(frame, ax=None, **options)`` that draws a frame of
results on matplotlib axes and returns the axes. Its options are keyword-only parameters, each with
a default that is a bool, int, float or str. For example, ``lemur plot rolling-mean:window=3`` sets
the option ``window``.

The decorator `figure` turns a function that draws a single panel into a figure:

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
    """One panel of a figure.

    Attributes:
        frame: The rows to draw, at least one.
        ax: The axes to draw on.
        styles: Colour, marker and line style of each net, the same in all panels of a task.
    """

    frame: DataFrame
    ax: Axes
    styles: dict[Any, FigureStyle]


@dataclass(frozen=True)
class Page:
    """Panels of a figure that are drawn together.

    Attributes:
        axes: The axes of the panels.
        titles: The titles of the panels.
        number: Number of the page, from 1.
        count: Number of pages of the figure.
    """

    axes: Any
    titles: tuple[str, ...]
    number: int = 1
    count: int = 1


def figure(
    *, needs: Sequence[str], uses: Sequence[str] = (), panels: Panels = True, rows: str = ""
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Turn a function that draws one panel into a figure.

    The figure has the attributes ``needs``, ``uses`` and ``panels``, as given here, and ``pages``,
    a callable ``pages(frame, panels, **options)`` that yields one `Page` after another, each with
    at most ``panels`` panels.

    Args:
        needs: Columns that the frame must have.
        uses: Optional columns that the figure also uses.
        panels: True: one panel per task, dataset and metric. False: a single panel. Column names:
            one panel per combination of their values. A callable takes the values of all options
            and returns column names.
        rows: A column whose values are drawn as rows of a panel; the height of the panel grows
            with their number.
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

        def on_axes(ax: Any, titled: list[tuple[str, Panel]], options: Mapping[str, Any]) -> Any:
            row_counts = [panel.frame[rows].nunique() if rows else 0 for _, panel in titled]
            axes = axes_for(ax, [title for title, _ in titled], row_counts)
            try:
                for panel_ax, (title, panel) in zip(axes, titled, strict=True):
                    _draw(draw, Panel(panel.frame, panel_ax, panel.styles), title, options)
            except BaseException:
                _close(axes[0] if ax is None else None)
                raise
            return axes

        @wraps(draw)
        def draw_figure(frame: DataFrame, ax: Any = None, **options: Any) -> Any:
            axes = on_axes(ax, parts(frame, options), options)
            return axes[0] if len(axes) == 1 else axes

        def pages(frame: DataFrame, panels: int, **options: Any) -> Iterator[Page]:
            titled = parts(frame, options)
            chunks = [titled[start : start + panels] for start in range(0, len(titled), panels)]
            for number, chunk in enumerate(chunks, 1):
                titles = tuple(title for title, _ in chunk)
                yield Page(on_axes(None, chunk, options), titles, number, len(chunks))

        draw_figure.__signature__ = _signature(draw)  # type: ignore[attr-defined]
        for name, value in (
            ("needs", tuple(needs)),
            ("uses", tuple(uses)),
            ("panels", panels),
            ("pages", pages),
        ):
            setattr(draw_figure, name, value)
        return draw_figure

    return decorate


def details(entry: Entry) -> Iterator[str]:
    """Yield the lines that ``lemur show`` adds for a figure: the options and their defaults."""
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
    """Return the styles of the nets by task; the key None has the styles of all nets.

    Each task is ranked separately, as tasks have few nets in common.
    """
    if "nn" not in frame.columns:
        return {}
    styles = {None: styles_of(frame)}
    if "task" in frame.columns:
        tasks = dict(list(frame.groupby("task", observed=True)))
        for task, part in tasks.items():
            styles[task] = styles[None] if len(part) == len(frame) else styles_of(part)
    return styles


def _task(part: DataFrame) -> Any:
    tasks = part["task"].dropna().unique() if "task" in part.columns else []
    return tasks[0] if len(tasks) == 1 else None


def _signature(draw: Callable[..., None]) -> inspect.Signature:
    _, *options = inspect.signature(draw).parameters.values()
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter("frame", either),
            inspect.Parameter("ax", either, default=None),
            *options,
        ]
    )
