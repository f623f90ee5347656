"""Export code with its scores to train language models on: one line per net and pipeline.

Sources that differ only in comments, docstrings and layout count as one. Nets that are linked by a
chain of near copies are a family. A family is in one split as a whole, so no model is tested on
nets whose near copies it was trained on.
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

# Two sources are near copies if they share at least this fraction of their runs of tokens. Among
# published nets, those of one paper reach it and those of two papers do not.
ALIKE = 0.7
TRAIN, TEST = "train", "test"
Line = dict[str, Any]
MEMBERS = (
    "task", "dataset", "metric", "in_shape", "out_shape", "prm", "nn", "code", "accuracy",
    "validation", "epochs", "duration", "parameters", "family", "split", "tokens", "trial",
)  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """Lines and their totals.

    Attributes:
        lines: Objects with `MEMBERS`. ``task`` to ``prm`` are the inputs of a model; ``epochs`` is
            the number of the best epoch, ``duration`` the nanoseconds until its end; shapes and
            ``parameters`` are None if unknown.
        families: Number of families.
        unknown: Number of results without a line, because their code is not recorded, is not
            Python, or takes more than a minute to read.
    """

    lines: list[Line]
    families: int
    unknown: int

    @property
    def tokens(self) -> int:
        """The number of Python tokens of all sources."""
        return sum(line["tokens"] for line in self.lines)

    def of(self, split: str) -> int:
        """Return the number of lines of a split."""
        return sum(line["split"] == split for line in self.lines)


def corpus(results: Results, *, every: bool = False, test: float = 0.1) -> Corpus:
    """Return the code and scores of a database, best validation score first.

    Args:
        results: The selected results; their filters apply.
        every: Whether to return a line for each trial's hyperparameters instead of only the best.
        test: Approximate fraction of lines in the test split, 0 to 1.

    Raises:
        SettingsError: ``test`` is not between 0 and 1.
        StoreError: The database cannot be read.
    """
    if not 0 <= test <= 1:
        raise SettingsError(f"the test split's share is {test}; expected 0 to 1")
    epochs = results.epochs()
    codes = _codes(CodeDatabase(results.engine), epochs)
    readable = [epoch for epoch in epochs if epoch.code_hash in codes]
    best = _best(
        readable, lambda epoch: (codes[epoch.code_hash].sketch.tree, *_pipeline(epoch)), every
    )
    family = _families({epoch.code_hash: codes[epoch.code_hash].sketch for epoch in best})
    test_families = _test_families([family[epoch.code_hash] for epoch in best], test)
    lines = [
        _line(epoch, codes[epoch.code_hash], family[epoch.code_hash], test_families)
        for epoch in best
    ]
    return Corpus(lines, len(set(family.values())), len(epochs) - len(readable))


@dataclass(frozen=True)
class _Code:
    text: str
    sketch: Sketch
    tokens: int


def _codes(database: CodeDatabase, epochs: Iterable[RecordedEpoch]) -> dict[str | None, _Code]:
    """Return, by hash, the sources that are Python and can be read within a minute."""
    texts = {epoch.code_hash: epoch.code for epoch in epochs}
    sketches = database.run(read_sketches)
    readable: dict[str, Sketch] = {}
    codes: dict[str | None, _Code] = {}
    with closing(SourceReader()) as reader:
        for identity, text in texts.items():
            if identity is None or text is None:
                continue
            sketch = sketches.get(identity) or reader.sketch(text)
            tokens = sketch and reader.tokens(text)
            if sketch is not None and tokens is not None:
                readable[identity] = sketch
                codes[identity] = _Code(text, sketch, tokens)
    database.run(lambda opened: write_sketches(opened, readable))
    return codes


def _pipeline(epoch: RecordedEpoch) -> tuple[Hashable, ...]:
    # The fingerprint distinguishes datasets of different content, whatever their names are.
    return epoch.task, epoch.dataset, epoch.fingerprint, epoch.metric


def _best(
    epochs: Iterable[RecordedEpoch], key: Callable[[RecordedEpoch], Hashable], every: bool
) -> list[RecordedEpoch]:
    """Return the first epoch with each key; as the epochs are sorted, it is the best one."""
    first: dict[Hashable, RecordedEpoch] = {}
    for epoch in epochs:
        first.setdefault((key(epoch), _text(epoch.prm)) if every else key(epoch), epoch)
    return list(first.values())


def _text(prm: Mapping[str, Any]) -> str:
    # 1 and 1.0 are different values.
    return json.dumps(prm, sort_keys=True)


def _families(sketches: Mapping[str | None, Sketch]) -> dict[str | None, str]:
    """Return the family of each source, named after the smallest tree hash in the family."""
    numbers = families(sketches.values(), ALIKE)
    smallest: dict[int, str] = {}
    for number, sketch in zip(numbers, sketches.values(), strict=True):
        smallest[number] = min(sketch.tree, smallest.get(number, sketch.tree))
    return {source: smallest[number][:12] for source, number in zip(sketches, numbers, strict=True)}


def _test_families(line_families: Sequence[str], share: float) -> set[str]:
    """Return the families of the test split, chosen in the order of their names' hashes."""
    target, count, selected = share * len(line_families), 0, set()
    for family in sorted(set(line_families), key=code_hash):
        size = line_families.count(family)
        # A large family would leave few lines to train on.
        if count < target and count + size <= max(2 * target, 1):
            selected.add(family)
            count += size
    return selected


def _line(epoch: RecordedEpoch, code: _Code, family: str, test_families: set[str]) -> Line:
    return {
        "task": epoch.task,
        "dataset": epoch.dataset,
        "metric": epoch.metric,
        "in_shape": _shape(epoch.in_shape),
        "out_shape": _shape(epoch.out_shape),
        "prm": dict(epoch.prm),
        "nn": epoch.nn,
        "code": code.text,
        "accuracy": epoch.accuracy,
        "validation": epoch.validation,
        "epochs": epoch.epoch,
        "duration": epoch.duration,
        "parameters": epoch.parameters,
        "family": family,
        "split": TEST if family in test_families else TRAIN,
        "tokens": code.tokens,
        "trial": epoch.trial,
    }


def _shape(shape: tuple[int, ...] | None) -> list[int] | None:
    return None if shape is None else list(shape)
