"""How nets look in figures: colours that the colour-blind can tell apart, markers, lines, names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_COLOURS = 10
"""So many nets have a colour of their own; further ones are grey."""
GREY = "#b0b0b0"
_MARKERS = "os^Dv<>Pp*"
_LONGEST = 40


class Style(NamedTuple):
    """The look of one net.

    Attributes:
        color: Of its lines and markers.
        marker: Of its points.
        rank: Its place by score, from 0; nets from `MOST_COLOURS` on are grey.
    """

    color: Any
    marker: str
    rank: int

    @property
    def has_colour(self) -> bool:
        """Whether the net has a colour of its own."""
        return self.rank < MOST_COLOURS


def styles_of(frame: DataFrame) -> dict[str, Style]:
    """Return the style of each net of a frame; the best by score have colours of their own.

    Args:
        frame: With the columns ``nn`` and ``accuracy``.
    """
    import seaborn as sns

    palette = sns.color_palette("colorblind", MOST_COLOURS)
    styles = {}
    for rank, net in enumerate(ranked(frame)):
        few = rank < MOST_COLOURS
        styles[net] = Style(palette[rank] if few else GREY, _MARKERS[rank % len(_MARKERS)], rank)
    return styles


def ranked(frame: DataFrame) -> list[str]:
    """Return the nets of a frame, the best first.

    They are ordered by the mean of their ranks in each task, data set and metric, so that scores
    of different metrics are not compared.
    """
    from lemur_analysis.frame import cell_columns

    if "accuracy" not in frame.columns:
        return sorted(frame["nn"].unique())
    by = cell_columns(frame)
    best = frame.groupby([*by, "nn"], observed=True)["accuracy"].max().reset_index()
    cells = best.groupby(by, observed=True)["accuracy"] if by else best["accuracy"]
    best["rank"] = cells.rank(ascending=False, pct=True)
    # Of equals, the first by name.
    return list(best.groupby("nn", observed=True)["rank"].mean().sort_values(kind="stable").index)


def label(text: object) -> str:
    """Return text for a figure: short, on one line, and never read as mathematics."""
    line = " ".join(str(text).split()).replace("$", r"\$")
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST - 12]}...{line[-9:]}"
    return line
