"""The nets that a database knows, and what was said of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lemur_check.likeness import Likeness, read_likeness, write_sketches
from lemur_check.names import check_free
from lemur_check.sketch import Sketch, sketch_of
from lemur_check.verdict import Novelty, Verdict
from lemur_check.verdicts import (
    Pipeline,
    find_verdicts,
    moment,
    read_checked,
    write_verdict,
)
from lemur_core.code import code_hash
from lemur_core.code_facts import CodeDatabase, CodeTransaction, NamedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lemur_check.asked import Asked
    from lemur_check.conditions import Conditions


class Record:
    """What is known of nets; several threads may ask and add.

    Args:
        database: The database; None keeps nothing.
        others: Sources of nets that are installed, by name.
        sketched: Makes the sketch of a source of the database that has none yet.
    """

    def __init__(
        self,
        database: CodeDatabase | None,
        others: Mapping[str, str],
        sketched: Callable[[str], Sketch | None] = sketch_of,
    ) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._likeness = Likeness.of(others)
        if database is not None:
            self._do(lambda opened: read_likeness(opened, self._likeness, sketched))

    def novelty(self, name: str, code: str, one: Sketch) -> Novelty:
        """Return what net a source is like, but itself, and remember it."""
        itself = NamedSource(name, code_hash(code))
        with self._lock:
            found = Novelty(self._likeness.same(one, itself), *self._likeness.nearest(one, itself))
            self._likeness.add(itself, one)
        return found

    def owners(self, name: str) -> list[str]:
        """Return the hashes of the valid sources that a name stands for."""
        if self._database is None:
            return []
        found = self._do(lambda opened: read_checked(opened, [name]))
        return [net.hash for net in found.get(name, ())]

    def find(self, code: str, asked: str, conditions: Conditions) -> Verdict | None:
        """Return what was said when the same was asked before, unless other limits may change it.

        Args:
            code: The source.
            asked: The identity of what is asked.
            conditions: How it would be run.
        """
        if self._database is None:
            return None
        for facts in self._do(lambda opened: find_verdicts(opened, code, asked)):
            try:
                verdict = Verdict.of(facts)
            # Damaged, or recorded by another version of lemur-check: the net is checked again.
            except (LookupError, TypeError, ValueError):
                continue
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
        if self._database is None:
            return
        pipeline = Pipeline(asked.task, asked.dataset, asked.metric)
        facts, checked = verdict.facts(), moment()

        def work(opened: CodeTransaction) -> None:
            # Other processes write too.
            if verdict.valid and not replace:
                owned = read_checked(opened, [verdict.name]).get(verdict.name, ())
                check_free(verdict.name, code, [net.hash for net in owned])
            write_verdict(opened, key, code, pipeline, facts, checked)
            if one is not None:
                write_sketches(opened, {code_hash(code): one})

        self._do(work)

    def _do(self, work: Callable[[CodeTransaction], Any]) -> Any:
        assert self._database is not None
        return self._database.run(work)
