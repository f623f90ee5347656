"""Panels of a figure: the rows that each shows, and the axes to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.style import label
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame

PANEL_SIZE = (6.4, 4.2)
"""Width and height of a single panel, in inches."""
SMALL_PANEL_SIZE = (5.2, 3.5)
"""Width and height of each of several panels, in inches, so that two fit side by side on a page."""
MOST_PANELS = 40
"""Maximum number of panels in one figure."""
_ROW_HEIGHT = 0.155


def parts_of(frame: DataFrame, by: Sequence[str]) -> list[tuple[str, DataFrame]]:
    """Return title and rows of each panel: one per combination of values of the columns ``by``."""
    present = [name for name in by if name in frame.columns]
    if frame.empty or not present:
        return [("", frame)]
    groups = frame.groupby(present, sort=True, observed=True, dropna=False)
    return [(", ".join(label(part) for part in key), part) for key, part in groups]


def axes_for(ax: Any, titles: Sequence[str], rows: Sequence[int] = ()) -> Any:
    """Return an array with one axes object per title: the given axes, or those of a new figure.

    Args:
        ax: One axes object, several, or None to create a figure.
        titles: Titles of the panels.
        rows: Number of text rows beside each panel; the panel's height grows with it.

    Raises:
        SettingsError: The number of given axes is not the number of panels, or there are more than
            `MOST_PANELS` panels.
    """
    if ax is not None:
        axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(axes) != len(titles):
            raise SettingsError(
                f"{len(titles)} panels ({_first_titles(titles)}) need as many axes, but ax has "
                f"{len(axes)}; select the results of one panel, or omit ax"
            )
        return axes
    if len(titles) > MOST_PANELS:
        raise SettingsError(
            f"{len(titles)} panels ({_first_titles(titles)}) exceed the maximum per figure, "
            f"{MOST_PANELS}; select fewer results"
        )
    return _grid(len(titles), rows)


def _grid(count: int, rows: Sequence[int]) -> Any:
    from matplotlib import pyplot as plt

    across = min(count, 2)
    down = -(-count // across)
    width, height = PANEL_SIZE if count == 1 else SMALL_PANEL_SIZE
    heights = list(_heights(down, across, height, rows))
    _, grid = plt.subplots(
        down,
        across,
        figsize=(width * across, sum(heights)),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for ax in grid.flat[count:]:
        ax.remove()
    return grid.ravel()[:count]


def _heights(down: int, across: int, height: float, rows: Sequence[int]) -> Iterator[float]:
    for line in range(down):
        most = max(rows[line * across : (line + 1) * across], default=0)
        yield max(height, 1 + _ROW_HEIGHT * most)


def _first_titles(titles: Sequence[str]) -> str:
    return "; ".join(titles[:6]) + ("; ..." if len(titles) > 6 else "")
