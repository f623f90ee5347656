"""The panels of a figure: which rows each shows, and the axes that they are drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.style import label
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame

PANEL_SIZE = (6.4, 4.2)
"""Width and height of a panel that stands alone, in inches."""
SMALL_PANEL_SIZE = (5.2, 3.5)
"""Width and height of one of several, so that two beside each other can be read on a page."""
MOST_PANELS = 40
"""So many can be drawn in one figure."""
_ROW_HEIGHT = 0.155


def parts_of(frame: DataFrame, by: Sequence[str]) -> list[tuple[str, DataFrame]]:
    """Return the rows of each panel with its title: of each value of the columns that there are."""
    present = [name for name in by if name in frame.columns]
    if frame.empty or not present:
        return [("", frame)]
    groups = frame.groupby(present, sort=True, observed=True, dropna=False)
    return [(", ".join(label(part) for part in key), part) for key, part in groups]


def axes_for(ax: Any, titles: Sequence[str], rows: Sequence[int] = ()) -> Any:
    """Return an array of axes, one for each title: those that were given, or those of a figure.

    Args:
        ax: One pair of axes, several, or None.
        titles: Of the panels.
        rows: How many rows of text stand beside each panel, which is made higher for many.

    Raises:
        SettingsError: Axes were given, but not as many as there are panels; or there are more
            panels than a figure can hold.
    """
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(given) != len(titles):
            raise SettingsError(
                f"{len(titles)} panels ({_some(titles)}) need as many axes, and ax has "
                f"{len(given)}; narrow the frame to one, or leave out ax"
            )
        return given
    if len(titles) > MOST_PANELS:
        raise SettingsError(
            f"{len(titles)} panels ({_some(titles)}) are more than a figure holds, {MOST_PANELS}; "
            "narrow the frame"
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
    for one in grid.flat[count:]:
        one.remove()
    return grid.ravel()[:count]


def _heights(down: int, across: int, height: float, rows: Sequence[int]) -> Iterator[float]:
    for line in range(down):
        most = max(rows[line * across : (line + 1) * across], default=0)
        yield max(height, 1 + _ROW_HEIGHT * most)


def _some(titles: Sequence[str]) -> str:
    return "; ".join(titles[:6]) + ("; ..." if len(titles) > 6 else "")
