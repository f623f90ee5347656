"""Arrange rows of pictures under headers, with a legend of the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from lemur_core.pictures.colours import colour
from lemur_core.pictures.tiles import TEXT_PX, text_size, text_tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_core.kinds.task import Row, Style

_COLUMNS = ("input", "target", "prediction")
_BACKGROUND = (255, 255, 255)
_GAP = 6
_HEADER = TEXT_PX + 2 * _GAP


def grid(rows: Sequence[Row], style: Style) -> Image.Image:
    """Return a picture with one row for each sample: input, target, prediction."""
    cell = _cell(rows)
    width, height = tile_position(cell, len(rows), len(_COLUMNS))
    keys = list(_arrange(_keys(rows, style), width))
    sheet = Image.new("RGB", (width, height + _legend_height(keys)), _BACKGROUND)
    for column, text in enumerate(_COLUMNS):
        left, _ = tile_position(cell, 0, column)
        sheet.paste(text_tile((cell[0], _HEADER), text, _BACKGROUND), (left, 0))
    for number, row in enumerate(rows):
        for column, picture in enumerate((row.input, row.target, row.prediction)):
            sheet.paste(picture, tile_position(cell, number, column))
    for left, top, key in keys:
        sheet.paste(key, (left, height + top))
    return sheet


def tile_position(cell: tuple[int, int], row: int, column: int) -> tuple[int, int]:
    """Return the position of a picture from the left and the top, in pixels.

    Args:
        cell: Width and height of the pictures, in pixels.
        row: Number of the sample, from 0.
        column: 0 for the input, 1 for the target, 2 for the prediction.
    """
    width, height = cell
    return _GAP + column * (width + _GAP), _HEADER + row * (height + _GAP)


def _cell(rows: Sequence[Row]) -> tuple[int, int]:
    widths, heights = zip(*(row.input.size for row in rows), strict=True)
    return max(widths), max(heights)


def _keys(rows: Sequence[Row], style: Style) -> Iterator[Image.Image]:
    """Yield the name of each class on the colour of the class."""
    for number in sorted(set().union(*(row.classes for row in rows))):
        text = "ignored" if number < 0 else style.name(number)
        yield text_tile(text_size(text), text, colour(number))


def _arrange(keys: Iterator[Image.Image], width: int) -> Iterator[tuple[int, int, Image.Image]]:
    """Yield the left and top position of each key and the key, wrapped into lines."""
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
