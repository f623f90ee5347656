"""Code with its scores, to teach language models with: a line for each net and pipeline.

Sources that are the same but for comments, docstrings and layout are one. Nets that a chain of near
copies links are a family, and a family is in one split as a whole, so that no model is tested with
what it was taught.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_check.likeness import families, read_sketches, write_sketches
from lemur_check.reader import SourceReader
from lemur_core.code import code_hash
from lemur_core.code_facts import CodeDatabase
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from lemur_check.sketch import Sketch
    from lemur_core import RecordedEpoch, Results

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
        unknown: Results that have no line, as their code is not known, is no Python, or takes
            more than a minute to read.
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


def corpus(results: Results, *, every: bool = False, test: float = 0.1) -> Corpus:
    """Return a database's code and scores, best first by validation.

    Args:
        results: What the user selected; its filters apply.
        every: Whether there is a line for each trial's hyperparameters, and not only for the best.
        test: The share of lines that the test split shall have, nearly, 0 to 1.

    Raises:
        SettingsError: There is no such share.
        StoreError: The database cannot be read.
    """
    if not 0 <= test <= 1:
        raise SettingsError(f"the test split's share is {test}; expected 0 to 1")
    epochs = results.epochs()
    codes = _codes(CodeDatabase(results.engine), epochs)
    known = [one for one in epochs if one.code_hash in codes]
    best = _best(known, lambda one: (codes[one.code_hash].sketch.tree, *_pipeline(one)), every)
    family = _families({one.code_hash: codes[one.code_hash].sketch for one in best})
    tested = _tested([family[one.code_hash] for one in best], test)
    lines = [_line(one, codes[one.code_hash], family[one.code_hash], tested) for one in best]
    return Corpus(lines, len(set(family.values())), len(epochs) - len(known))


@dataclass(frozen=True)
class _Code:
    text: str
    sketch: Sketch
    tokens: int


def _codes(database: CodeDatabase, epochs: Iterable[RecordedEpoch]) -> dict[str | None, _Code]:
    """Return the sources that are Python and can be read within a minute, by their hash."""
    texts = {one.code_hash: one.code for one in epochs}
    sketches = database.run(read_sketches)
    made: dict[str, Sketch] = {}
    found: dict[str | None, _Code] = {}
    with closing(SourceReader()) as reader:
        for identity, text in texts.items():
            if identity is None or text is None:
                continue
            one = sketches.get(identity) or reader.sketch(text)
            tokens = one and reader.tokens(text)
            if one is not None and tokens is not None:
                made[identity] = one
                found[identity] = _Code(text, one, tokens)
    database.run(lambda opened: write_sketches(opened, made))
    return found


def _pipeline(one: RecordedEpoch) -> tuple[Hashable, ...]:
    # A data set is its content, whatever it is called.
    return one.task, one.dataset, one.fingerprint, one.metric


def _best(
    epochs: Iterable[RecordedEpoch], key: Callable[[RecordedEpoch], Hashable], every: bool
) -> list[RecordedEpoch]:
    """Return the first epoch, which is the best, of those with the same key."""
    first: dict[Hashable, RecordedEpoch] = {}
    for one in epochs:
        first.setdefault((key(one), _text(one.prm)) if every else key(one), one)
    return list(first.values())


def _text(prm: Mapping[str, Any]) -> str:
    # 1 and 1.0 are different values.
    return json.dumps(prm, sort_keys=True)


def _families(sketches: Mapping[str | None, Sketch]) -> dict[str | None, str]:
    """Return the family of each source, named after the least hash of its trees."""
    numbers = families(sketches.values(), ALIKE)
    least: dict[int, str] = {}
    for number, one in zip(numbers, sketches.values(), strict=True):
        least[number] = min(one.tree, least.get(number, one.tree))
    return {each: least[number][:12] for each, number in zip(sketches, numbers, strict=True)}


def _tested(of_lines: Sequence[str], share: float) -> set[str]:
    """Return the families that are the test split, in an order that is drawn by their names."""
    wanted, taken, chosen = share * len(of_lines), 0, set()
    for family in sorted(set(of_lines), key=code_hash):
        size = of_lines.count(family)
        # A large one would leave little to be taught.
        if taken < wanted and taken + size <= max(2 * wanted, 1):
            chosen.add(family)
            taken += size
    return chosen


def _line(one: RecordedEpoch, code: _Code, family: str, tested: set[str]) -> Line:
    return {
        "task": one.task,
        "dataset": one.dataset,
        "metric": one.metric,
        "in_shape": _shape(one.in_shape),
        "out_shape": _shape(one.out_shape),
        "prm": dict(one.prm),
        "nn": one.nn,
        "code": code.text,
        "accuracy": one.accuracy,
        "validation": one.validation,
        "epochs": one.epoch,
        "duration": one.duration,
        "parameters": one.parameters,
        "family": family,
        "split": TEST if family in tested else TRAIN,
        "tokens": code.tokens,
        "trial": one.trial,
    }


def _shape(shape: tuple[int, ...] | None) -> list[int] | None:
    return None if shape is None else list(shape)
