"""Aligned columns of text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import click


def text_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under headers, numbers to the right; cut to the terminal's width, if it is one.

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
        limit = shutil.get_terminal_size().columns
        lines = [line if len(line) <= limit else f"{line[: limit - 1]}…" for line in lines]
        lines[0] = click.style(lines[0], bold=True)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit() or text == "-"
