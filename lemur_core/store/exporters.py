"""The exporters of the core, as `lemur_core.kinds.exporter` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.store.patience import patiently
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


def jsonl_code(results: Results, path: Path, *, every: bool = False, test: float = 0.1) -> str:
    """Write nets' code with its scores, a JSON object on each line.

    Args:
        results: What is written.
        path: The file.
        every: Write a line for each trial's hyperparameters, and not for the best only.
        test: Share of the lines that the test split gets, nearly, 0 to 1.
    """
    return _write_corpus(results, path, "jsonl-code", every, test)


def parquet_code(results: Results, path: Path, *, every: bool = False, test: float = 0.1) -> str:
    """Write the same as `jsonl_code` as a table of Apache Parquet."""
    check_installed("parquet")
    return _write_corpus(results, path, "parquet", every, test)


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


def _write_corpus(results: Results, path: Path, form: str, every: bool, test: float) -> str:
    from lemur_core.store.reading.corpus import TEST, TRAIN, corpus
    from lemur_core.store.reading.corpus import write as write_corpus

    filters = results.filters
    found = patiently(
        results.engine,
        lambda connection: corpus(connection, filters, every=every, test=test),
    )
    with path.open("wb") as file:
        _warn_all(write_corpus(found, form, file), results.warn)
    if found.unknown:
        results.warn(f"left out {found.unknown:,} results whose code is not known")
    return (
        f"{len(found.lines):,} lines, {found.tokens:,} tokens of Python; "
        f"{found.families:,} families, {found.of(TRAIN):,} lines to train with, "
        f"{found.of(TEST):,} to test"
    )


def _warn_all(lines: Sequence[str], warn: Callable[[str], None]) -> None:
    for line in lines:
        warn(line)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
