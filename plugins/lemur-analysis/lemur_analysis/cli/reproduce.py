"""``lemur reproduce-paper``: a paper's claims, checked again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import db_option, print_line, print_text, text_table
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
    help="Folder of published files, lemur/stat.zip for example.  [the database]",
)
@click.option(
    "--out",
    metavar="FILE.csv|FILE.json",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the claims to a file.",
)
@db_option
@click.pass_context
def reproduce_paper(
    context: click.Context, name: str, data: Path | None, out: Path | None, db: str
) -> None:
    """Check the claims of the paper NAME again; lemur list paper names those that are known.

    Published files come from --data, or else from the database that took them in. Where the paper
    itself is wrong, the difference is explained below the table. Status 1 where a claim differs
    without an explanation, or nothing could be checked.
    """
    from lemur_analysis.papers.paper import ClaimStatus, Sources, check
    from lemur_core import installed
    from lemur_core.errors import SettingsError

    if out is not None and out.suffix not in (".csv", ".json"):
        raise SettingsError(f"{out}: expected a file whose name ends in .csv or .json")
    claims = installed().get("paper", name).load()
    done = [check(claim) for claim in claims(Sources(data, db))]
    print_text(text_table(HEADERS, [_row(one) for one in done]))
    for line in _remarks(done):
        print_line(line)
    verdicts = [one.verdict for one in done]
    print_line(
        ", ".join(f"{name}: {verdicts.count(name)}" for name in ClaimStatus if name in verdicts)
    )
    if out is not None:
        _write(done, out)
        print_line(f"wrote {out}")
    failed = ClaimStatus.DIFFERS in verdicts or set(verdicts) <= {ClaimStatus.MISSING}
    context.exit(1 if failed else 0)


def _row(one: CheckedClaim) -> Sequence[object]:
    ours = "-" if one.ours is None else _shown(one.ours)
    claim = one.claim
    return (claim.text, claim.where, _shown(claim.published), ours, str(one.verdict))


def _finite(value: float | str | None) -> float | str | None:
    # No JSON has NaN.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _remarks(done: Sequence[CheckedClaim]) -> Iterator[str]:
    """Yield why claims differ or could not be checked, each reason once."""
    from lemur_analysis.papers.paper import ClaimStatus

    for verdict, reason in (
        (ClaimStatus.DIFFERS, lambda one: f"tolerance {one.claim.tolerance:g}: {one.claim.reason}"),
        (ClaimStatus.DISPUTED, lambda one: one.claim.dispute),
        (ClaimStatus.MISSING, lambda one: one.missing),
    ):
        reasons: dict[str, list[str]] = {}
        for one in done:
            if one.verdict is verdict:
                reasons.setdefault(reason(one), []).append(one.claim.text)
        for why, texts in reasons.items():
            what = "; ".join(texts) if len(texts) <= 3 else f"{len(texts)} claims"
            yield f"{verdict}: {what}: {why}"


def _write(done: Sequence[CheckedClaim], out: Path) -> None:
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            "claim": one.claim.text,
            "where": one.claim.where,
            "published": one.claim.published,
            "ours": _finite(one.ours),
            "tolerance": one.claim.tolerance,
            "reason": one.claim.reason,
            "agrees": str(one.verdict),
            "dispute": one.claim.dispute if one.verdict == "no, explained" else "",
            "missing": one.missing,
        }
        for one in done
    ]
    with replacement(out) as made:
        if out.suffix == ".csv":
            pd.DataFrame(rows).to_csv(made, index=False)
        else:
            made.write_text(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
