"""Write a frame of results as a file of another kind."""

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


def write(frame: DataFrame, form: str, file: BinaryIO) -> list[str]:
    """Write a frame.

    Args:
        frame: As `lemur_core.data` gives it.
        form: One of `FORMS`. Dictionaries and lists are objects in json and jsonl, and their JSON
            elsewhere. Text that a spreadsheet would take for a formula gets an apostrophe before
            it in csv and is marked as text in xlsx. In parquet a column whose values are of
            several types is text; in xlsx each cell has its own.
        file: Opened for bytes.

    Returns:
        A line for each column of which not everything could be written as it is.

    Raises:
        SettingsError: What writes it is not installed, it cannot hold so many rows, or two columns
            have the same name.
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise SettingsError(f"column {twice[0]!r} is there twice; expected each column once")
    try:
        return FORMS[form](frame, file)
    except ImportError as error:
        raise _missing(form, _NEEDED.get(form, error.name)) from error


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
    # pandas' own JSON keeps fifteen digits at most, which are not enough for every real.
    return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def _parquet(frame: DataFrame, file: BinaryIO) -> list[str]:
    flat, notes = unify_types(frame)
    flat.to_parquet(file, engine="pyarrow", index=False)
    return notes


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) else value


FORMS: dict[str, Callable[[DataFrame, BinaryIO], list[str]]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "xlsx": write_workbook,
}
