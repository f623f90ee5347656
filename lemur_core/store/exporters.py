"""The exporters of the core; `lemur_core.kinds.exporter` documents the interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError
from lemur_core.store.reading import markup
from lemur_core.store.reading.formats import check_installed, write
from lemur_core.store.reading.printed import PrintedTable, printed_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lemur_core.store.reading.results import Results

# More decimals than a float64 has.
_MOST_DIGITS = 17


def csv(results: Results, path: Path) -> str:
    """Write comma-separated values."""
    return _write_frame(results, path, "csv")


def json(results: Results, path: Path) -> str:
    """Write a JSON array with an object for each row."""
    return _write_frame(results, path, "json")


def jsonl(results: Results, path: Path) -> str:
    """Write a JSON object per line."""
    return _write_frame(results, path, "jsonl")


def parquet(results: Results, path: Path) -> str:
    """Write an Apache Parquet file."""
    return _write_frame(results, path, "parquet")


def xlsx(results: Results, path: Path) -> str:
    """Write an Excel workbook with one sheet."""
    return _write_frame(results, path, "xlsx")


def markdown(results: Results, path: Path, *, digits: int = 4) -> str:
    """Write a Markdown table; scores have ``digits`` decimals."""
    return _write_text(results, path, digits, markup.markdown)


def latex(results: Results, path: Path, *, digits: int = 4) -> str:
    """Write a LaTeX table with booktabs; scores have ``digits`` decimals."""
    return _write_text(results, path, digits, markup.latex)


def lemur(results: Results, path: Path) -> str:
    """Write a folder of LEMUR's JSON files, which `lemur db import` reads without loss."""
    from lemur_core.store.export import export

    written, left_out = export(results.engine, path, results.filters, results.warn)
    for name in left_out:
        results.warn(f"{name!r} cannot be the name of a folder; left out")
    return _count(written, "record")


def _write_frame(results: Results, path: Path, form: str) -> str:
    check_installed(form)
    frame = results.frame()
    with path.open("wb") as file:
        _warn_all(write(frame, form, file), results.warn)
    return _count(len(frame), "row")


def _write_text(
    results: Results, path: Path, digits: int, text: Callable[[PrintedTable], str]
) -> str:
    if not 0 <= digits <= _MOST_DIGITS:
        raise SettingsError(f"digits={digits}: expected a number from 0 to {_MOST_DIGITS}")
    frame = results.frame()
    table = printed_table(frame, digits, chosen="columns" in results.arguments)
    path.write_text(text(table), encoding="utf-8", newline="\n")
    return _count(len(frame), "row")


def _warn_all(lines: Sequence[str], warn: Callable[[str], None]) -> None:
    for line in lines:
        warn(line)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
