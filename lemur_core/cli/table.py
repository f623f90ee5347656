"""Aligned columns of text."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

import click


def text_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under headers, numbers to the right.

    On a terminal the last column is wrapped to its width.

    >>> print(text_table(["net", "score"], [["ResNet", "0.97"], ["AlexNet", "0.9"]]))
    net      score
    ResNet    0.97
    AlexNet    0.9
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    right = [bool(cells) and all(_numeric(row[i]) for row in cells) for i in range(len(headers))]
    lines = [_line(row, widths, right) for row in [list(headers), *cells]]
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        indent = sum(width + 2 for width in widths[:-1])
        lines = [_wrapped(line, columns, indent) for line in lines]
        lines[0] = click.style(lines[0], bold=True)
    return "\n".join(lines)


def _wrapped(line: str, columns: int, indent: int) -> str:
    if len(line) <= columns:
        return line
    # Where the other columns leave little room, what is wrapped begins further left.
    indent = min(indent, columns // 2)
    return textwrap.fill(
        line, columns, subsequent_indent=" " * indent, break_on_hyphens=False,
        drop_whitespace=True, replace_whitespace=False,
    )  # fmt: skip


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit() or text == "-"
