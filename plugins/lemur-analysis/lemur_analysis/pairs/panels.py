"""Figures of pairs, with one panel per task, dataset, metric and nets."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_analysis.frame import CELL
from lemur_analysis.pairs.table import Pairs, TooFewPairsError, read_pairs, short_name
from lemur_analysis.plot.figure import NothingToDrawError, axes_for, say_missing
from lemur_analysis.plot.fonts import drawable, set_fonts
from lemur_analysis.plot.style import label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from pandas import DataFrame

USED = ("role", "position", "prm", "state")
"""Columns of results that figures of pairs read in addition to the usual ones."""
NO_PAIRS = "no pairs: select a collection of pairs, for example with --collection"


class PanelPart(NamedTuple):
    """One panel of a group of pairs.

    Attributes:
        key: Identifies the panel within the group; passed to the function that draws it.
        title: Title of the panel within the group; empty if the group has a single panel.
    """

    key: Any = None
    title: str = ""


def pair_figure(
    parts: Callable[..., Sequence[PanelPart]] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Turn a function ``draw(ax, pairs, key, **options)`` that draws one panel into a figure.

    Args:
        parts: Called with a group of pairs and the options; returns the panels of the group. None:
            one panel per group.
    """

    def decorate(draw: Callable[..., None]) -> Callable[..., Any]:
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(draw).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }

        @wraps(draw)
        def draw_figure(
            frame: DataFrame,
            ax: Any = None,
            *,
            scores: str = "",
            hyperparameters: str = "",
            **options: Any,
        ) -> Any:
            if holds_no_pairs(frame, scores):
                [message_ax] = axes_for(ax, [""])
                say_missing(message_ax, NO_PAIRS)
                return message_ax
            settings = {**defaults, **options}
            panels = [
                (panel_title(key, part.title), pairs, part)
                for key, pairs in read_pairs(frame, scores, hyperparameters).groups()
                for part in (parts(pairs, **settings) if parts else [PanelPart()])
            ]
            axes = axes_for(ax, [title for title, *_ in panels])
            for panel_ax, (title, pairs, part) in zip(axes, panels, strict=True):
                _draw(draw, panel_ax, pairs, part, settings)
                panel_ax.set_title(title, loc="left", fontsize="medium")
                set_fonts(panel_ax)
            return axes[0] if len(axes) == 1 else axes

        draw_figure.__signature__ = _signature(draw)  # type: ignore[attr-defined]
        draw_figure.needs, draw_figure.uses = (), USED  # type: ignore[attr-defined]
        return draw_figure

    return decorate


def count_text(pairs: Pairs) -> str:
    """Return the number of pairs that are drawn, and of those that cannot be, as text.

    >>> import pandas as pd
    >>> count_text(Pairs(pd.DataFrame({"a": [0.5, 0.5], "b": [0.25, None]}), ("a", "b"), ()))
    'n=1, 1 failed'
    """
    complete = len(pairs.complete.frame)
    failed = len(pairs.frame) - complete
    return f"n={complete:,}, {failed:,} failed" if failed else f"n={complete:,}"


def panel_title(key: Mapping[str, object], part: str = "") -> str:
    """Return the title of a panel: the values that its pairs share, and the title of the part.

    >>> print(panel_title({"task": "t", "metric": "acc", "nets": "A, B"}, "plug-in"))
    t, acc
    A, B
    plug-in
    """
    cell = ", ".join(label(key[name]) for name in CELL if name in key)
    nets = ", ".join(label(key[name]) for name in ("nets", "nn", "net") if name in key)
    return "\n".join(line for line in (cell, nets, part) if line)


def axis_label(name: str) -> str:
    """Return the label of an axis for a hyperparameter."""
    return label(short_name(name))


def holds_no_pairs(frame: DataFrame, scores: str) -> bool:
    """Return whether a frame contains results, but no pairs."""
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
        # Other panels may have enough pairs.
        say_missing(ax, drawable(str(error)).replace("$", r"\$"))


def _signature(draw: Callable[..., None]) -> inspect.Signature:
    options = [
        parameter
        for parameter in inspect.signature(draw).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    either, only = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter("frame", either),
            inspect.Parameter("ax", either, default=None),
            *options,
            inspect.Parameter("scores", only, default=""),
            inspect.Parameter("hyperparameters", only, default=""),
        ]
    )
