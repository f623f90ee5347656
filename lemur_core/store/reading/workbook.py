"""Write frames of results into xlsx workbooks."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from lemur_core.errors import SettingsError
from lemur_core.store.reading.columns import escape_surrogates, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from openpyxl import Workbook
    from pandas import DataFrame

# Limits of a sheet, and of a cell in UTF-16 code units.
MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_576, 16_384, 32_767
# Limit of a sheet's title, in UTF-16 code units.
_LONGEST_TITLE = 31
_NOT_IN_TITLES = frozenset("[]:*?/\\")
# Excel reserves this title.
_RESERVED = "history"
# Spreadsheets store numbers as float64.
_MOST_EXACT = 2**53
_NARROWEST, _WIDEST, _SAMPLE = 8, 40, 50


class Table(NamedTuple):
    """A frame in a workbook.

    Attributes:
        sheets: The openpyxl sheets that hold the frame, in order; rows can be appended.
        notes: A line for each difference from the frame, and one if there are several sheets.
    """

    sheets: list[Any]
    notes: list[str]


def write_workbook(frame: DataFrame, file: BinaryIO) -> list[str]:
    """Write a frame as the sheet ``results`` of a workbook, see `add_table`.

    Args:
        frame: Rows of results.
        file: File opened in binary mode.

    Returns:
        A line for each column with shortened or changed text, and one if the rows are split over
        several sheets.

    Raises:
        SettingsError: There are more columns than a sheet holds.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    notes = add_table(book, frame, "results").notes
    save_workbook(book, file)
    return notes


def save_workbook(book: Workbook, file: BinaryIO) -> None:
    """Write an openpyxl workbook to a file opened in binary mode."""
    # Written in memory first: if the file cannot be written, the archive that openpyxl keeps open
    # would raise a second error.
    whole = BytesIO()
    book.save(whole)
    file.write(whole.getbuffer())


def add_table(book: Workbook, frame: DataFrame, title: str) -> Table:
    """Add a frame to a workbook, with the column names in the first row of the sheet.

    Rows beyond the limit of a sheet continue on further sheets, ``title (2)`` and so on, each with
    the column names. The first row is frozen and has filters. Each cell has the type of its value.
    Integers beyond 2^53, infinities and times with a time zone are written as text, dictionaries
    and lists as JSON text, and missing values as empty cells. Text is never a formula.

    Args:
        book: An openpyxl workbook created with ``write_only=True``.
        frame: The rows.
        title: Title of the sheet; `sheet_title` makes it valid.

    Raises:
        SettingsError: There are more columns than a sheet holds.
    """
    rows, columns = frame.shape
    if columns > MOST_COLUMNS:
        raise SettingsError(
            f"{columns:,} columns do not fit in an xlsx sheet, which holds {MOST_COLUMNS:,}; write "
            "fewer, or another format: csv, jsonl or parquet"
        )
    cells, most = _Cells(), MOST_ROWS - 1
    parts = [frame.iloc[start : start + most] for start in range(0, max(rows, 1), most)]
    sheets = [_add_sheet(book, part, title, cells) for part in parts]
    notes = cells.notes()
    if len(sheets) > 1:
        notes.append(
            f"{rows:,} rows are on {len(sheets)} sheets, {sheets[0].title} to {sheets[-1].title}: "
            f"a sheet holds {most:,}"
        )
    return Table(sheets, notes)


def sheet_title(book: Workbook, text: str) -> str:
    """Return a valid and unused title for the next sheet.

    Characters that a title cannot hold become ``_``. The title is cut to 31 characters; titles are
    compared without case, and a number is added to one that is taken: ``title (2)``.

    Args:
        book: An openpyxl workbook.
        text: The requested title, in any script.
    """
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    legal = ILLEGAL_CHARACTERS_RE.sub("_", " ".join(escape_surrogates(text).split()))
    legal = "".join("_" if character in _NOT_IN_TITLES else character for character in legal)
    used_titles = {title.casefold() for title in book.sheetnames} | {_RESERVED}
    for candidate in _numbered(legal):
        if candidate.casefold() not in used_titles:
            return candidate
    raise AssertionError("numbers do not end")


