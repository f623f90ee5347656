"""``lemur reproduce-paper``: check the claims of a published paper."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import (
    datasets_option,
    db_option,
    print_line,
    print_text,
    text_table,
)
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_analysis.papers.paper import CheckedClaim

HEADERS = ("claim", "where", "published", "ours", "agrees")


@click.command("reproduce-paper")
@click.argument("name")
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of published files, such as lemur/stat.zip, or of zoos.  [the database]",
)
@click.option(
    "--out",
    metavar="FILE.csv|FILE.json",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the claims to a file.",
)
@datasets_option
@db_option
@click.pass_context
def reproduce_paper(
    context: click.Context,
    name: str,
    data: Path | None,
    out: Path | None,
    datasets: Path,
    db: str,
) -> None:
    """Check the claims of the paper NAME; lemur list paper shows the names.

    Published data is read from the folder --data, or from the database into which it was imported.
    If the paper itself is wrong, the difference is explained below the table. Without a published
    value, ours is only shown. The exit status is 1 if a claim differs without an explanation, or if
    no claim could be checked.
    """
    from lemur_analysis.papers.paper import ClaimStatus, Sources, check
    from lemur_core import installed
    from lemur_core.errors import SettingsError

    if out is not None and out.suffix not in (".csv", ".json"):
        raise SettingsError(f"{out}: expected a file whose name ends in .csv or .json")
    claims = installed().get("paper", name).load()
    checked = [check(claim) for claim in claims(Sources(data, db, datasets))]
    print_text(text_table(HEADERS, [_row(result) for result in checked]))
    for line in _remarks(checked):
        print_line(line)
    verdicts = [result.verdict for result in checked]
    print_line(
        ", ".join(f"{name}: {verdicts.count(name)}" for name in ClaimStatus if name in verdicts)
    )
    if out is not None:
        _write(checked, out)
        print_line(f"wrote {out}")
    failed = ClaimStatus.DIFFERS in verdicts or set(verdicts) <= {ClaimStatus.MISSING}
    context.exit(1 if failed else 0)


def _row(result: CheckedClaim) -> Sequence[object]:
    claim = result.claim
    values = (_value_text(claim.published), _value_text(result.ours))
    return (claim.text, claim.where, *values, str(result.verdict))


def _finite(value: float | str | None) -> float | str | None:
    # JSON has no NaN.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _value_text(value: float | str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.6g}"


def _remarks(checked: Sequence[CheckedClaim]) -> Iterator[str]:
    """Yield the reasons why claims differ or could not be checked, each reason once."""
    from lemur_analysis.papers.paper import ClaimStatus

    for verdict, reason in (
        (
            ClaimStatus.DIFFERS,
            lambda result: f"tolerance {result.claim.tolerance:g}: {result.claim.reason}",
        ),
        (ClaimStatus.DISPUTED, lambda result: result.claim.dispute),
        (ClaimStatus.UNCOMPARED, _why_uncompared),
        (ClaimStatus.MISSING, lambda result: result.missing),
    ):
        reasons: dict[str, list[str]] = {}
        for result in checked:
            if result.verdict is verdict:
                reasons.setdefault(reason(result), []).append(result.claim.text)
        for why, texts in reasons.items():
            what = "; ".join(texts) if len(texts) <= 3 else f"{len(texts)} claims"
            yield f"{verdict}: {what}: {why}"


def _why_uncompared(result: CheckedClaim) -> str:
    return result.claim.dispute or "the published value is not available"


def _write(checked: Sequence[CheckedClaim], out: Path) -> None:
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            "claim": result.claim.text,
            "where": result.claim.where,
            "published": result.claim.published,
            "ours": _finite(result.ours),
            "tolerance": result.claim.tolerance,
            "reason": result.claim.reason,
            "agrees": str(result.verdict),
            "dispute": result.claim.dispute if result.verdict == "no, explained" else "",
            "missing": result.missing,
        }
        for result in checked
    ]
    with replacement(out) as temporary:
        if out.suffix == ".csv":
            pd.DataFrame(rows).to_csv(temporary, index=False)
        else:
            temporary.write_text(
                json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            )
