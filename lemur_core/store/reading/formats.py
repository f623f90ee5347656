"""Write a frame of results as a file of another kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

# Pandas does not say which.
_NEEDED = {"parquet": "pyarrow", "xlsx": "openpyxl"}
# What a spreadsheet takes for the beginning of a formula.
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def check_installed(form: str) -> None:
    """Raise `SettingsError` where what writes a form is not installed."""
    package = _NEEDED.get(form)
    try:
        if package:
            import_module(package)
    except ImportError as error:
        raise _missing(form, package) from error


def _missing(form: str, package: str | None) -> SettingsError:
    return SettingsError(
        f"format {form!r}: {package} is not installed; pip install lemur-core[formats]"
    )


def write(frame: DataFrame, form: str, file: BinaryIO) -> None:
    """Write a frame.

    Args:
        frame: As `lemur_core.data` gives it.
        form: One of `FORMS`. Dictionaries are objects in json and jsonl, and their JSON elsewhere;
            a text that a spreadsheet would take for a formula gets an apostrophe before it in csv
            and is marked as text in xlsx.
        file: Opened for bytes.

    Raises:
        SettingsError: What writes it is not installed.
    """
    try:
        FORMS[form](frame, file)
    except ImportError as error:
        raise _missing(form, _NEEDED.get(form, error.name)) from error


def _csv(frame: DataFrame, file: BinaryIO) -> None:
    flat = _flat(frame)
    for name in _texts(flat):
        flat[name] = flat[name].astype(object).map(_no_formula, na_action="ignore")
    file.write(flat.to_csv(index=False).encode(errors="backslashreplace"))


def _json(frame: DataFrame, file: BinaryIO) -> None:
    file.write(json.dumps(_objects(frame), indent=2).encode() + b"\n")


def _jsonl(frame: DataFrame, file: BinaryIO) -> None:
    for row in _objects(frame):
        file.write(json.dumps(row).encode() + b"\n")


def _objects(frame: DataFrame) -> list[dict[str, Any]]:
    # pandas' own JSON keeps fifteen digits at most, which are not enough for every real.
    return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def _parquet(frame: DataFrame, file: BinaryIO) -> None:
    _flat(frame).to_parquet(file, engine="pyarrow", index=False)


def _xlsx(frame: DataFrame, file: BinaryIO) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("results")

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return None if value != value else value
        # A cell holds so many characters, and no control characters.
        made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)[:32_767])
        made.data_type = "s"
        return made

    flat = _flat(frame)
    sheet.append([cell(name) for name in flat.columns])
    for row in flat.astype(object).where(flat.notna(), None).itertuples(index=False):
        sheet.append([cell(value) for value in row])
    book.save(file)


def _flat(frame: DataFrame) -> DataFrame:
    """Return a frame with the JSON of dictionaries in their place."""
    flat = frame.copy(deep=False)
    for name in frame.columns:
        if len(frame) and isinstance(frame[name].iloc[0], dict):
            flat[name] = [json.dumps(value) for value in frame[name]]
    return flat


def _texts(frame: DataFrame) -> list[str]:
    return [name for name in frame.columns if frame[name].dtype.kind not in "iufb"]


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) else value


FORMS: dict[str, Callable[[DataFrame, BinaryIO], None]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "xlsx": _xlsx,
}
