"""Fonts for the names of classes in all scripts, among those that are installed."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_SUFFIXES = (".ttf", ".otf", ".ttc")
# No font has a glyph for it, so that it is drawn as what stands for a missing glyph.
_NO_CHARACTER = "\U0010ffff"
_TESTED_PX = 16
# Joiners and selectors in words and emoji, which have no glyph of their own.
_INVISIBLE = "\u200c\u200d\ufe0e\ufe0f"
_LONGEST = 34


def drawable_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return class names as pictures show them, and those that no installed font can draw.

    A name that cannot be drawn is replaced by the number of its class. Long names lose their
    middle.
    """
    missing = [name for name in names if font_path(name) is None]
    left_out = set(missing)
    shown = [
        str(number) if name in left_out else _short(" ".join(name.split()))
        for number, name in enumerate(names)
    ]
    return shown, missing


def font_for(text: str, height: int) -> Font:
    """Return a font for text: Pillow's own if it has all characters, else an installed one.

    Args:
        text: The text; without a font for it, Pillow's own font is returned.
        height: Height in pixels.
    """
    return _font(font_path(text) or "", height)


def font_path(text: str) -> str | None:
    """Return the file of a font for text; empty for Pillow's own, None if there is none."""
    return _path_for("".join(sorted(set(text) - set(_INVISIBLE) - set(" \n"))))


@cache
def _path_for(characters: str) -> str | None:
    if characters.isascii():
        return ""
    return next((path for path in ("", *_installed()) if _has(path, characters)), None)


@cache
def _font(path: str, height: int) -> Font:
    return ImageFont.truetype(path, height) if path else ImageFont.load_default(height)


def _has(path: str, characters: str) -> bool:
    try:
        font = _font(path, _TESTED_PX)
        none = bytes(font.getmask(_NO_CHARACTER))
        return all(bytes(font.getmask(character)) != none for character in characters)
    # The file may be damaged, or a font of bitmaps of other sizes.
    except (OSError, ValueError):
        return False


@cache
def _installed() -> tuple[str, ...]:
    """Return the files of upright fonts, those without serifs first."""
    files = (str(file) for folder in _folders() for file in _fonts_in(folder))
    upright = (file for file in files if not _is_styled(Path(file).stem.lower()))
    return tuple(sorted(upright, key=lambda file: ("sans" not in file.lower(), file)))


def _is_styled(name: str) -> bool:
    return any(word in name for word in ("bold", "italic", "oblique", "light", "black", "thin"))


def _fonts_in(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names if name.lower().endswith(_SUFFIXES))


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")]
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    return [
        *(Path(folder, "fonts") for folder in shared.split(":")),
        own / "fonts",
        home / ".fonts",
    ]


def _short(name: str) -> str:
    end = _LONGEST // 3
    is_long = len(name) > _LONGEST
    return f"{name[: _LONGEST - end - 3]}...{name[-end:]}" if is_long else name
