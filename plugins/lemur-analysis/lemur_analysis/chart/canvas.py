"""Draw curves and points between two axes as lines of text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_analysis.chart.axes import Axis

MARKERS = "ox+*#@%&"
"""The markers of curves, which are told apart without colours."""
_BLANK = "\u2800"
_SIGNS = "│┤└─┬⣿"
_ASCII = str.maketrans("│┤└─┬", "|+`-+") | dict.fromkeys(range(0x2801, 0x2900), ".")
# Dots of a character of braille.
_ACROSS, _DOWN = 2, 4
# A marker every this many characters of a line.
_BETWEEN = 10


@dataclass(frozen=True)
class MarkedPoints:
    """Points with a marker.

    Attributes:
        points: Pairs of x and y, in order; None where the line between its neighbours has a gap.
        marker: One character.
        joined: Whether lines join the points.
    """

    points: Sequence[tuple[float, float] | None]
    marker: str
    joined: bool = True


def chart(
    curves: Sequence[MarkedPoints],
    x: Axis,
    y: Axis,
    *,
    width: int = 80,
    rows: int = 12,
    label: str = "",
) -> list[str]:
    """Return the lines of a chart.

    Args:
        curves: The curves; later ones are drawn over earlier ones.
        x: The horizontal axis.
        y: The vertical axis.
        width: Number of characters in a line, at most.
        rows: Number of lines between the axes.
        label: Label of the horizontal axis.
    """
    from plotille import Canvas

    gutter = max((len(text) for _, text in y.ticks), default=0)
    columns = max(10, width - gutter - 2)
    grid = Canvas(columns, rows, 0, 0, _ACROSS * columns, _DOWN * rows)
    for curve in curves:
        _draw(grid, curve, x, y, (_ACROSS * columns - 1, _DOWN * rows - 1))
    labels = {_cell(y, tick, rows, _DOWN): text for tick, text in y.ticks}
    lines = grid.plot().replace(_BLANK, " ").split("\n")
    drawn = [
        f"{labels.get(rows - 1 - row, ''):>{gutter}} {'┤' if rows - 1 - row in labels else '│'}"
        f"{line.rstrip()}"
        for row, line in enumerate(lines)
    ]
    lines = [*drawn, *_below(x, columns, gutter, label)]
    return lines if _shows(_SIGNS) else [line.translate(_ASCII) for line in lines]


def _draw(grid: object, curve: MarkedPoints, x: Axis, y: Axis, last: tuple[int, int]) -> None:
    dots = [
        point and (round(x.share(point[0]) * last[0]), round(y.share(point[1]) * last[1]))
        for point in curve.points
    ]
    if curve.joined:
        for start, end in pairwise(dots):
            if start and end:
                grid.line(*start, *end)  # type: ignore[attr-defined]
    for dot in _marked(dots) if curve.joined else filter(None, dots):
        grid.point(*dot, marker=curve.marker)  # type: ignore[attr-defined]


def _marked(dots: Sequence[tuple[int, int] | None]) -> Iterator[tuple[int, int]]:
    """Yield the dots of a line that have a marker: its ends, and some between."""
    present = [dot for dot in dots if dot]
    latest = -1
    for number, dot in enumerate(present):
        is_end = number in (0, len(present) - 1)
        if is_end or dot[0] - latest >= _BETWEEN * _ACROSS:
            latest = dot[0]
            yield dot


def _below(x: Axis, columns: int, gutter: int, label: str) -> list[str]:
    """Return the horizontal axis and its labels."""
    rule, labels = ["─"] * columns, [" "] * (columns + gutter + 2)
    free = 0
    for tick, text in x.ticks:
        at = _cell(x, tick, columns, _ACROSS)
        start = min(max(gutter + 2 + at - len(text) // 2, 0), len(labels) - len(text))
        if start >= free:
            rule[at] = "┬"
            labels[start : start + len(text)] = text
            free = start + len(text) + 2
    below = [f"{'':>{gutter}} └{''.join(rule)}", "".join(labels).rstrip()]
    return [*below, f"{label:>{columns + gutter + 2}}"] if label else below


def _cell(axis: Axis, tick: float, cells: int, dots: int) -> int:
    return round(axis.share(tick) * (dots * cells - 1)) // dots


def _shows(signs: str) -> bool:
    """Return whether standard output can encode signs."""
    try:
        signs.encode(getattr(sys.__stdout__, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
