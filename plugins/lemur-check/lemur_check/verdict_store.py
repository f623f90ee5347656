"""The nets in a database and the verdicts on them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lemur_check.likeness import Likeness, read_likeness, write_sketches
from lemur_check.names import check_free
from lemur_check.sketch import Sketch, sketch_of
from lemur_check.verdict import Novelty, Verdict
from lemur_check.verdicts import (
    CheckedPipeline,
    find_verdicts,
    read_checked,
    utc_now,
    write_verdict,
)
from lemur_core.code import code_hash
from lemur_core.code_facts import CodeDatabase, CodeTransaction, NamedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lemur_check.check_settings import CheckSettings
    from lemur_check.conditions import Conditions


class VerdictStore:
    """The known nets and their verdicts; several threads may use it.

    Args:
        database: The database. None stores nothing.
        installed_code: Sources of the installed nets, by name.
        make_sketch: Returns the sketch of a source of the database that has none.
    """

    def __init__(
        self,
        database: CodeDatabase | None,
        installed_code: Mapping[str, str],
        make_sketch: Callable[[str], Sketch | None] = sketch_of,
    ) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._likeness = Likeness.of(installed_code)
        if database is not None:
            self._do(lambda opened: read_likeness(opened, self._likeness, make_sketch))

    def novelty(self, name: str, code: str, sketch: Sketch) -> Novelty:
        """Return the novelty of a source compared with other known nets, and add it to them."""
        source = NamedSource(name, code_hash(code))
        with self._lock:
            novelty = Novelty(
                self._likeness.same(sketch, source), *self._likeness.nearest(sketch, source)
            )
            self._likeness.add(source, sketch)
        return novelty

    def owners(self, name: str) -> list[str]:
        """Return the hashes of the valid sources that have a name."""
        if self._database is None:
            return []
        nets_by_name = self._do(lambda opened: read_checked(opened, [name]))
        return [net.hash for net in nets_by_name.get(name, ())]

    def find(self, code: str, key: str, conditions: Conditions) -> Verdict | None:
        """Return the last verdict of the same check unless other limits may change it, else None.

        Args:
            code: The source.
            key: The key of the check, of `CheckSettings.key`.
            conditions: The conditions of the check.
        """
        if self._database is None:
            return None
        for facts in self._do(lambda opened: find_verdicts(opened, code, key)):
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
        settings: CheckSettings,
        key: str,
        code: str,
        verdict: Verdict,
        sketch: Sketch | None,
        *,
        replace: bool = False,
    ) -> None:
        """Write the verdict on a source.

        Args:
            settings: The settings of the check.
            key: The key of the check.
            code: The source.
            verdict: The verdict.
            sketch: The sketch of the source, if it has one.
            replace: Whether the net may take over the name of another source.

        Raises:
            NameTakenError: Another source has the name.
        """
        if self._database is None:
            return
        pipeline = CheckedPipeline(settings.task, settings.dataset, settings.metric)
        facts, checked = verdict.facts(), utc_now()

        def work(opened: CodeTransaction) -> None:
            # Other processes may have written to the database since the check began.
            if verdict.valid and not replace:
                owners = read_checked(opened, [verdict.name]).get(verdict.name, ())
                check_free(verdict.name, code, [net.hash for net in owners])
            write_verdict(opened, key, code, pipeline, facts, checked)
            if sketch is not None:
                write_sketches(opened, {code_hash(code): sketch})

        self._do(work)

    def _do(self, work: Callable[[CodeTransaction], Any]) -> Any:
        assert self._database is not None
        return self._database.run(work)
