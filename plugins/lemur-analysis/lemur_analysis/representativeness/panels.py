"""Figures of several panels that are not one per task, dataset and metric."""

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
"""Of the colour-blind palette; best nets are orange and worst ones red, as in the paper."""


def draw_panels(ax: Any, panels: Mapping[str, Callable[[Axes], None]]) -> Any:
    """Draw each panel on axes of its own and return them: an array, or the axes of a single one.

    A panel that raises `NothingToDrawError` says what is missing instead. One that sets no title
    has its name for it.

    Args:
        ax: Axes to draw on, as many as there are panels; None makes a figure.
        panels: What draws each, by its title.
    """
    titles = list(panels)
    axes = axes_for(ax, titles)
    for one, (title, draw) in zip(axes, panels.items(), strict=True):
        try:
            draw(one)
        except NothingToDrawError as error:
            say_missing(one, str(error))
        if title and not one.get_title("left"):
            one.set_title(label(title), loc="left", fontsize="medium")
        set_fonts(one)
    return axes[0] if len(axes) == 1 else axes


def draw_nothing(ax: Any, text: str) -> Any:
    """Return axes that say what is missing for a whole figure."""
    return draw_panels(ax, {"": lambda one: say_missing(one, text)})


def missing_columns(frame: DataFrame, what: str, columns: Mapping[str, str]) -> str:
    """Return what is said of columns that a figure needs and a frame lacks; "" if it has all.

    Args:
        frame: The frame.
        what: Is drawn, such as "The gain of pretraining".
        columns: What each column means.
    """
    absent = [f"{name!r} ({text})" for name, text in columns.items() if name not in frame.columns]
    if not absent:
        return ""
    return f"{what} needs the column {' and '.join(absent)}, which the results don't have"


def by_dataset(frame: DataFrame) -> dict[str, DataFrame]:
    """Return the rows of each dataset, in the order in which they first occur."""
    return dict(iter(frame.groupby("dataset", sort=False, observed=True)))


def identity(ax: Axes) -> None:
    """Draw the line of equal values, and give both axes the same limits."""
    ends = [*ax.get_xlim(), *ax.get_ylim()]
    limits = (min(ends), max(ends))
    ax.plot(limits, limits, color=GREY, lw=0.8, ls="--", zorder=0)
    ax.set(xlim=limits, ylim=limits)


def set_title(ax: Axes, name: object, value: Correlation) -> None:
    """Set a title of a panel's name and a correlation, such as "svhn: rho = 0.43, n = 30"."""
    ax.set_title(f"{label(name)}: {as_text(value)}", loc="left", fontsize="medium")


def as_text(value: Correlation, between: str = ", ") -> str:
    """Return a rank correlation as text, such as "rho = 0.90 [0.78, 0.96], n = 31"."""
    if np.isnan(value.correlation):
        return f"rho unknown{between}n = {value.nets:,}"
    interval = "" if np.isnan(value.low) else f" [{value.low:.2f}, {value.high:.2f}]"
    return f"rho = {value.correlation:.2f}{interval}{between}n = {value.nets:,}"


def outer_legend(ax: Axes) -> None:
    """Draw a legend beside the axes, where it covers no data."""
    ax.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
