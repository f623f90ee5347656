"""Text in panels: notes on the records shown and left out, and messages on missing data."""

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
    """A panel cannot be drawn; the message says what is missing."""


def complete(ax: Axes, frame: DataFrame, *columns: str) -> DataFrame:
    """Return the records without missing values in some columns, and note their number on axes.

    Numbers must be finite, and durations positive. For example, the note is ``n = 1,234; 45 without
    a duration``. A record with several missing values counts under the first column.

    Args:
        ax: The axes.
        frame: Records.
        columns: Names of columns of the frame. Scores, losses, durations and epochs are returned
            as float64.

    Raises:
        NothingToDrawError: No record is complete.
        SettingsError: A numeric column contains values that are not numbers.
    """
    records, missing = select_complete(frame, *columns)
    if records.empty:
        worst = max(missing, key=lambda word: missing[word], default="")
        raise NothingToDrawError(
            f"none of {len(frame):,} records has a {worst}" if worst else "no results"
        )
    without = "".join(f"; {count:,} without a {word}" for word, count in missing.items())
    add_note(ax, f"n = {len(records):,}{without}")
    return records


def select_complete(frame: DataFrame, *columns: str) -> tuple[DataFrame, dict[str, int]]:
    """Return the records without missing values in some columns, and the numbers left out.

    Args:
        frame: Records.
        columns: Names of columns, as in `complete`.

    Returns:
        The complete records, and the number of records left out by missing column, for example
        ``{"duration": 45}``.

    Raises:
        SettingsError: A numeric column contains values that are not numbers.
    """
    records = frame.assign(**{name: numbers(frame, name) for name in columns if name in _NUMBERS})
    missing = {}
    for name in columns:
        is_present = records[name] > 0 if name == "duration" else records[name].notna()
        if not is_present.all():
            missing[_WORDS.get(name, name)] = int((~is_present).sum())
            records = records[is_present]
    return records, missing


def add_note(ax: Axes, text: str) -> None:
    """Write a note above axes and below their title, appended to the existing note."""
    previous = note_of(ax)
    for text_artist in [text_artist for text_artist in ax.texts if text_artist.get_gid() == _NOTE]:
        text_artist.remove()
    combined = f"{previous}; {text}" if previous else text
    ax.annotate(
        textwrap.fill(combined, _WIDTH),
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
    """Add a note with the numbers of records at the first and the last epoch, if they differ.

    If fewer trials reach the later epochs, a curve connects means over different trials.
    """
    counts = frame["epoch"].value_counts().sort_index()
    if len(counts) > 1 and counts.nunique() > 1:
        parts = [f"{counts[at]:,} at epoch {at:g}" for at in (counts.index[0], counts.index[-1])]
        add_note(ax, ", ".join(parts))


def note_of(ax: Axes) -> str:
    """Return the note of axes as one line; empty if there is none."""
    return _text(ax, _NOTE)


def say_missing(ax: Axes, text: str) -> None:
    """Write on axes why the panel cannot be drawn."""
    ax.set_axis_off()
    wrapped = textwrap.fill(text, 44)
    ax.text(0.5, 0.5, wrapped, ha="center", va="center", transform=ax.transAxes, gid=_MISSING)


def missing_of(ax: Axes) -> str:
    """Return why the panel on axes could not be drawn; empty if it was drawn."""
    return _text(ax, _MISSING)


def set_title(ax: Axes, title: str) -> None:
    """Set the title of axes above their note; break long titles into several lines."""
    lines = next((t.get_text().count("\n") + 1 for t in ax.texts if t.get_gid() == _NOTE), 0)
    text = title if len(title) <= _WIDTH * 0.8 else title.replace(", ", ",\n")
    ax.set_title(text, loc="left", fontsize="medium", pad=6 + 9.5 * lines)


def _text(ax: Axes, gid: str) -> str:
    return " ".join(
        " ".join(artist.get_text() for artist in ax.texts if artist.get_gid() == gid).split()
    )
