"""The exporters of the core, as `lemur_core.kinds.exporter` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.store.reading.formats import check_installed, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lemur_core.store.reading.results import Results


def csv(results: Results, path: Path) -> str:
    """Write a table of comma-separated values."""
    return _write_frame(results, path, "csv")


def json(results: Results, path: Path) -> str:
    """Write a list of JSON objects."""
    return _write_frame(results, path, "json")


def jsonl(results: Results, path: Path) -> str:
    """Write a JSON object on each line."""
    return _write_frame(results, path, "jsonl")


def parquet(results: Results, path: Path) -> str:
    """Write a table of Apache Parquet."""
    return _write_frame(results, path, "parquet")


def xlsx(results: Results, path: Path) -> str:
    """Write a workbook of one sheet."""
    return _write_frame(results, path, "xlsx")


def lemur(results: Results, path: Path) -> str:
    """Write a folder of LEMUR's JSON files, from which `lemur db import` takes all back."""
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


def _warn_all(lines: Sequence[str], warn: Callable[[str], None]) -> None:
    for line in lines:
        warn(line)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
