"""Exporters of nets' code with its scores, to teach language models with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lemur_check.corpus import MEMBERS, TEST, TRAIN, Corpus, corpus
from lemur_core.tables import check_installed, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core import Results


def jsonl_code(results: Results, path: Path, *, every: bool = False, test: float = 0.1) -> str:
    """Write nets' code with its scores, a JSON object on each line.

    Args:
        results: What is written.
        path: The file.
        every: Write a line for each trial's hyperparameters, and not for the best only.
        test: Share of the lines that the test split gets, nearly, 0 to 1.
    """
    found = _corpus(results, every, test)
    with path.open("wb") as file:
        for line in found.lines:
            file.write(json.dumps(line).encode() + b"\n")
    return _summary(found)


def parquet_code(results: Results, path: Path, *, every: bool = False, test: float = 0.1) -> str:
    """Write the same as `jsonl_code` as a table of Apache Parquet; ``prm`` is a text of JSON."""
    import pandas as pd

    check_installed("parquet")
    found = _corpus(results, every, test)
    frame = pd.DataFrame(found.lines, columns=list(MEMBERS))
    frame = frame.astype({"parameters": "Int64", "duration": "Int64"})
    with path.open("wb") as file:
        for note in write_table(frame, "parquet", file):
            results.warn(note)
    return _summary(found)


def _corpus(results: Results, every: bool, test: float) -> Corpus:
    found = corpus(results, every=every, test=test)
    if found.unknown:
        results.warn(
            f"left out {found.unknown:,} results whose code is not known or cannot be read"
        )
    return found


def _summary(found: Corpus) -> str:
    return (
        f"{len(found.lines):,} lines, {found.tokens:,} tokens of Python; "
        f"{found.families:,} families, {found.of(TRAIN):,} lines to train with, "
        f"{found.of(TEST):,} to test"
    )
