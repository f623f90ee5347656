"""The nets that a database knows, and what was said of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lemur_core.checking.names import check_free
from lemur_core.checking.verdict import Novelty, Verdict
from lemur_core.store.identity import code_hash
from lemur_core.store.likeness import Likeness, Source, read_likeness, write_sketches
from lemur_core.store.patience import patiently
from lemur_core.store.sketch import Sketch, sketch_of
from lemur_core.store.text import now
from lemur_core.store.verdicts import Pipeline, find_verdicts, read_checked, write_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, Engine

    from lemur_core.checking.asked import Asked
    from lemur_core.checking.conditions import Conditions


class Record:
    """What is known of nets; several threads may ask and add.

    Args:
        engine: The database; None keeps nothing.
        others: Sources of nets that are installed, by name.
        sketched: Makes the sketch of a source of the database that has none yet.
    """

    def __init__(
        self,
        engine: Engine | None,
        others: Mapping[str, str],
        sketched: Callable[[str], Sketch | None] = sketch_of,
    ) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._likeness = Likeness.of(others)
        if engine is not None:
            self._do(lambda connection: read_likeness(connection, self._likeness, sketched))

    def novelty(self, name: str, code: str, one: Sketch) -> Novelty:
        """Return what net a source is like, but itself, and remember it."""
        itself = Source(name, code_hash(code))
        with self._lock:
            found = Novelty(self._likeness.same(one, itself), *self._likeness.nearest(one, itself))
            self._likeness.add(itself, one)
        return found

    def owners(self, name: str) -> list[str]:
        """Return the hashes of the valid sources that a name stands for."""
        if self._engine is None:
            return []
        found = self._do(lambda connection: read_checked(connection, [name]))
        return [net.hash for net in found.get(name, ())]

    def find(self, asked: str, conditions: Conditions) -> Verdict | None:
        """Return what was said when the same was asked before, unless other limits may change it.

        Args:
            asked: The identity of what is asked.
            conditions: How it would be run.
        """
        if self._engine is None:
            return None
        for facts in self._do(lambda connection: find_verdicts(connection, asked)):
            verdict = Verdict.of(facts)
            if conditions.is_answered_by(verdict.limit, verdict.limits):
                return verdict
        return None

    def write(
        self,
        asked: Asked,
        key: str,
        code: str,
        verdict: Verdict,
        one: Sketch | None,
        *,
        replace: bool = False,
    ) -> None:
        """Write what is said of a source.

        Args:
            asked: What was asked.
            key: The identity of that.
            code: The source.
            verdict: What is said.
            one: The sketch of the source; None where it has none.
            replace: Whether its name may be another source's.

        Raises:
            NameTakenError: Another source has its name.
        """
        if self._engine is None:
            return
        pipeline = Pipeline(asked.task, asked.dataset, asked.metric)
        facts, checked = verdict.facts(), now()

        def work(connection: Connection) -> None:
            # Other processes write too.
            if verdict.valid and not replace:
                owned = read_checked(connection, [verdict.name]).get(verdict.name, ())
                check_free(verdict.name, code, [net.hash for net in owned])
            write_verdict(connection, key, code, pipeline, facts, checked)
            if one is not None:
                write_sketches(connection, {code_hash(code): one})

        self._do(work)

    def _do(self, work: Callable[[Connection], Any]) -> Any:
        assert self._engine is not None
        return patiently(self._engine, work)
