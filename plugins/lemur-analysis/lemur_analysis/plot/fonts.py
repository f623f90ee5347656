"""Fonts for characters of all scripts, and escapes for characters without a glyph."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# Shipped with matplotlib.
_BASE = "DejaVu Sans"
# A font shipped with matplotlib that has a box for every character.
_BOXES = "Last Resort"


def drawable(text: str) -> str:
    r"""Return text with each character that cannot be drawn replaced by its escape.

    These are control characters, and characters for which no installed font has a glyph.

    >>> drawable("bell \a")
    'bell \\x07'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _can_be_drawn(char) else _escape(char) for char in text)


def has_glyphs(text: str) -> bool:
    r"""Return whether installed fonts have all characters of a text, apart from control characters.

    >>> has_glyphs("bell \a")
    True
    """
    return all(_is_control(char) or font_with(char) is not None for char in text)


def set_fonts(ax: Axes | Figure) -> None:
    """Add the fonts that their characters need to all texts of axes or of a figure."""
    for text in _texts(ax):
        others = [char for char in dict.fromkeys(text.get_text()) if not char.isascii()]
        fonts = dict.fromkeys([_BASE, *filter(None, map(font_with, others))])
        if others:
            families = text.get_fontfamily()
            text.set_fontfamily([*families, *(font for font in fonts if font not in families)])


def _texts(ax: Axes | Figure) -> Iterator[Text]:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.ticker import FixedFormatter

    if not isinstance(ax, Axes):
        for part in ax.get_children():
            yield from _texts(part) if isinstance(part, Axes) else part.findobj(Text)
        return
    for part in ax.get_children():
        if part not in (ax.xaxis, ax.yaxis):
            yield from part.findobj(Text)
    for axis in (ax.xaxis, ax.yaxis):
        yield axis.label
        # Other tick labels are numbers, and slow to create.
        if isinstance(axis.get_major_formatter(), FixedFormatter):
            yield from axis.get_ticklabels()


@lru_cache(maxsize=4096)
def font_with(character: str) -> str | None:
    """Return the family of an installed font with a glyph for a character, or None."""
    return next((name for name, path in _fonts() if ord(character) in _glyphs(path)), None)


def _can_be_drawn(character: str) -> bool:
    return not _is_control(character) and font_with(character) is not None


def _is_control(character: str) -> bool:
    # Format, surrogate, private and unassigned characters have such a category too.
    return category(character)[0] == "C"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@lru_cache(maxsize=1)
def _fonts() -> list[tuple[str, str]]:
    """Return the families and files of upright fonts in order of preference."""
    from matplotlib.font_manager import fontManager

    files = {
        font.name: font.fname
        for font in fontManager.ttflist
        if font.style == "normal" and font.weight in (400, "normal") and _BOXES not in font.name
    }
    return sorted(
        files.items(), key=lambda item: (item[0] != _BASE, "Sans" not in item[0], item[0])
    )


@lru_cache(maxsize=256)
def _glyphs(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        # The font was removed or cannot be read.
        return frozenset()
