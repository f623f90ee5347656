"""Figures: the contract, and how one is made.

A figure's target is a callable ``figure(frame, ax=None, **options)`` that draws a frame of results
on matplotlib axes and returns them. Its options are keyword-only parameters, each with a default
that is a bool, int, float or str; ``lemur plot rolling-mean:window=3`` passes one.

`figure` makes such a function of one that draws a single panel:

    @figure(needs=("nn", "epoch", "accuracy"))
    def best(panel, *, log=False):
        panel.frame.groupby("nn")["accuracy"].max().plot.barh(ax=panel.ax, logx=log)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.frame import cell_columns, check_columns
from lemur_analysis.plot.style import Style, label, styles_of
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from lemur_core import Entry

PANEL_SIZE = (6.4, 4.2)
"""Width and height of a panel, in inches."""


class NothingToDrawError(Exception):
    """A panel cannot be drawn; the text says what is missing."""


@dataclass(frozen=True)
class Panel:
    """What is drawn on one pair of axes.

    Attributes:
        frame: Its rows, never none.
        ax: Where it is drawn.
        styles: Colour, marker and line of each net, the same in all panels of a figure.
    """

    frame: DataFrame
    ax: Axes
    styles: dict[str, Style]


def figure(
    *, needs: Sequence[str], panels: bool = True
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Make a figure of a function that draws one panel.

    Args:
        needs: Columns that the frame must have.
        panels: Whether each task, data set and metric has a panel; False draws all on one.
    """

    def decorate(draw: Callable[..., None]) -> Callable[..., Any]:
        @wraps(draw)
        def drawn(frame: DataFrame, ax: Any = None, **options: Any) -> Any:
            check_columns(frame, tuple(needs))
            parts = _parts(frame) if panels else [("", frame)]
            axes = axes_for(ax, [title for title, _ in parts])
            styles = styles_of(frame) if "nn" in frame.columns else {}
            for one, (title, part) in zip(axes, parts, strict=True):
                try:
                    if part.empty:
                        raise NothingToDrawError("no results")
                    draw(Panel(part, one, styles), **options)
                except NothingToDrawError as error:
                    say_missing(one, str(error))
                if title:
                    one.set_title(title)
            return axes[0] if len(axes) == 1 else axes

        drawn.panels = panels  # type: ignore[attr-defined]
        drawn.__signature__ = _signature(draw)  # type: ignore[attr-defined]
        return drawn

    return decorate


def details(entry: Entry) -> Iterator[str]:
    """Yield the lines that ``lemur show`` adds for a figure: its options with their defaults."""
    from lemur_core.kinds.options import options_of

    options = options_of("figure", entry.load(), entry.name)
    if options:
        yield f"{'options':<12}{', '.join(f'{name}={value}' for name, value in options.items())}"


def axes_for(ax: Any, titles: Sequence[str]) -> Any:
    """Return an array of axes, one for each title: those that were given, or those of a figure.

    Raises:
        SettingsError: Axes were given, but not as many as there are panels.
    """
    from matplotlib import pyplot as plt

    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(given) != len(titles):
            raise SettingsError(
                f"{len(titles)} panels ({'; '.join(titles)}) need as many axes, and ax has "
                f"{len(given)}; narrow the frame to one, or leave out ax"
            )
        return given
    across = min(len(titles), 2)
    down = -(-len(titles) // across)
    _, grid = plt.subplots(
        down,
        across,
        figsize=(PANEL_SIZE[0] * across, PANEL_SIZE[1] * down),
        squeeze=False,
        layout="constrained",
    )
    for one in grid.flat[len(titles) :]:
        one.remove()
    return grid.ravel()[: len(titles)]


def say_missing(ax: Axes, text: str) -> None:
    """Write on axes what is missing for the figure."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, wrap=True)


def _parts(frame: DataFrame) -> list[tuple[str, DataFrame]]:
    """Return the rows of each panel with its title."""
    by = cell_columns(frame)
    if frame.empty or not by:
        return [("", frame)]
    groups = frame.groupby(by, sort=True, observed=True, dropna=False)
    return [(", ".join(label(part) for part in key), part) for key, part in groups]


def _signature(draw: Callable[..., None]) -> inspect.Signature:
    _, *options = inspect.signature(draw).parameters.values()
    both = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [inspect.Parameter("frame", both), inspect.Parameter("ax", both, default=None), *options]
    )
