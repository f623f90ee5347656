"""Figures of pairs: a panel per task, dataset, metric and nets."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_analysis.frame import CELL
from lemur_analysis.pairs.table import Pairs, TooFewPairsError, read_pairs, short
from lemur_analysis.plot.figure import NothingToDrawError, axes_for, say_missing
from lemur_analysis.plot.fonts import drawable, set_fonts
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from pandas import DataFrame

USED = ("role", "position", "prm", "state")
"""Columns of results that figures of pairs read beside the usual ones."""
NO_PAIRS = "no pairs: select a collection of pairs, with --collection for example"


class PanelPart(NamedTuple):
    """One panel of a group of pairs.

    Attributes:
        key: What tells it apart from the other panels of the group.
        title: The same for people; empty if the group has one panel.
    """

    key: Any = None
    title: str = ""


def pair_figure(
    parts: Callable[..., Sequence[PanelPart]] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Make a figure of a function ``draw(ax, pairs, key, **options)`` that draws one panel.

    Args:
        parts: Returns the panels of a group of pairs, given them and the options; None makes one.
    """

    def decorate(draw: Callable[..., None]) -> Callable[..., Any]:
        defaults = {
            name: one.default
            for name, one in inspect.signature(draw).parameters.items()
            if one.kind is one.KEYWORD_ONLY
        }

        @wraps(draw)
        def drawn(
            frame: DataFrame,
            ax: Any = None,
            *,
            scores: str = "",
            hyperparameters: str = "",
            **options: Any,
        ) -> Any:
            if holds_no_pairs(frame, scores):
                [one] = axes_for(ax, [""])
                say_missing(one, NO_PAIRS)
                return one
            given = {**defaults, **options}
            panels = [
                (panel_title(key, part.title), pairs, part)
                for key, pairs in read_pairs(frame, scores, hyperparameters).groups()
                for part in (parts(pairs, **given) if parts else [PanelPart()])
            ]
            axes = axes_for(ax, [title for title, *_ in panels])
            for one, (title, pairs, part) in zip(axes, panels, strict=True):
                _draw(draw, one, pairs, part, given)
                one.set_title(title, loc="left", fontsize="medium")
                set_fonts(one)
            return axes[0] if len(axes) == 1 else axes

        drawn.__signature__ = _signature(draw)  # type: ignore[attr-defined]
        drawn.needs, drawn.uses = (), USED  # type: ignore[attr-defined]
        return drawn

    return decorate


def counted(pairs: Pairs) -> str:
    """Return how many pairs are drawn, and how many cannot be.

    >>> import pandas as pd
    >>> counted(Pairs(pd.DataFrame({"a": [0.5, 0.5], "b": [0.25, None]}), ("a", "b"), ()))
    'n=1, 1 failed'
    """
    complete = len(pairs.complete.frame)
    failed = len(pairs.frame) - complete
    return f"n={complete:,}, {failed:,} failed" if failed else f"n={complete:,}"


def panel_title(key: Mapping[str, object], part: str = "") -> str:
    """Return the title of a panel: what its pairs have in common, and what tells it apart.

    >>> print(panel_title({"task": "t", "metric": "acc", "nets": "A, B"}, "plug-in"))
    t, acc
    A, B
    plug-in
    """
    cell = ", ".join(label(key[name]) for name in CELL if name in key)
    nets = ", ".join(label(key[name]) for name in ("nets", "nn", "net") if name in key)
    return "\n".join(line for line in (cell, nets, part) if line)


def axis_label(name: str) -> str:
    """Return a hyperparameter's name for an axis."""
    return label(short(name))


def holds_no_pairs(frame: DataFrame, scores: str) -> bool:
    """Return whether a frame holds results, but none of pairs."""
    results = {*CELL, "nn", "epoch", "accuracy"} <= set(frame.columns)
    if {"role", "position"} <= set(frame.columns):
        return bool(frame.empty)
    return results and not scores


def _draw(
    draw: Callable[..., None], ax: Axes, pairs: Pairs, part: PanelPart, options: dict[str, Any]
) -> None:
    try:
        if pairs.complete.frame.empty:
            raise NothingToDrawError("no pair has both scores")
        draw(ax, pairs, part.key, **options)
    except NothingToDrawError as error:
        say_missing(ax, str(error))
    except TooFewPairsError as error:
        # Beside other panels, which can have enough.
        say_missing(ax, drawable(str(error)).replace("$", r"\$"))


def _signature(draw: Callable[..., None]) -> inspect.Signature:
    own = [
        one for one in inspect.signature(draw).parameters.values() if one.kind is one.KEYWORD_ONLY
    ]
    both, only = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter("frame", both),
            inspect.Parameter("ax", both, default=None),
            *own,
            inspect.Parameter("scores", only, default=""),
            inspect.Parameter("hyperparameters", only, default=""),
        ]
    )
