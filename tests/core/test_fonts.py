"""Class names of all scripts in pictures: a font that has the characters, or the number."""

import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from lemur_core.pictures import fonts
from lemur_core.pictures.tiles import text_size, text_tile

ARABIC, CHINESE = "تفاحة", "苹果"
# DejaVu Sans has Arabic letters and no Chinese ones.
DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A folder that is the only place of fonts, with DejaVu Sans and a damaged file."""
    (tmp_path / "Broken Sans.ttf").write_bytes(b"no font")
    shutil.copy(DEJAVU, tmp_path / "DejaVuSans.ttf")
    monkeypatch.setattr(fonts, "_folders", lambda: [tmp_path])
    for cached in (fonts._path_for, fonts._installed):
        cached.cache_clear()
    yield tmp_path
    for cached in (fonts._path_for, fonts._installed):
        cached.cache_clear()


def test_a_font_with_the_characters_is_chosen(folder):
    assert fonts.font_path("cat") == ""
    assert fonts.font_path(ARABIC) == str(folder / "DejaVuSans.ttf")
    assert fonts.font_path(CHINESE) is None


def test_names_without_a_font_are_numbers_and_long_ones_lose_their_middle():
    shown, missing = fonts.drawable_names(["cat", CHINESE, ARABIC, "x" * 30 + "y" * 30])
    assert shown == ["cat", "1", ARABIC, "x" * 20 + "..." + "y" * 11]
    assert missing == [CHINESE]


def test_letters_are_drawn_and_not_boxes():
    first, second = (np.array(text_tile((60, 30), sign, (0, 0, 0))) for sign in ARABIC[:2])
    assert first.max() == second.max() == 255
    # Two missing glyphs would be the same box.
    assert (first != second).any()
    assert text_size(ARABIC)[0] > text_size(ARABIC[:2])[0]
