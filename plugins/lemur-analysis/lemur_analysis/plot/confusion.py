"""Pictures of confusion matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.plot.fonts import has_glyphs, set_fonts
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lemur_core import Confusion

_LONGEST = 20
# Zero-width joiners and the selectors of a character's variants only change how others are drawn.
_JOINERS = dict.fromkeys((0x200C, 0x200D, 0xFE0E, 0xFE0F))
# With more classes, numbers would be illegible.
_MOST_WITH_NUMBERS = 25
_MOST_NAMES = 110
_CELL = 0.42
_LEAST, _MOST = 4.5, 16.0


def confusion_figure(matrix: Confusion) -> Figure:
    """Draw a confusion matrix: the colour is the share of the true class, the number a count.

    Classes for whose names no font is installed are shown by number. Control characters are
    escaped, and line ends are spaces.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    classes = len(matrix.counts)
    cell = _CELL if classes <= _MOST_WITH_NUMBERS else _CELL / 3
    side = min(max(_LEAST, cell * classes + 1.8), _MOST)
    figure, ax = plt.subplots(figsize=(side + 1.2, side), layout="constrained")
    totals = matrix.counts.sum(1, keepdims=True)
    shares = matrix.counts / np.maximum(totals, 1)
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    undrawable = set(undrawable_names(matrix))
    names = [
        str(number) if name in undrawable else label(name.translate(_JOINERS), _LONGEST)
        for number, name in enumerate(matrix.names)
    ]
    _name_classes(ax, names)
    if classes <= _MOST_WITH_NUMBERS:
        _write_counts(ax, matrix, shares)
    pipeline = label(matrix.pipeline, 60)
    accuracy = f"{matrix.split} split, epoch {matrix.epoch}: accuracy {matrix.accuracy:.4f}"
    ax.set_title(f"{matrix.trial[:8]} {pipeline}\n{accuracy}", fontsize="small")
    set_fonts(ax)
    return figure


def undrawable_names(matrix: Confusion) -> list[str]:
    """Return the names of classes for whose characters no font is installed."""
    return [name for name in matrix.names if not has_glyphs(name.translate(_JOINERS))]


def _name_classes(ax: Axes, names: list[str]) -> None:
    ax.set(xlabel="predicted class", ylabel="true class")
    step = -(-len(names) // _MOST_NAMES)
    size = "small" if len(names) <= _MOST_WITH_NUMBERS else 5
    places = range(0, len(names), step)
    is_long = max(map(len, names)) > 2
    ax.set_xticks(places, names[::step], fontsize=size, rotation=90 if is_long else 0)
    ax.set_yticks(places, names[::step], fontsize=size)


def _write_counts(ax: Axes, matrix: Confusion, shares: np.ndarray[Any, Any]) -> None:
    for (true, predicted), count in np.ndenumerate(matrix.counts):
        if count:
            colour = "white" if shares[true, predicted] > 0.5 else "black"
            ax.text(predicted, true, str(count), ha="center", va="center", color=colour,
                    fontsize="x-small")  # fmt: skip
