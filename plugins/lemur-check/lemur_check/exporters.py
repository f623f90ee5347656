"""Exporters of nets' code with its scores, to train language models on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lemur_check.corpus import MEMBERS, TEST, TRAIN, Corpus, corpus
from lemur_core.tables import check_installed, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core import Results


def jsonl_code(results: Results, path: Path, *, every: bool = False, test: float = 0.1) -> str:
    """Write the code of nets with its scores, one JSON object per line.

    Args:
        results: The results to write.
        path: The file.
        every: Write a line for each trial's hyperparameters instead of only the best.
        test: Approximate fraction of lines in the test split, 0 to 1.
    """
    exported = _corpus(results, every, test)
    with path.open("wb") as file:
        for line in exported.lines:
            file.write(json.dumps(line).encode() + b"\n")
    return _summary(exported)


def parquet_code(results: Results, path: Path, *, every: bool = False, test: float = 0.1) -> str:
    """Write what `jsonl_code` writes as an Apache Parquet table; ``prm`` is a string of JSON."""
    import pandas as pd

    check_installed("parquet")
    exported = _corpus(results, every, test)
    frame = pd.DataFrame(exported.lines, columns=list(MEMBERS))
    frame = frame.astype({"parameters": "Int64", "duration": "Int64"})
    with path.open("wb") as file:
        for note in write_table(frame, "parquet", file):
            results.warn(note)
    return _summary(exported)


def _corpus(results: Results, every: bool, test: float) -> Corpus:
    exported = corpus(results, every=every, test=test)
    if exported.unknown:
        results.warn(
            f"left out {exported.unknown:,} results whose code is not known or cannot be read"
        )
    return exported


def _summary(exported: Corpus) -> str:
    return (
        f"{len(exported.lines):,} lines, {exported.tokens:,} tokens of Python; "
        f"{exported.families:,} families, {exported.of(TRAIN):,} lines to train with, "
        f"{exported.of(TEST):,} to test"
    )
