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

# Of a sheet, and of a cell in UTF-16 code units.
MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_576, 16_384, 32_767
# Of a sheet's title, in UTF-16 code units.
_LONGEST_TITLE = 31
_NOT_IN_TITLES = frozenset("[]:*?/\\")
# Excel keeps this title for itself.
_RESERVED = "history"
# A spreadsheet's numbers are float64.
_MOST_EXACT = 2**53
_NARROWEST, _WIDEST, _SAMPLE = 8, 40, 50


class Table(NamedTuple):
    """A frame in a workbook.

    Attributes:
        sheets: The sheets of openpyxl that hold it, in their order; rows can be appended.
        notes: A line for what is not in it as the frame has it, or not on one sheet.
    """

    sheets: list[Any]
    notes: list[str]


def write_workbook(frame: DataFrame, file: BinaryIO) -> list[str]:
    """Write a frame as the sheet ``results`` of a workbook, as `add_table` does.

    Args:
        frame: Rows of results.
        file: Opened for bytes.

    Returns:
        A line for each column with text that is not whole in its cell, and one if the rows are on
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
    """Write a workbook of openpyxl to a file that is opened for bytes."""
    # Where a file cannot be written, the archive that openpyxl keeps open would complain twice.
    whole = BytesIO()
    book.save(whole)
    file.write(whole.getbuffer())


def add_table(book: Workbook, frame: DataFrame, title: str) -> Table:
    """Add a frame to a workbook, the names of its columns in the first row of a sheet.

    Rows that a sheet does not hold follow on further ones, ``title (2)`` and so on, each with the
    names. The first row stays in view and has filters. Each cell has the type of its value. Whole
    numbers beyond 2^53, infinities and times with a zone are text, dictionaries and lists their
    JSON, and what is missing is empty. Text is never a formula.

    Args:
        book: A workbook of openpyxl that was made with ``write_only=True``.
        frame: The rows.
        title: Of the sheet, as `sheet_title` makes it legal.

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
    """Return a title for the next sheet that a spreadsheet accepts and no sheet has.

    What a title cannot hold becomes ``_``. It has 31 characters at most, upper and lower case are
    the same, and one that is taken gets a number: ``title (2)``.

    Args:
        book: A workbook of openpyxl.
        text: The title, in any script.
    """
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    legal = ILLEGAL_CHARACTERS_RE.sub("_", " ".join(escape_surrogates(text).split()))
    legal = "".join("_" if one in _NOT_IN_TITLES else one for one in legal)
    taken = {title.casefold() for title in book.sheetnames} | {_RESERVED}
    for made in _numbered(legal):
        if made.casefold() not in taken:
            return made
    raise AssertionError("numbers do not end")


def _numbered(text: str) -> Iterator[str]:
    number = 1
    while True:
        end = "" if number == 1 else f" ({number})"
        # An apostrophe at either end is part of how a title is quoted.
        yield _first_units(text, _LONGEST_TITLE - len(end)).strip("' ") + end or "_"
        number += 1


def _first_units(text: str, most: int) -> str:
    """Return the beginning of a text, so many UTF-16 code units at most."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", errors="ignore")


def _add_sheet(book: Workbook, frame: DataFrame, title: str, cells: _Cells) -> Any:
    from openpyxl.utils import get_column_letter

    sheet: Any = book.create_sheet(sheet_title(book, title))
    names = [str(name) for name in frame.columns]
    # In a workbook that is only written, what precedes the rows comes before the first of them.
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
    """Return how wide a column is, in characters."""
    # The button of the filter takes some.
    longest = max([len(name) + 3, *(len(str(one)) for one in sample if isinstance(one, str))])
    return min(max(longest, _NARROWEST), _WIDEST)


class _Cells:
    """Makes cells, and counts those that do not hold the whole of their text."""

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
        # openpyxl itself writes sixteen digits, which are not enough for every real.
        if isinstance(value, int) or float(f"{value:.16g}") == value:
            return value
        return self._typed(sheet, repr(value), "n")

    def _text(self, sheet: Any, name: str, text: str) -> Any:
        fitting = self._fitting(name, text)
        # openpyxl takes these for formulas and errors, and other text for text.
        return self._typed(sheet, fitting, "s") if fitting[:1] in ("=", "#") else fitting

    def _typed(self, sheet: Any, text: str, kind: str) -> Any:
        made = self._cell(sheet, text)
        made.data_type = kind
        return made

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
