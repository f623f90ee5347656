"""The tables of a replay, as text and as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_estimators.replay.measures import BEST, Measures

if TYPE_CHECKING:
    from collections.abc import Mapping


def rows_of(measured: Mapping[str, Measures]) -> list[dict[str, object]]:
    """Return a row for each estimator, to be written as CSV; scores and shares are 0 to 1."""
    rows = []
    for name, one in measured.items():
        row: dict[str, object] = {"estimator": name} | vars(one)
        for part in ("overlap", "difference"):
            values = zip(BEST, row.pop(part), strict=True)  # type: ignore[call-overload]
            row |= {f"{part}_{share:.0%}": value for share, value in values}
        names = ("saved_first_quarter", "saved_half", "saved_third_quarter")
        row |= dict(zip(names, row.pop("quartiles"), strict=True))  # type: ignore[call-overload]
        rows.append(row)
    return rows


def tables(measured: Mapping[str, Measures]) -> str:
    """Return what was saved and what was kept, as Tables IV and V of PEng4NN have it, and more."""
    saved = [("estimator", "epochs saved", "quartiles", "throughput", "ms a decision")]
    best = [("estimator", *(f"overlap {share:.0%}" for share in BEST))]
    best[0] += (*(f"lost {share:.0%}" for share in BEST), "regret")
    true = [("estimator", "error", "bias", "within 90 %", "its width")]
    for name, one in measured.items():
        quartiles = " ".join(f"{100 * part:.0f}" for part in one.quartiles)
        saved.append(
            (
                name,
                f"{100 * one.saved:.1f} %",
                quartiles,
                f"x {one.throughput:.2f}",
                f"{one.milliseconds:.2f}",
            )
        )
        best.append(
            (
                name,
                *(f"{part:.3f}" for part in one.overlap),
                *(_points(part) for part in one.difference),
                _points(one.regret),
            )
        )
        covered = "-" if one.covered != one.covered else f"{100 * one.covered:.0f} %"
        width = "-" if one.width != one.width else _points(one.width)
        true.append((name, _points(one.error), _points(one.bias), covered, width))
    return "\n\n".join(
        (
            "What is saved\n" + _aligned(saved),
            "What is kept: overlap of the predicted and the true best, and the points of mean "
            "score that these lose\n" + _aligned(best),
            "How true predictions of trials that were ended early are, in points\n"
            + _aligned(true),
        )
    )


def _points(score: float) -> str:
    return f"{100 * score:.2f}"


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
