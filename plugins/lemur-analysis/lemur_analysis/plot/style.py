"""Styles of nets in figures: colours, markers, lines and names.

The colours are safe for colour-blind readers; markers and dashes also differ, for black and white.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_analysis.frame import cell_columns, numbers
from lemur_analysis.plot.fonts import drawable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from pandas import DataFrame, Series

MOST_COLOURS = 10
"""Number of nets with their own colour; the others are grey."""
GREY = "#c4c4c4"
# Seaborn's palette "colorblind", with black instead of grey, which looks like the grey nets, and a
# darker yellow, which is easier to see on white.
_COLOURS = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc",
    "#ca9161", "#fbafe4", "#000000", "#a89f00", "#56b4e9",
)  # fmt: skip
_MARKERS = "os^Dv<>Pp*"
_DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1.2)), (0, (8, 1.5, 2, 1.5)))
_HATCHES = ("", "////", "\\\\\\\\", "....", "xxxx")
_LONGEST = 40
_LONGEST_IN_LEGEND = 26


class FigureStyle(NamedTuple):
    """The style of one net, or of one dataset.

    Attributes:
        color: Colour of lines and markers.
        marker: Marker of points.
        rank: Rank by score, from 0; nets with a rank of `MOST_COLOURS` or more are grey.
    """

    color: Any
    marker: str
    rank: int

    @property
    def has_colour(self) -> bool:
        """Whether the net has its own colour."""
        return self.rank < MOST_COLOURS

    @property
    def line(self) -> dict[str, Any]:
        """Arguments of ``Axes.plot`` for a line: colour, line style, width and z-order."""
        if not self.has_colour:
            return {"color": GREY, "linestyle": "-", "linewidth": 0.8, "zorder": 1.5}
        dashes = _DASHES[self.rank % len(_DASHES)]
        return {"color": self.color, "linestyle": dashes, "linewidth": 1.5, "zorder": 2.5}

    @property
    def points(self) -> dict[str, Any]:
        """Arguments of ``Axes.plot`` for markers."""
        shape = self.marker if self.has_colour else "."
        return {"marker": shape, "markersize": 4.5, "markeredgewidth": 0}

    @property
    def area(self) -> dict[str, Any]:
        """Arguments of a patch: colour and hatching."""
        hatch = _HATCHES[self.rank % len(_HATCHES)] if self.has_colour else ""
        return {"facecolor": self.color, "hatch": hatch, "edgecolor": "white", "linewidth": 0.3}


def styles_of(frame: DataFrame, by: str = "nn") -> dict[Any, FigureStyle]:
    """Return the style of each net in a frame; the best by score have their own colours.

    Args:
        frame: Results with the column ``nn``, and ``accuracy`` to rank by.
        by: Column whose values are styled. Values of columns other than ``nn`` are ranked by their
            number of rows.
    """
    names = rank_nets(frame) if by == "nn" else _frequent(frame[by])
    return {name: style_at(rank) for rank, name in enumerate(names)}


def rank_nets(frame: DataFrame) -> list[str]:
    """Return the nets of a frame, best first.

    Nets are ranked by their best score within each task, dataset and metric, and ordered by the
    mean of these ranks, so scores of different metrics are never compared. Ties are ordered by
    name, and nets without a score come last. Rows without a net are ignored.
    """
    named = frame[frame["nn"].notna()]
    nets = sorted(named["nn"].unique(), key=str)
    if "accuracy" not in named.columns:
        return nets
    by = cell_columns(named)
    scores = named.assign(accuracy=numbers(named, "accuracy"))
    groups = scores.groupby([*by, "nn"], observed=True, dropna=False)["accuracy"]
    best = groups.max().dropna().reset_index()
    cells = best.groupby(by, observed=True, dropna=False)["accuracy"] if by else best["accuracy"]
    count = cells.transform("size") if by else len(best)
    # The only net of a cell gets the middle rank.
    best["rank"] = (cells.rank(ascending=False) - 0.5) / count
    places = best.groupby("nn", observed=True)["rank"].mean()
    return sorted(nets, key=lambda net: places.get(net, float("inf")))


def label(text: object, longest: int = _LONGEST) -> str:
    """Return text for a figure: shortened, on one line, and not interpreted as mathematics.

    Characters that cannot be drawn are escaped by `lemur_analysis.plot.fonts.drawable`.
    """
    line = drawable(" ".join(str(text).split()))
    if len(line) > longest:
        end = longest // 3
        line = f"{line[: longest - end - 3]}...{line[-end:]}"
    # Matplotlib omits labels that start with an underscore from legends.
    return f"{' ' if line.startswith('_') else ''}{line}".replace("$", r"\$")


def draw_curve(
    ax: Axes, x: Sequence[Any], y: Sequence[Any], style: FigureStyle, **more: Any
) -> Line2D:
    """Draw a line in a net's style, with a few markers."""
    line_style = style.line | (style.points if style.has_colour else {})
    if len(x) == 1:
        # A line with one point is invisible without a marker.
        line_style |= style.points
    step = max(1, len(x) // 6)
    line_style |= {"markevery": (style.rank % step, step)}
    return ax.plot(x, y, **{**line_style, **more})[0]


def add_legend(
    ax: Axes,
    styles: Mapping[Any, FigureStyle],
    names: Collection[Any],
    *,
    title: str = "net",
    shape: str = "line",
) -> None:
    """Add a legend to the right of axes, outside the drawing.

    Args:
        ax: The axes.
        styles: The style of each net.
        names: The nets that are drawn; all grey nets share one entry, "18 further nets".
        title: Title of the legend, a singular noun, for example ``"net"`` or ``"dataset"``.
        shape: How the nets are drawn: ``line``, ``points`` or ``area``.
    """
    drawn = set(names)
    shown = [name for name in styles if name in drawn]
    coloured = [name for name in shown if styles[name].has_colour]
    entries = [(styles[name], label(name, _LONGEST_IN_LEGEND)) for name in coloured]
    further = [styles[name] for name in shown if not styles[name].has_colour]
    if further:
        plural = "s" if len(further) > 1 else ""
        entries.append((further[0], f"{len(further):,} further {title}{plural}"))
    if not entries:
        return
    ax.legend(
        [_handle(style, shape) for style, _ in entries],
        [text for _, text in entries],
        title=title,
        title_fontsize="x-small",
        alignment="left",
        fontsize="x-small",
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.2,
        handlelength={"line": 3, "points": 1.2, "area": 1.5}[shape],
    )


def _handle(style: FigureStyle, shape: str) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if shape == "area":
        return Patch(**style.area)
    if shape == "points":
        return Line2D([], [], color=style.color, linestyle="", **style.points)
    return Line2D([], [], **style.line, **(style.points if style.has_colour else {}))


def style_at(rank: int) -> FigureStyle:
    """Return the style of the item with this rank, from 0; those from `MOST_COLOURS` are grey."""
    color = _COLOURS[rank] if rank < MOST_COLOURS else GREY
    return FigureStyle(color, _MARKERS[rank % len(_MARKERS)], rank)


def _frequent(values: Series) -> list[Any]:
    counts = values.dropna().value_counts()
    return sorted(counts[counts > 0].index, key=lambda value: (-counts[value], str(value)))
