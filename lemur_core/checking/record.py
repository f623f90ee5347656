"""The nets that a database knows, and what was said of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from lemur_core.checking.asked import Asked
from lemur_core.checking.verdict import Novelty, Verdict
from lemur_core.store.identity import code_hash
from lemur_core.store.likeness import Likeness, Source, read_likeness, write_sketches
from lemur_core.store.patience import patiently
from lemur_core.store.sketch import Sketch
from lemur_core.store.verdicts import Pipeline, find_verdict, write_verdict


class Record:
    """What is known of nets; several threads may ask and add.

    Args:
        engine: The database; None keeps nothing.
        others: Sources of nets that are installed, by name.
    """

    def __init__(self, engine: Engine | None, others: Mapping[str, str]) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._likeness = Likeness.of(others)
        if engine is not None:
            self._do(lambda connection: read_likeness(connection, self._likeness))

    def novelty(self, name: str, code: str, one: Sketch) -> Novelty:
        """Return what net a source is like, but itself, and remember it."""
        itself = Source(name, code_hash(code))
        with self._lock:
            found = Novelty(self._likeness.same(one, itself), *self._likeness.nearest(one, itself))
            self._likeness.add(itself, one)
        return found

    def find(self, asked: str) -> Verdict | None:
        """Return what was said when the same was asked before."""
        if self._engine is None:
            return None
        facts = self._do(lambda connection: find_verdict(connection, asked))
        return None if facts is None else Verdict.of(facts)

    def write(
        self, asked: Asked, key: str, code: str, verdict: Verdict, one: Sketch | None
    ) -> None:
        """Write what is said of a source."""
        if self._engine is None:
            return
        pipeline = Pipeline(asked.task, asked.dataset, asked.metric)
        facts = verdict.facts()

        def work(connection: Connection) -> None:
            write_verdict(connection, key, code, pipeline, facts)
            if one is not None:
                write_sketches(connection, {code_hash(code): one})

        self._do(work)

    def _do(self, work: Callable[[Connection], Any]) -> Any:
        assert self._engine is not None
        return patiently(self._engine, work)
