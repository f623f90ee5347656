"""Rows of pictures under headers, with a legend of their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from lemur_core.pictures.colours import colour
from lemur_core.pictures.tiles import TEXT_PX, plate, text_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_core.kinds.task import Row, Style

_COLUMNS = ("input", "target", "prediction")
_GROUND = (255, 255, 255)
_GAP = 6
_HEADER = TEXT_PX + 2 * _GAP


def grid(rows: Sequence[Row], style: Style) -> Image.Image:
    """Return the pictures of each sample in a row: input, target, prediction."""
    cell = _cell(rows)
    width, height = place(cell, len(rows), len(_COLUMNS))
    keys = list(_laid_out(_keys(rows, style), width))
    sheet = Image.new("RGB", (width, height + _legend_height(keys)), _GROUND)
    for column, text in enumerate(_COLUMNS):
        left, _ = place(cell, 0, column)
        sheet.paste(plate((cell[0], _HEADER), text, _GROUND), (left, 0))
    for number, row in enumerate(rows):
        for column, picture in enumerate((row.input, row.target, row.prediction)):
            sheet.paste(picture, place(cell, number, column))
    for left, top, key in keys:
        sheet.paste(key, (left, height + top))
    return sheet


def place(cell: tuple[int, int], row: int, column: int) -> tuple[int, int]:
    """Return where a picture begins, from the left and from the top, in pixels.

    Args:
        cell: Width and height of the pictures.
        row: Number of the sample, from 0.
        column: 0 is the input, 1 the target, 2 the prediction.
    """
    width, height = cell
    return _GAP + column * (width + _GAP), _HEADER + row * (height + _GAP)


def _cell(rows: Sequence[Row]) -> tuple[int, int]:
    widths, heights = zip(*(row.input.size for row in rows), strict=True)
    return max(widths), max(heights)


def _keys(rows: Sequence[Row], style: Style) -> Iterator[Image.Image]:
    """Yield the name of each class on its colour."""
    for number in sorted(set().union(*(row.classes for row in rows))):
        text = "does not count" if number < 0 else style.name(number)
        yield plate(text_size(text), text, colour(number))


def _laid_out(keys: Iterator[Image.Image], width: int) -> Iterator[tuple[int, int, Image.Image]]:
    """Yield where each key begins, in as many lines as they need."""
    left, top = _GAP, 0
    for key in keys:
        if left + key.width > width and left > _GAP:
            left, top = _GAP, top + key.height + _GAP
        yield left, top, key
        left += key.width + _GAP


def _legend_height(keys: Sequence[tuple[int, int, Image.Image]]) -> int:
    if not keys:
        return 0
    _, top, key = keys[-1]
    return top + key.height + _GAP
