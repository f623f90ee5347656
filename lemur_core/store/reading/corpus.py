"""Code with its scores, to teach language models with: a line for each net and pipeline.

Sources that are the same but for comments, docstrings and layout are one. Nets that a chain of near
copies links are a family, and a family is in one split as a whole, so that no model is tested with
what it was taught.
"""

from __future__ import annotations

import io
import json
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import Connection, Row, select

from lemur_core.errors import SettingsError
from lemur_core.sources.text import parts_of
from lemur_core.store import schema
from lemur_core.store.code import read_codes
from lemur_core.store.identity import digest
from lemur_core.store.likeness import families, read_sketches, write_sketches
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.formats import write as write_frame
from lemur_core.store.reading.frame import read_prms
from lemur_core.store.reading.ranking import best_first
from lemur_core.store.sketch import Sketch, sketch_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

# From this share of their runs of tokens on, two sources are near copies. Among published nets
# those of one paper reach it, and those of two do not.
ALIKE = 0.7
TRAIN, TEST = "train", "test"
Line = dict[str, Any]
MEMBERS = (
    "task", "dataset", "metric", "in_shape", "out_shape", "prm", "nn", "code", "accuracy",
    "validation", "epochs", "duration", "parameters", "family", "split", "tokens", "trial",
)  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """Lines, and what there is of them.

    Attributes:
        lines: Objects with `MEMBERS`: ``task`` to ``prm`` are what a model is asked; ``epochs`` is
            the number of the best epoch, ``duration`` the nanoseconds until its end; shapes and
            ``parameters`` are None where they are not known.
        families: How many families there are.
        unknown: Results that have no line, as their code is not known or is no Python.
    """

    lines: list[Line]
    families: int
    unknown: int

    @property
    def tokens(self) -> int:
        """How many tokens all sources have together, as Python counts them."""
        return sum(line["tokens"] for line in self.lines)

    def of(self, split: str) -> int:
        """Return how many lines a split has."""
        return sum(line["split"] == split for line in self.lines)


def corpus(
    connection: Connection,
    filters: Filters | None = None,
    *,
    every: bool = False,
    test: float = 0.1,
) -> Corpus:
    """Return a database's code and scores, best first by validation.

    Args:
        connection: To the database.
        filters: Which results; None takes all.
        every: Whether there is a line for each trial's hyperparameters, and not only for the best.
        test: The share of lines that the test split shall have, nearly, 0 to 1.

    Raises:
        SettingsError: There is no such share.
    """
    if not 0 <= test <= 1:
        raise SettingsError(f"the test split's share is {test}; expected 0 to 1")
    rows = connection.execute((filters or Filters()).apply(_QUERY, joined=True)).all()
    codes = _codes(connection, {row.nn_id for row in rows} - {None})
    known = [row for row in rows if row.nn_id in codes]
    best = _best(known, lambda row: (codes[row.nn_id].sketch.tree, *_pipeline(row)), every)
    prms = read_prms(connection, list({row.prm for row in best}))
    family = _families({row.nn_id: codes[row.nn_id].sketch for row in best})
    tested = _tested([family[row.nn_id] for row in best], test)
    lines = [_line(row, codes[row.nn_id], prms[row.prm], family[row.nn_id], tested) for row in best]
    return Corpus(lines, len(set(family.values())), len(rows) - len(known))


def write(found: Corpus, form: str, file: BinaryIO) -> list[str]:
    """Write a corpus.

    Args:
        found: The corpus.
        form: ``jsonl-code`` or ``parquet``, whose ``prm`` is a text of JSON.
        file: Opened for bytes.

    Returns:
        A line for each column of which not everything could be written as it is.

    Raises:
        SettingsError: What writes parquet is not installed.
    """
    if form == "jsonl-code":
        for line in found.lines:
            file.write(json.dumps(line).encode() + b"\n")
        return []
    import pandas as pd

    frame = pd.DataFrame(found.lines, columns=list(MEMBERS))
    return write_frame(frame.astype({"parameters": "Int64", "duration": "Int64"}), form, file)


@dataclass(frozen=True)
class _Code:
    text: str
    sketch: Sketch
    tokens: int


_trial, _stat = schema.trial.c, schema.stat.c
_QUERY = (
    select(
        _trial.uid, _trial.task, _trial.dataset, _trial.dataset_id, _trial.metric, _trial.nn,
        _trial.nn_id,
        _trial.prm, _trial.in_shape, _trial.out_shape, _trial.parameters,
        _stat.epoch, _stat.accuracy, _stat.validation, _stat.duration,
    )
    .join_from(schema.stat, schema.trial)
    .order_by(*best_first())
)  # fmt: skip


def _codes(connection: Connection, ids: Iterable[int]) -> dict[int, _Code]:
    """Return the sources that are Python, by their ids."""
    sketches, made = read_sketches(connection), {}
    found = {}
    for number, (_, code) in read_codes(connection, schema.nn, [*ids]).items():
        one = sketches.get(code.hash) or sketch_of(code.text)
        if one is not None:
            sketches[code.hash] = made[code.hash] = one
            found[number] = _Code(code.text, one, _tokens(code.text))
    write_sketches(connection, made)
    return found


def _tokens(code: str) -> int:
    layout = (tokenize.ENCODING, tokenize.NL, tokenize.ENDMARKER)
    parts = parts_of(code)
    return sum(
        token.type not in layout
        for text in (parts.main, *parts.modules.values())
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )


def _pipeline(row: Row[Any]) -> tuple[Hashable, ...]:
    # A data set is its content, whatever it is called.
    return row.task, row.dataset, row.dataset_id, row.metric


def _best(rows: Iterable[Row[Any]], key: Any, every: bool) -> list[Row[Any]]:
    """Return the first row, which is the best, of those with the same key."""
    first: dict[Hashable, Row[Any]] = {}
    for row in rows:
        first.setdefault((key(row), row.prm) if every else key(row), row)
    return list(first.values())


def _families(sketches: Mapping[int, Sketch]) -> dict[int, str]:
    """Return the family of each source, named after the least hash of its trees."""
    numbers = families(sketches.values(), ALIKE)
    least: dict[int, str] = {}
    for number, one in zip(numbers, sketches.values(), strict=True):
        least[number] = min(one.tree, least.get(number, one.tree))
    return {each: least[number][:12] for each, number in zip(sketches, numbers, strict=True)}


def _tested(of_lines: Sequence[str], share: float) -> set[str]:
    """Return the families that are the test split, in an order that is drawn by their names."""
    wanted, taken, chosen = share * len(of_lines), 0, set()
    for family in sorted(set(of_lines), key=digest):
        size = of_lines.count(family)
        # A large one would leave little to be taught.
        if taken < wanted and taken + size <= max(2 * wanted, 1):
            chosen.add(family)
            taken += size
    return chosen


def _line(
    row: Row[Any], code: _Code, prm: Mapping[str, Any], family: str, tested: set[str]
) -> Line:
    return {
        "task": row.task,
        "dataset": row.dataset,
        "metric": row.metric,
        "in_shape": _shape(row.in_shape),
        "out_shape": _shape(row.out_shape),
        "prm": dict(prm),
        "nn": row.nn,
        "code": code.text,
        "accuracy": row.accuracy,
        "validation": row.validation,
        "epochs": row.epoch,
        "duration": row.duration,
        "parameters": row.parameters,
        "family": family,
        "split": TEST if family in tested else TRAIN,
        "tokens": code.tokens,
        "trial": row.uid,
    }


def _shape(text: str | None) -> list[int] | None:
    return None if text is None else json.loads(text)
