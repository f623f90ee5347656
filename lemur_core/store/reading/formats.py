"""Write a frame of results to a file in one of several formats."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from lemur_core.errors import SettingsError
from lemur_core.store.reading.columns import map_values, to_json, unify_types
from lemur_core.store.reading.workbook import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame

# The package that each format needs; pandas' own error does not name it.
_REQUIRED_PACKAGES = {"parquet": "pyarrow", "xlsx": "openpyxl"}
# Text that starts with one of these is a formula to a spreadsheet.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def check_installed(form: str) -> None:
    """Raise `SettingsError` if the package that a format needs is not installed."""
    package = _REQUIRED_PACKAGES.get(form)
    try:
        if package:
            import_module(package)
    except ImportError as error:
        raise _missing(form, package) from error


def _missing(form: str, package: str | None) -> SettingsError:
    return SettingsError(
        f"format {form!r}: {package} is not installed; pip install 'lemur-core[formats]'"
    )


def write(frame: DataFrame, form: str, file: BinaryIO) -> list[str]:
    """Write a frame to a file.

    Args:
        frame: Results, as `lemur_core.data` returns them.
        form: A key of `FORMS`. Dictionaries and lists are written as objects and arrays in json
            and jsonl, and as JSON text in the other formats. Text that a spreadsheet would
            interpret as a formula is prefixed with an apostrophe in csv and marked as text in
            xlsx. In parquet, a column with values of several types becomes text; in xlsx, each
            cell has its own type.
        file: File opened in binary mode.

    Returns:
        A note for each column that could not be written unchanged.

    Raises:
        SettingsError: A required package is not installed, the format cannot hold that many
            columns, or two columns have the same name.
    """
    duplicates = frame.columns[frame.columns.duplicated()]
    if len(duplicates):
        raise SettingsError(f"column {duplicates[0]!r} appears twice; expected each column once")
    try:
        return FORMS[form](frame, file)
    except ImportError as error:
        raise _missing(form, _REQUIRED_PACKAGES.get(form, error.name)) from error


def _csv(frame: DataFrame, file: BinaryIO) -> list[str]:
    flat = frame.copy(deep=False)
    for name in frame.columns:
        if frame[name].dtype.kind not in "iufb":
            flat[name] = map_values(frame[name], lambda value: _no_formula(to_json(value)))
    file.write(flat.to_csv(index=False).encode(errors="backslashreplace"))
    return []


def _json(frame: DataFrame, file: BinaryIO) -> list[str]:
    file.write(json.dumps(_objects(frame), indent=2).encode() + b"\n")
    return []


def _jsonl(frame: DataFrame, file: BinaryIO) -> list[str]:
    for row in _objects(frame):
        file.write(json.dumps(row).encode() + b"\n")
    return []


def _objects(frame: DataFrame) -> list[dict[str, Any]]:
    # pandas' own JSON keeps at most fifteen digits, which are not enough for every float.
    return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def _parquet(frame: DataFrame, file: BinaryIO) -> list[str]:
    flat, notes = unify_types(frame)
    flat.to_parquet(file, engine="pyarrow", index=False)
    return notes


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


FORMS: dict[str, Callable[[DataFrame, BinaryIO], list[str]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "xlsx": write_workbook,
}
