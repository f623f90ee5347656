"""What a panel says in words: how many records it shows, which it leaves out, what is missing."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from lemur_analysis.frame import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

_NOTE, _MISSING = "note", "missing"
_WIDTH = 70
_WORDS = {"accuracy": "score", "nn": "net", "dataset": "dataset"}
_NUMBERS = ("accuracy", "duration", "epoch", "loss", "validation")


class NothingToDrawError(Exception):
    """A panel cannot be drawn; the text says what is missing."""


def complete(ax: Axes, frame: DataFrame, *columns: str) -> DataFrame:
    """Return the records that have values in columns, and write on axes how many they are.

    A score must be finite, a duration above zero as well. The note reads ``n = 1,234; 45 without
    a duration``; a record that lacks several values counts under the first.

    Args:
        ax: The axes.
        frame: Records.
        columns: Names of columns of the frame. Those of scores, losses, durations and epochs are
            float64 in what is returned.

    Raises:
        NothingToDrawError: There is no such record.
        SettingsError: A column that should hold numbers holds something else.
    """
    found, lacking = select_complete(frame, *columns)
    if found.empty:
        worst = max(lacking, key=lambda word: lacking[word], default="")
        raise NothingToDrawError(
            f"none of {len(frame):,} records has a {worst}" if worst else "no results"
        )
    without = "".join(f"; {count:,} without a {word}" for word, count in lacking.items())
    add_note(ax, f"n = {len(found):,}{without}")
    return found


def select_complete(frame: DataFrame, *columns: str) -> tuple[DataFrame, dict[str, int]]:
    """Return the records that have values in columns, and how many lack which.

    Args:
        frame: Records.
        columns: As `complete` takes them.

    Returns:
        The records, and the number of those left out by what they lack, ``{"duration": 45}``.

    Raises:
        SettingsError: A column that should hold numbers holds something else.
    """
    found = frame.assign(**{name: numbers(frame, name) for name in columns if name in _NUMBERS})
    lacking = {}
    for name in columns:
        has = found[name] > 0 if name == "duration" else found[name].notna()
        if not has.all():
            lacking[_WORDS.get(name, name)] = int((~has).sum())
            found = found[has]
    return found, lacking


def add_note(ax: Axes, text: str) -> None:
    """Write a line above axes, below their title; what is there already is kept before it."""
    before = note_of(ax)
    for one in [one for one in ax.texts if one.get_gid() == _NOTE]:
        one.remove()
    both = f"{before}; {text}" if before else text
    ax.annotate(
        textwrap.fill(both, _WIDTH),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        va="bottom",
        fontsize="x-small",
        color="0.3",
        gid=_NOTE,
    )


def note_epochs(ax: Axes, frame: DataFrame) -> None:
    """Write on axes how many records the first and the last epoch have.

    Where fewer trials reach the later epochs, a curve joins means of different trials.
    """
    counts = frame["epoch"].value_counts().sort_index()
    if len(counts) > 1 and counts.nunique() > 1:
        parts = [f"{counts[at]:,} at epoch {at:g}" for at in (counts.index[0], counts.index[-1])]
        add_note(ax, ", ".join(parts))


def note_of(ax: Axes) -> str:
    """Return the note on axes, on one line; empty if there is none."""
    return _text(ax, _NOTE)


def say_missing(ax: Axes, text: str) -> None:
    """Write on axes what is missing for the figure."""
    ax.set_axis_off()
    wrapped = textwrap.fill(text, 44)
    ax.text(0.5, 0.5, wrapped, ha="center", va="center", transform=ax.transAxes, gid=_MISSING)


def missing_of(ax: Axes) -> str:
    """Return what axes say to be missing; empty if they show a figure."""
    return _text(ax, _MISSING)


def set_title(ax: Axes, title: str) -> None:
    """Set the title of axes above their note, on several lines if it is long."""
    lines = next((t.get_text().count("\n") + 1 for t in ax.texts if t.get_gid() == _NOTE), 0)
    text = title if len(title) <= _WIDTH * 0.8 else title.replace(", ", ",\n")
    ax.set_title(text, loc="left", fontsize="medium", pad=6 + 9.5 * lines)


def _text(ax: Axes, gid: str) -> str:
    return " ".join(" ".join(one.get_text() for one in ax.texts if one.get_gid() == gid).split())
