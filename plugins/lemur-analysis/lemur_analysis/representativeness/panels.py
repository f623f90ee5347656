"""Drawing of figures whose panels are not one per task, dataset and metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.figure import NothingToDrawError, axes_for, say_missing
from lemur_analysis.plot.fonts import set_fonts
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.axes import Axes
    from pandas import DataFrame

    from lemur_analysis.representativeness.correlation import Correlation

BLUE, ORANGE, RED, GREY = "#0173b2", "#de8f05", "#b00020", "#8a8a8a"
"""Colours of a colour-blind palette. The best nets are orange, the worst red, as in the paper."""
# Characters of a name that fits beside a correlation above a panel.
_LONG = 20


def draw_panels(ax: Any, panels: Mapping[str, Callable[[Axes], None]]) -> Any:
    """Draw each panel on its own axes; return an array of axes, or the axes of a single panel.

    A panel that raises `NothingToDrawError` shows the message. A panel that sets no title gets its
    key as title.

    Args:
        ax: Axes to draw on, one per panel; None creates a figure.
        panels: Functions that draw the panels, by title.
    """
    titles = list(panels)
    axes = axes_for(ax, titles)
    for panel, (title, draw) in zip(axes, panels.items(), strict=True):
        try:
            draw(panel)
        except NothingToDrawError as error:
            say_missing(panel, str(error))
        if title and not panel.get_title("left"):
            panel.set_title(label(title), loc="left", fontsize="medium")
        set_fonts(panel)
    return axes[0] if len(axes) == 1 else axes


def draw_nothing(ax: Any, text: str) -> Any:
    """Return axes with a message about what is missing for the whole figure."""
    return draw_panels(ax, {"": lambda panel: say_missing(panel, text)})


def missing_columns(frame: DataFrame, what: str, columns: Mapping[str, str]) -> str:
    """Return a message about columns that a frame lacks; empty if it has all.

    Args:
        frame: The frame.
        what: Subject of the message, for example "The gain of pretraining".
        columns: The needed columns, with a description of each.
    """
    absent = [f"{name!r} ({text})" for name, text in columns.items() if name not in frame.columns]
    if not absent:
        return ""
    return f"{what} needs the column {' and '.join(absent)}, which the results don't have"


def by_dataset(frame: DataFrame) -> dict[str, DataFrame]:
    """Return the rows of each dataset, with the datasets in order of first occurrence."""
    return dict(iter(frame.groupby("dataset", sort=False, observed=True)))


def identity(ax: Axes) -> None:
    """Draw the line of equal values, and set the same limits for both axes."""
    ends = [*ax.get_xlim(), *ax.get_ylim()]
    limits = (min(ends), max(ends))
    ax.plot(limits, limits, color=GREY, lw=0.8, ls="--", zorder=0)
    ax.set(xlim=limits, ylim=limits)


def set_title(ax: Axes, name: object, value: Correlation) -> None:
    """Set a panel's title to its name and a correlation, like "svhn: rho = 0.43, n = 30".

    The correlation is on a line of its own if both would reach into the next panel.
    """
    text = label(name)
    between = ": " if len(text) <= _LONG else ":\n"
    ax.set_title(f"{text}{between}{as_text(value)}", loc="left", fontsize="medium")


def as_text(value: Correlation, between: str = ", ") -> str:
    """Return a rank correlation as text, like "rho = 0.90 [0.78, 0.96], n = 31"."""
    if np.isnan(value.correlation):
        return f"rho unknown{between}n = {value.nets:,}"
    interval = "" if np.isnan(value.low) else f" [{value.low:.2f}, {value.high:.2f}]"
    return f"rho = {value.correlation:.2f}{interval}{between}n = {value.nets:,}"


def outer_legend(ax: Axes) -> None:
    """Draw a legend to the right of the axes, outside the drawing."""
    ax.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
