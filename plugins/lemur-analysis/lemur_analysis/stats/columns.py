"""Columns that the statistics read and group by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas import Series

from lemur_analysis.frame import NANOSECONDS, check_columns
from lemur_analysis.frame import numbers as column_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

PRM = "prm."


def numbers(frame: DataFrame, name: str) -> Series:
    """Return a column as float64; missing and infinite values are NaN.

    If the frame has no column ``seconds``, it is computed from ``duration``.

    Raises:
        SettingsError: The column does not exist, or contains values that are not numbers.
    """
    if name == "seconds" and name not in frame.columns:
        check_columns(frame, ("duration",))
        return column_numbers(frame, "duration").rename("seconds") / NANOSECONDS
    check_columns(frame, (name,))
    return column_numbers(frame, name)


def present(frame: DataFrame, names: Sequence[str]) -> list[str]:
    """Return those of the given column names that the frame has."""
    return [name for name in names if name in frame.columns]


def settings(frame: DataFrame) -> Series | None:
    """Return the hyperparameters of each row as text, for grouping.

    They are read from the column ``prm`` or the columns ``prm.*``. Without these, the result is the
    column ``trial``, or None if the frame has no such column either.
    """
    if "prm" in frame.columns:
        # Rows of a trial share one dictionary.
        values = frame["prm"].tolist()
        codes, _ = pd.factorize(np.fromiter(map(id, values), np.int64, len(values)))
        _, first = np.unique(codes, return_index=True)
        unique_texts = np.array([_text(values[row]) for row in first], dtype=object)
        text_codes, texts = pd.factorize(unique_texts)
        return Series(pd.Categorical.from_codes(text_codes[codes], texts), index=frame.index)
    columns = [name for name in frame.columns if str(name).startswith(PRM)]
    if columns:
        rows = frame[columns].rename(columns=lambda name: name.removeprefix(PRM))
        records = rows.astype(object).where(rows.notna(), None).to_dict("records")
        texts = [
            _text({name: value for name, value in record.items() if value is not None})
            for record in records
        ]
        return Series(texts, index=frame.index, dtype="category")
    return frame["trial"] if "trial" in frame.columns else None


def _text(prm: Any) -> str:
    return json.dumps(prm, sort_keys=True, default=str)
