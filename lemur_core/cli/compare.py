"""``lemur compare``: two trials side by side, and what differs between them."""

from __future__ import annotations

from difflib import unified_diff
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line, print_lines, print_text
from lemur_core.cli.table import text_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core.store.reading.stored_trial import StoredEpoch, StoredTrial


@click.command()
@click.argument("one")
@click.argument("other")
@db_option
def compare(one: str, other: str, db: str) -> None:
    """Show in what two trials differ, and their scores side by side; ids may be shortened."""
    from lemur_core.store.database import opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.stored_trial import read_stored_trial

    with opened(db) as engine:
        first, second = (
            patiently(engine, partial(read_stored_trial, uid=uid)) for uid in (one, other)
        )
    print_text("\n\n".join(filter(None, (_facts(first, second), _curves(first, second)))))
    for lines in _code(first, second):
        print_line()
        print_lines(lines)


def _facts(one: StoredTrial, other: StoredTrial) -> str:
    rows = list(_differing("", one.facts, other.facts, (*one.settings, "state")))
    rows += _differing("", _data(one), _data(other))
    rows += _differing("prm ", one.prm, other.prm)
    rows += _differing("version ", one.facts["versions"], other.facts["versions"])
    same = "they differ in nothing but their numbers"
    headers = ["", one.facts["uid"][:8], other.facts["uid"][:8]]
    return text_table(headers, rows) if rows else same


def _data(told: StoredTrial) -> dict[str, str]:
    return {} if told.data is None else {"data": f"{told.data.label} ({told.data.sizes})"}


def _differing(
    prefix: str,
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    names: tuple[str, ...] | None = None,
) -> Iterator[list[str]]:
    for name in names or sorted({*one, *other}):
        if one.get(name) != other.get(name):
            yield [f"{prefix}{name}", *(str(each.get(name, "-")) for each in (one, other))]


def _curves(one: StoredTrial, other: StoredTrial) -> str:
    rows = [
        [str(number), *_scores(first), *_scores(second)]
        for number, (first, second) in enumerate(zip_longest(one.epochs, other.epochs), 1)
    ]
    headers = ["epoch"]
    for told in (one, other):
        headers += [f"{name} {told.facts['uid'][:8]}" for name in ("accuracy", "validation")]
    return text_table(headers, rows) if rows else ""


def _scores(epoch: StoredEpoch | None) -> list[str]:
    return ["-", "-"] if epoch is None else [_digits(epoch.accuracy), _digits(epoch.validation)]


def _code(one: StoredTrial, other: StoredTrial) -> Iterator[list[str]]:
    for kind in sorted({*one.codes, *other.codes}):
        before, after = (_source_lines(told.codes.get(kind, "")) for told in (one, other))
        old, new = (f"{kind} {told.facts['uid'][:8]}" for told in (one, other))
        lines = list(unified_diff(before, after, old, new, lineterm=""))
        if lines:
            yield lines


def _source_lines(code: str) -> list[str]:
    *lines, last = code.split("\n")
    return [*lines, last, "\\ No newline at end of file"] if last else lines


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
