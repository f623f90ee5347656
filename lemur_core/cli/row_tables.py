"""Rows of results as tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import prm_text
from lemur_core.error_metric import error_number
from lemur_core.store.reading.metric_errors import ERRORS
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame

_PRM = "prm."
_CODE = {"nn_code": "nn", "metric_code": "metric", "transform_code": "transform"}


def rows_text(
    frame: DataFrame, columns: Sequence[str] | None = None, *, rounded: bool = False
) -> str:
    """Return rows as one table for each task, dataset and metric.

    Args:
        frame: The rows.
        columns: The columns that the user chose, which are one table; None for the main ones,
            collection roles and facts.
        rounded: Whether numbers in columns that the user chose have six significant digits.
    """
    if not len(frame):
        return "no such rows"
    if columns is not None:
        # Column by column: a common dtype would turn integers into floats.
        cell = _rounded_text if rounded else _cell_text
        cells = (map(cell, frame[name].tolist()) for name in frame)
        return text_table(list(frame.columns), list(zip(*cells, strict=True)))
    groups = frame.groupby(["task", "dataset", "metric"], sort=False)
    return "\n\n".join(headed("_".join(where), _table(group)) for where, group in groups)


def code_text(frame: DataFrame) -> Iterator[str]:
    """Yield each source code of the rows once, under the name of its net, metric or transform."""
    for column, part in _CODE.items():
        if column not in frame:
            continue
        is_transform = part == "transform"
        names = (
            [_prm(row).get(part) for row in frame.to_dict("records")]
            if is_transform
            else frame[part].tolist()
        )
        codes = frame[column].astype(object).tolist()
        for name, code in dict.fromkeys(zip(names, codes, strict=True)):
            if isinstance(code, str):
                yield headed(f"{'net' if part == 'nn' else part} {name}", code.rstrip("\n"))


def _table(frame: DataFrame) -> str:
    more = _extra_columns(frame)
    # Without an estimator there are no predictions.
    predicted = ["predicted"] if frame["predicted"].notna().any() else []
    # The data label is only needed if the rows come from datasets of different content.
    data = ["data"] if frame["data"].nunique(dropna=False) > 1 else []
    user = ["user"] if "user" in frame else []
    state = ["state"] if _has_unfinished(frame) else []
    scores = _scores(frame)
    averages = _averages(frame, scores[0])
    prms = [name for name in frame if name.startswith(_PRM) and frame[name].notna().any()]
    rows = [
        [
            row["nn"], *(_text_of(row[name]) for name in data),
            *(_cell_text(row[name]) for name in user), row["trial"][:8],
            row["epoch"], *(_state(row[name]) for name in state),
            *(_score(name, row[name]) for name in (*scores, *predicted)),
            *(_average(row, name) for name in averages),
            _digits(row["duration"], 1, 1e9), *(_cell_text(row[name]) for name in more),
            *_prm_cells(row, prms),
        ]
        for row in frame.to_dict("records")
    ]  # fmt: skip
    headers = ["net", *data, *user, "trial", "epoch", *state, *map(_header, scores), *predicted]
    headers += averages.values()
    prm_headers = [name.removeprefix(_PRM) for name in prms] or ["hyperparameters"]
    return text_table([*headers, "seconds", *more, *prm_headers], rows)


def _prm_cells(row: dict[str, Any], prms: Sequence[str]) -> list[str]:
    """Return a cell for each hyperparameter that is a column; without any, one for all."""
    if not prms:
        return [prm_text(_prm(row))]
    values = (row[name] for name in prms)
    return [f"{value:.4g}" if _is_number(value) else _cell_text(value) for value in values]


def _has_unfinished(frame: DataFrame) -> bool:
    """Return whether one of the best rows is of a trial that was not trained to its last epoch."""
    # Rows of all epochs have no place for the state of their trial.
    if "state" not in frame or "seeds" not in frame:
        return False
    return not frame["state"].isin([State.FINISHED, State.IMPORTED]).all()


def _state(name: str) -> str:
    return State(name).words


def _scores(frame: DataFrame) -> tuple[str, ...]:
    """Return the columns of scores to show: errors if all rows have them, both if some do."""
    has_error = frame["error"].notna() if "error" in frame else None
    if has_error is None or not has_error.any():
        return ("accuracy", "validation")
    return ERRORS if has_error.all() else (*ERRORS, "accuracy", "validation")


def _score(name: str, value: Any) -> str:
    is_error = name in ERRORS and value == value
    return error_number(value) if is_error else _digits(value, 4)


def _header(column: str) -> str:
    return column.replace("_", " ")


def _averages(frame: DataFrame, score: str) -> dict[str, str]:
    """Return the columns of a score averaged over seeds, with their headers, if any are."""
    if "seeds" not in frame or not (frame["seeds"].fillna(0) > 1).any():
        return {}
    return {f"{score}_mean": f"mean {score}", "seeds": "n"}


def _average(row: dict[str, Any], name: str) -> str:
    if name == "seeds":
        return _digits(row[name], 0)
    deviation = row[name.replace("_mean", "_std")]
    mean = _digits(row[name], 4)
    return mean if _digits(deviation, 4) == "-" else f"{mean} ± {_digits(deviation, 4)}"


def _extra_columns(frame: DataFrame) -> list[str]:
    """Return the columns shown beside those of every table: roles, positions and facts."""
    from lemur_core.store.reading.collected import ROLES
    from lemur_core.store.reading.frame_options import is_fact

    return [name for name in frame if name in ROLES or is_fact(name)]


def _rounded_text(value: Any) -> str:
    return f"{value:.6g}" if _is_number(value) else _cell_text(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and value == value


def _cell_text(value: Any) -> str:
    from lemur_core.store.reading.columns import is_missing

    return "-" if is_missing(value) else str(value)


def _digits(value: Any, digits: int, unit: float = 1.0) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else f"{value / unit:.{digits}f}"


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else "unknown"


def _prm(row: dict[str, Any]) -> dict[str, Any]:
    if "prm" in row:
        return dict(row["prm"])
    from lemur_core.store.reading.columns import is_missing

    return {
        name.removeprefix(_PRM): value
        for name, value in row.items()
        if name.startswith(_PRM) and not is_missing(value)
    }
