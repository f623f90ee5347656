"""Columns that statistics read and group by."""

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
    """Return a column as float64, where what is missing or infinite is NaN.

    ``seconds`` is made of ``duration`` where there is no such column.

    Raises:
        SettingsError: There is no such column, or it holds something else.
    """
    if name == "seconds" and name not in frame.columns:
        check_columns(frame, ("duration",))
        return column_numbers(frame, "duration").rename("seconds") / NANOSECONDS
    check_columns(frame, (name,))
    return column_numbers(frame, name)


def present(frame: DataFrame, names: Sequence[str]) -> list[str]:
    """Return those of some columns that a frame has."""
    return [name for name in names if name in frame.columns]


def settings(frame: DataFrame) -> Series | None:
    """Return the hyperparameters of each row as text, of which equal ones are one category.

    They are those of the column ``prm``, or of the columns ``prm.*``; without either, it is the
    trial's id. None: the frame has none of them.
    """
    if "prm" in frame.columns:
        # Rows of a trial share one dictionary.
        values = frame["prm"].tolist()
        codes, _ = pd.factorize(np.fromiter(map(id, values), np.int64, len(values)))
        _, first = np.unique(codes, return_index=True)
        own, texts = pd.factorize(np.array([_text(values[one]) for one in first], dtype=object))
        return Series(pd.Categorical.from_codes(own[codes], texts), index=frame.index)
    apart = [name for name in frame.columns if str(name).startswith(PRM)]
    if apart:
        rows = frame[apart].rename(columns=lambda name: name.removeprefix(PRM))
        records = rows.astype(object).where(rows.notna(), None).to_dict("records")
        texts = [
            _text({name: one for name, one in record.items() if one is not None})
            for record in records
        ]
        return Series(texts, index=frame.index, dtype="category")
    return frame["trial"] if "trial" in frame.columns else None


def _text(prm: Any) -> str:
    return json.dumps(prm, sort_keys=True, default=str)
