"""Make the tables of a replay, as text and as rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lemur_estimators.replay.measures import BEST, Measures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def rows_of(measured: Mapping[str, Measures]) -> list[dict[str, object]]:
    """Return a row of a CSV file for each estimator; scores and shares are 0 to 1."""
    rows = []
    for name, measures in measured.items():
        row: dict[str, object] = {"estimator": name} | vars(measures)
        for part in ("overlap", "difference"):
            values = zip(BEST, row.pop(part), strict=True)  # type: ignore[call-overload]
            row |= {f"{part}_{share:.0%}": value for share, value in values}
        names = ("saved_first_quarter", "saved_half", "saved_third_quarter")
        row |= dict(zip(names, row.pop("quartiles"), strict=True))  # type: ignore[call-overload]
        rows.append(row)
    return rows


def tables(measured: Mapping[str, Measures]) -> str:
    """Return tables of the epochs saved, the best trials, and the predictions.

    The first two correspond to Tables IV and V of the PEng4NN paper.
    """
    saved = [("estimator", "epochs saved", "quartiles", "throughput", "ms a decision")]
    best = [("estimator", *(f"overlap {share:.0%}" for share in BEST))]
    best[0] += (*(f"lost {share:.0%}" for share in BEST), "regret")
    errors = [("estimator", "error", "bias", "within 90 %", "its width")]
    for name, measures in measured.items():
        saved.append(
            (
                name,
                f"{100 * measures.saved:.1f} %",
                " ".join(f"{100 * share:.0f}" for share in measures.quartiles),
                f"x {measures.throughput:.2f}",
                f"{measures.milliseconds:.2f}",
            )
        )
        best.append(
            (
                name,
                *(f"{share:.3f}" for share in measures.overlap),
                *map(_points, measures.difference),
                _points(measures.regret),
            )
        )
        covered = "-" if math.isnan(measures.covered) else f"{100 * measures.covered:.0f} %"
        width = "-" if math.isnan(measures.width) else _points(measures.width)
        errors.append((name, _points(measures.error), _points(measures.bias), covered, width))
    return "\n\n".join(
        (
            "Epochs saved\n" + _aligned(saved),
            "Overlap of the predicted and the true best trials, and percentage points of mean "
            "score lost\n" + _aligned(best),
            "Errors of predictions for trials that were stopped early, in percentage points\n"
            + _aligned(errors),
        )
    )


def _points(score: float) -> str:
    return f"{100 * score:.2f}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