def _numbered(text: str) -> Iterator[str]:
    number = 1
    while True:
        end = "" if number == 1 else f" ({number})"
        # An apostrophe at either end would be part of the quotes around a title.
        yield _first_units(text, _LONGEST_TITLE - len(end)).strip("' ") + end or "_"
        number += 1


def _first_units(text: str, most: int) -> str:
    """Return the longest prefix of a text with at most ``most`` UTF-16 code units."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", errors="ignore")


def _add_sheet(book: Workbook, frame: DataFrame, title: str, cells: _Cells) -> Any:
    from openpyxl.utils import get_column_letter

    sheet: Any = book.create_sheet(sheet_title(book, title))
    names = [str(name) for name in frame.columns]
    # In a write-only workbook, these must be set before the first row is appended.
    sheet.freeze_panes = "A2"
    for number, name in enumerate(names):
        letter = get_column_letter(number + 1)
        sheet.column_dimensions[letter].width = _width(name, frame.iloc[:_SAMPLE, number])
    sheet.append(cells.row(sheet, names, names))
    if names:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{len(frame) + 1}"
    for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None):
        sheet.append(cells.row(sheet, names, row))
    return sheet


def _width(name: str, sample: Any) -> int:
    """Return the width of a column, in characters."""
    # Leave room for the filter button.
    longest = max([len(name) + 3, *(len(str(text)) for text in sample if isinstance(text, str))])
    return min(max(longest, _NARROWEST), _WIDEST)


class _Cells:
    """Creates cells, and counts those whose text was shortened or changed."""

    def __init__(self) -> None:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        self._cell, self._illegal = WriteOnlyCell, ILLEGAL_CHARACTERS_RE
        self.cut: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    def row(self, sheet: Any, names: Sequence[str], values: Sequence[Any]) -> list[Any]:
        return [self._of(sheet, name, value) for name, value in zip(names, values, strict=True)]

    def notes(self) -> list[str]:
        keep = "csv, jsonl and parquet keep the whole"
        cut = [
            f"{_cells(count)} of {name} cut to {MOST_CHARACTERS:,} characters, the most that a "
            f"cell of xlsx holds; {keep}"
            for name, count in self.cut.items()
        ]
        return cut + [
            f"{_cells(count)} of {name} written with \ufffd in place of control characters, which "
            f"xlsx cannot hold; {keep}"
            for name, count in self.replaced.items()
        ]

    def _of(self, sheet: Any, name: str, value: Any) -> Any:
        value = to_json(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(sheet, value)
        if isinstance(value, datetime) and value.tzinfo is None:
            return value
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        return self._text(sheet, name, text)

    def _number(self, sheet: Any, value: float) -> Any:
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) > _MOST_EXACT):
            return self._typed(sheet, str(value), "s")
        # openpyxl writes sixteen digits, which are not enough for every float.
        if isinstance(value, int) or float(f"{value:.16g}") == value:
            return value
        return self._typed(sheet, repr(value), "n")

    def _text(self, sheet: Any, name: str, text: str) -> Any:
        fitting = self._fitting(name, text)
        # openpyxl interprets such text as a formula or an error.
        return self._typed(sheet, fitting, "s") if fitting[:1] in ("=", "#") else fitting

    def _typed(self, sheet: Any, text: str, kind: str) -> Any:
        cell = self._cell(sheet, text)
        cell.data_type = kind
        return cell

    def _fitting(self, name: str, text: str) -> str:
        if text.isprintable() and text.isascii() and len(text) <= MOST_CHARACTERS:
            return text
        whole = escape_surrogates(text)
        units = whole.encode("utf-16-le")
        if len(units) > 2 * MOST_CHARACTERS:
            self.cut[name] += 1
            whole = _first_units(whole, MOST_CHARACTERS)
        legal = self._illegal.sub("\ufffd", whole)
        if legal != whole:
            self.replaced[name] += 1
        return legal


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
