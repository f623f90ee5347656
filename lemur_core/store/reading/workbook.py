"""Write a frame of results as an xlsx workbook."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from lemur_core.errors import SettingsError
from lemur_core.store.reading.columns import escape_surrogates, to_json

if TYPE_CHECKING:
    from pandas import DataFrame

# Of a sheet, and of a cell in UTF-16 code units.
MOST_ROWS, MOST_COLUMNS, MOST_CHARACTERS = 1_048_576, 16_384, 32_767
# A spreadsheet's numbers are float64.
_MOST_EXACT = 2**53


def write_workbook(frame: DataFrame, file: BinaryIO) -> list[str]:
    """Write a frame as the sheet ``results`` of a workbook, its columns' names in the first row.

    Each cell has the type of its value. Whole numbers beyond 2^53, infinities and times with a zone
    are text, dictionaries and lists their JSON, and what is missing is empty. Text is never a
    formula.

    Args:
        frame: Rows of results.
        file: Opened for bytes.

    Returns:
        A line for each column with text that is not whole in its cell.

    Raises:
        SettingsError: There are more rows or columns than a sheet holds.
    """
    from openpyxl import Workbook

    _check_size(frame)
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("results")
    cells = _Cells(sheet)
    names = [str(name) for name in frame.columns]
    sheet.append(cells.row(names, names))
    for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None):
        sheet.append(cells.row(names, row))
    # Where a file cannot be written, the archive that openpyxl keeps open would complain twice.
    whole = BytesIO()
    book.save(whole)
    file.write(whole.getbuffer())
    return cells.notes()


def _check_size(frame: DataFrame) -> None:
    rows, columns = frame.shape
    for count, most, what in (
        (rows, MOST_ROWS - 1, "rows"),
        (columns, MOST_COLUMNS, "columns"),
    ):
        if count > most:
            raise SettingsError(
                f"{count:,} {what} do not fit in an xlsx sheet, which holds {most:,}; write fewer, "
                "or another format: csv, jsonl or parquet"
            )


class _Cells:
    """Makes cells, and counts those that do not hold the whole of their text."""

    def __init__(self, sheet: Any) -> None:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        self.sheet, self._cell, self._illegal = sheet, WriteOnlyCell, ILLEGAL_CHARACTERS_RE
        self.cut: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    def row(self, names: Sequence[str], values: Sequence[Any]) -> list[Any]:
        return [self._of(name, value) for name, value in zip(names, values, strict=True)]

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

    def _of(self, name: str, value: Any) -> Any:
        value = to_json(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._number(name, value)
        if isinstance(value, datetime) and value.tzinfo is None:
            return value
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        return self._typed(self._fitting(name, text), "s")

    def _number(self, name: str, value: float) -> Any:
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) > _MOST_EXACT):
            return self._typed(str(value), "s")
        # openpyxl itself writes sixteen digits, which are not enough for every real.
        return self._typed(repr(value), "n")

    def _typed(self, text: str, kind: str) -> Any:
        made = self._cell(self.sheet, text)
        made.data_type = kind
        return made

    def _fitting(self, name: str, text: str) -> str:
        whole = escape_surrogates(text)
        units = whole.encode("utf-16-le")
        if len(units) > 2 * MOST_CHARACTERS:
            self.cut[name] += 1
            whole = units[: 2 * MOST_CHARACTERS].decode("utf-16-le", errors="ignore")
        legal = self._illegal.sub("\ufffd", whole)
        if legal != whole:
            self.replaced[name] += 1
        return legal


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
