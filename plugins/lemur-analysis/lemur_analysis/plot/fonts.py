"""Characters that can be drawn: fonts of other scripts, and escapes where no font has a glyph."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# It comes with matplotlib.
_BASE = "DejaVu Sans"
# A font of matplotlib's that has a box for every character.
_BOXES = "Last Resort"


def drawable(text: str) -> str:
    r"""Return text with an escape in the place of each character that cannot be drawn.

    Those are control characters, and what no installed font has a glyph of.

    >>> drawable("bell \a")
    'bell \\x07'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _can_be_drawn(one) else _escape(one) for one in text)


def set_fonts(ax: Axes | Figure) -> None:
    """Give the texts on axes, or in a figure, the fonts that their characters need as well."""
    for text in _texts(ax):
        others = [one for one in dict.fromkeys(text.get_text()) if not one.isascii()]
        fonts = dict.fromkeys([_BASE, *filter(None, map(font_with, others))])
        if others:
            have = text.get_fontfamily()
            text.set_fontfamily([*have, *(font for font in fonts if font not in have)])


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
        # Other labels are numbers, and it takes long to make them.
        if isinstance(axis.get_major_formatter(), FixedFormatter):
            yield from axis.get_ticklabels()


@lru_cache(maxsize=4096)
def font_with(character: str) -> str | None:
    """Return the family of an installed font that has a glyph; None if there is none."""
    return next((name for name, path in _fonts() if ord(character) in _glyphs(path)), None)


def _can_be_drawn(character: str) -> bool:
    # Control, format, surrogate, private and unassigned characters are in the categories C.
    return category(character)[0] != "C" and font_with(character) is not None


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@lru_cache(maxsize=1)
def _fonts() -> list[tuple[str, str]]:
    """Return the families of upright fonts with their files, in the order of preference."""
    from matplotlib.font_manager import fontManager

    found = {
        one.name: one.fname
        for one in fontManager.ttflist
        if one.style == "normal" and one.weight in (400, "normal") and _BOXES not in one.name
    }
    return sorted(found.items(), key=lambda one: (one[0] != _BASE, "Sans" not in one[0], one[0]))


@lru_cache(maxsize=256)
def _glyphs(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        # A font that was removed or cannot be read has none.
        return frozenset()
