"""Format tables as aligned columns of text."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from lemur_core.cli.streams import style
from lemur_core.cli.text import display_width
from lemur_core.escapes import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

# If the last column would be narrower than this, it is printed below each row.
_LEAST_WIDTH = 30
_UNBROKEN: dict[str, Any] = {"break_on_hyphens": False, "break_long_words": False}


def text_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under headers, with columns of numbers aligned to the right.

    On a terminal the last column is wrapped, or printed below each row if there is little space.
    Each cell takes one line: line ends and control characters are shown as escapes. Wide
    characters, for example Chinese ones, take two columns.

    >>> print(text_table(["net", "score"], [["ResNet", "0.97"], ["AlexNet", "0.9"]]))
    net      score
    ResNet    0.97
    AlexNet    0.9
    """
    cells = [[one_line(str(cell)) for cell in row] for row in (headers, *rows)]
    widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
    right = [
        len(rows) > 0 and all(map(_numeric, column[1:])) for column in zip(*cells, strict=True)
    ]
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    start = sum(width + 2 for width in widths[:-1])
    if start + widths[-1] <= columns:
        lines = [_line(row, widths, right) for row in cells]
    elif columns - start >= _LEAST_WIDTH:
        lines = [_beside(row, widths, right, start, columns) for row in cells]
    else:
        lines = [_beneath(row, widths, right, columns) for row in cells]
    if sys.stdout.isatty():
        lines[0] = style(lines[0], "bold")
    return "\n".join(lines)


def headed(title: str, table: str) -> str:
    """Return a table under a title of one line."""
    return f"{style(one_line(title), 'bold')}\n{table}"


def _beside(
    row: Sequence[str], widths: Sequence[int], right: Sequence[bool], start: int, columns: int
) -> str:
    first = _padded(_line(row[:-1], widths[:-1], right[:-1]), start)
    return textwrap.fill(
        row[-1], columns, initial_indent=first, subsequent_indent=" " * start, **_UNBROKEN
    )


def _beneath(row: Sequence[str], widths: Sequence[int], right: Sequence[bool], columns: int) -> str:
    last = textwrap.fill(
        row[-1], columns, initial_indent="    ", subsequent_indent="    ", **_UNBROKEN
    )
    return f"{_line(row[:-1], widths[:-1], right[:-1])}\n{last}"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        _padded(cell, width, to_right)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _padded(text: str, width: int, to_right: bool = False) -> str:
    spaces = " " * (width - display_width(text))
    return spaces + text if to_right else text + spaces


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit() or text == "-"
