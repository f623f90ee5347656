"""Drawing of `lemur_analysis.pairs.pair_space`, the 3D space of hyperparameters."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.pairs.panels import (
    NO_PAIRS,
    axis_label,
    count_text,
    holds_no_pairs,
    panel_title,
)
from lemur_analysis.pairs.table import Pairs, read_pairs, short_name, split_names
from lemur_analysis.plot.figure import PANEL_SIZE
from lemur_analysis.plot.fonts import set_fonts
from lemur_analysis.plot.style import GREY
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import Series

_USUAL = (("batch", "batch_size"), ("lr", "learning_rate"), ("epochs",), ("adam_epsilon",))
_SIZES = (8.0, 70.0)
"""Areas of the smallest and largest markers, in points squared."""


def draw_space(frame: Any, ax: Any, axes: str, scores: str, hyperparameters: str) -> Any:
    """Draw each group of pairs in a space of three hyperparameters."""
    if holds_no_pairs(frame, scores):
        [message_ax] = _axes(ax, 1)
        _draw_message(message_ax, NO_PAIRS)
        return message_ax
    parts = list(read_pairs(frame, scores, hyperparameters).groups())
    panel_axes = _axes(ax, len(parts))
    for panel_ax, (key, part) in zip(panel_axes, parts, strict=True):
        names = axis_columns(part, axes)
        panel_ax.set_title(panel_title(key), loc="left", fontsize="medium")
        if part.complete.frame.empty:
            _draw_message(panel_ax, "no pair has both scores")
        elif len(names) < 3:
            _draw_message(panel_ax, "fewer than three hyperparameters vary")
        else:
            _draw(panel_ax, part, names)
        set_fonts(panel_ax)
    return panel_axes[0] if len(panel_axes) == 1 else panel_axes


def axis_columns(pairs: Pairs, axes: str) -> list[str]:
    """Return the columns along x, y and z, and the one shown as size if there are four.

    Args:
        pairs: The pairs.
        axes: Names of hyperparameters, separated by ``+``; if empty, those that vary are chosen.

    Raises:
        SettingsError: A name is not that of a hyperparameter, or there are not three or four names.
    """
    by_name = {short_name(name): name for name in pairs.hyperparameters}
    if axes:
        names = split_names(axes)
        for name in names:
            if name not in by_name and name not in by_name.values():
                available = ", ".join(by_name) or "none"
                raise SettingsError(f"axes: no hyperparameter {name!r}; there are {available}")
        if len(names) not in (3, 4):
            raise SettingsError(f"axes {axes!r}: expected three hyperparameters, or four")
        return [by_name.get(name, name) for name in names]
    varying = {
        name: column for name, column in by_name.items() if pairs.frame[column].nunique() > 1
    }
    usual = [name for names in _USUAL for name in names if name in varying]
    return [varying[name] for name in dict.fromkeys([*usual, *varying])][:4]


def _draw(ax: Any, part: Pairs, names: list[str]) -> None:
    pairs = part.complete
    difference = pairs.difference
    middle = float(difference.median())
    above = difference > middle
    sizes = _sizes(pairs.frame[names[3]]) if len(names) == 4 else difference * 0 + 24
    low, high = pairs.frame[~above], pairs.frame[above]
    ax.scatter(
        *(low[name] for name in names[:3]),
        s=sizes[~above],
        color=GREY,
        alpha=0.5,
        lw=0,
        depthshade=False,
    )
    marks = ax.scatter(
        *(high[name] for name in names[:3]),
        s=sizes[above],
        c=difference[above],
        cmap="viridis_r",
        vmin=middle,
        vmax=max(float(difference.max()), middle + 1e-12),
        lw=0,
        depthshade=False,
    )
    for setter, name in zip((ax.set_xlabel, ax.set_ylabel, ax.set_zlabel), names, strict=False):
        setter(axis_label(name), fontsize="small", labelpad=6)
    ax.tick_params(labelsize="x-small")
    bar = ax.figure.colorbar(marks, ax=ax, shrink=0.6, pad=0.14)
    bar.set_label(
        f"absolute difference, {count_text(part)}\n(grey: up to the median)", fontsize="small"
    )
    if len(names) == 4:
        _add_size_legend(ax, pairs.frame[names[3]], names[3])


def _sizes(values: Series) -> Series:
    """Return the area of each marker, which grows linearly with the value."""
    width = float(values.max() - values.min())
    share = (values - values.min()) / width if width else values * 0
    return (_SIZES[0] + share * (_SIZES[1] - _SIZES[0])).fillna(_SIZES[0])


def _add_size_legend(ax: Any, values: Series, name: str) -> None:
    shown = np.linspace(float(values.min()), float(values.max()), 3)
    for area, value in zip(np.linspace(*_SIZES, 3), shown, strict=True):
        ax.scatter([], [], s=area, color="black", lw=0, label=f"{value:.2g}")
    ax.legend(
        title=axis_label(name), title_fontsize="x-small", fontsize="x-small", frameon=False,
        loc="upper left", bbox_to_anchor=(0, 1),
    )  # fmt: skip


def _axes(ax: Any, count: int) -> Any:
    from matplotlib import pyplot as plt

    if ax is None:
        across = min(count, 2)
        down = -(-count // across)
        _, grid = plt.subplots(
            down,
            across,
            figsize=(PANEL_SIZE[0] * across, PANEL_SIZE[1] * down * 1.15),
            squeeze=False,
            layout="constrained",
            subplot_kw={"projection": "3d"},
        )
        for unused in grid.flat[count:]:
            unused.remove()
        return grid.ravel()[:count]
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) != count or any(panel_ax.name != "3d" for panel_ax in axes):
        raise SettingsError(
            f"ax: expected {count} three-dimensional axes, "
            "as plt.subplots(subplot_kw={'projection': '3d'}) makes them"
        )
    return axes


def _draw_message(ax: Any, text: str) -> None:
    # `say_missing` does not work on 3D axes, whose method text expects 3D coordinates.
    ax.text2D(
        0.5, 0.5, textwrap.fill(text, 44), ha="center", va="center", transform=ax.transAxes,
        gid="missing",
    )  # fmt: skip
    ax.set_axis_off()
