"""``lemur compare``: show two trials side by side and how they differ."""

from __future__ import annotations

from difflib import unified_diff
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli import completion
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line, print_lines, print_text
from lemur_core.cli.table import text_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core.store.reading.stored_trial import StoredEpoch, StoredTrial


@click.command()
@click.argument("uid_a", metavar="UID", shell_complete=completion.trials)
@click.argument("uid_b", metavar="UID", shell_complete=completion.trials)
@db_option
def compare(uid_a: str, uid_b: str, db: str) -> None:
    """Show how two trials differ, code included, and their scores side by side.

    Each UID is the id of a trial or the beginning of one, its number, last, best, or a pipeline.
    """
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.stored_trial import read_stored_trial

    with open_engine(db) as engine:
        first, second = (
            patiently(engine, partial(read_stored_trial, uid=uid)) for uid in (uid_a, uid_b)
        )
    print_text("\n\n".join(filter(None, (_facts(first, second), _curves(first, second)))))
    for lines in _code(first, second):
        print_line()
        print_lines(lines)


def _facts(first: StoredTrial, second: StoredTrial) -> str:
    rows = list(_differing("", first.facts, second.facts, (*first.settings, "state")))
    rows += _differing("", _data(first), _data(second))
    rows += _differing("prm ", first.prm, second.prm)
    rows += _differing("version ", first.facts["versions"], second.facts["versions"])
    same = "no difference in settings, state, data, hyperparameters or versions"
    headers = ["", first.facts["uid"][:8], second.facts["uid"][:8]]
    return text_table(headers, rows) if rows else same


def _data(trial: StoredTrial) -> dict[str, str]:
    return {} if trial.data is None else {"data": f"{trial.data.label} ({trial.data.sizes})"}


def _differing(
    prefix: str,
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    names: tuple[str, ...] | None = None,
) -> Iterator[list[str]]:
    for name in names or sorted({*first, *second}):
        if first.get(name) != second.get(name):
            yield [f"{prefix}{name}", *(str(values.get(name, "-")) for values in (first, second))]


def _curves(first: StoredTrial, second: StoredTrial) -> str:
    as_errors = all(any(map(trial.errors, trial.epochs)) for trial in (first, second))
    rows = [
        [
            str(number),
            *_scores(first, left, as_errors=as_errors),
            *_scores(second, right, as_errors=as_errors),
        ]
        for number, (left, right) in enumerate(zip_longest(first.epochs, second.epochs), 1)
    ]
    names = ("error", "validation error") if as_errors else ("accuracy", "validation")
    headers = ["epoch"]
    for trial in (first, second):
        headers += [f"{name} {trial.facts['uid'][:8]}" for name in names]
    return text_table(headers, rows) if rows else ""


def _scores(trial: StoredTrial, epoch: StoredEpoch | None, *, as_errors: bool) -> list[str]:
    if epoch is None:
        return ["-", "-"]
    if as_errors:
        errors = trial.errors(epoch)
        return ["-", "-"] if errors is None else [_digits(errors.test), _digits(errors.validation)]
    return [_digits(epoch.accuracy), _digits(epoch.validation)]


def _code(first: StoredTrial, second: StoredTrial) -> Iterator[list[str]]:
    for kind in sorted({*first.codes, *second.codes}):
        left, right = (_source_lines(trial.codes.get(kind, "")) for trial in (first, second))
        old, new = (f"{kind} {trial.facts['uid'][:8]}" for trial in (first, second))
        lines = list(unified_diff(left, right, old, new, lineterm=""))
        if lines:
            yield lines


def _source_lines(code: str) -> list[str]:
    *lines, last = code.split("\n")
    return [*lines, last, "\\ No newline at end of file"] if last else lines


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
