"""Check nets written by language models or strangers."""

from __future__ import annotations

import os
import time
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

from lemur_check.box import Box
from lemur_check.check_settings import CheckSettings
from lemur_check.conditions import TRUST, Conditions
from lemur_check.names import check_free, normalized_name
from lemur_check.reader import SourceReader, UnreadableError
from lemur_check.run_result import Bounds, conclude
from lemur_check.sandbox import Limits, Sandbox, find_bubblewrap, readable
from lemur_check.verdict import Verdict
from lemur_check.verdict_store import VerdictStore
from lemur_core import Registry, installed
from lemur_core.code import Parts, code_hash
from lemur_core.code_facts import DEFAULT_DB, code_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_check.examination import Examination

DATA = Path("data")
NO_WALLS = "nets are run without walls, which do not keep them from"


class Checker:
    """Checks nets in processes that are kept running; several threads may share one checker.

    Attributes:
        not_enforced: The restrictions that are not enforced on nets.

    Args:
        settings: The settings of the checks: dataset, metric, epochs and so on.
        conditions: How nets are run: walls, limits and versions.
        store: The known nets and their verdicts.
        boxes: The processes that run nets, each used by one thread at a time.
        reader: Reads sources without running them.
        registry: The installed entries.
        again: Whether to check sources again that have a verdict.
        replace: Whether a net may take over the name of another source in the database.
    """

    def __init__(
        self,
        settings: CheckSettings,
        conditions: Conditions,
        store: VerdictStore,
        boxes: Sequence[Box],
        reader: SourceReader,
        registry: Registry,
        *,
        again: bool = False,
        replace: bool = False,
    ) -> None:
        self._settings, self._conditions, self._store = settings, conditions, store
        self._reader, self._again, self._replace = reader, again, replace
        self.not_enforced = boxes[0].not_enforced
        self._boxes: Queue[Box] = Queue()
        for box in boxes:
            self._boxes.put(box)
        self._installed = {entry.name: entry for _, entry in registry.entries("net")}

    def __call__(self, code: str, name: str | None = None) -> Verdict:
        """Return the verdict on a source, from the database if the same check was made before.

        A verdict that is due to a limit is only reused if none of the limits that ended the net is
        greater.

        Args:
            code: The source.
            name: The net's name. None derives a name from the source.

        Raises:
            NameTakenError: The net cannot have this name.
            MissingDataError: The dataset is not available.
            WorkerError: No process to read or run the source can be started.
            StoreError: The verdict cannot be written.
        """
        replaced: list[str] = []
        if name is not None:
            name = normalized_name(name, code, self._installed)
            owners = self._store.owners(name)
            replaced = [owner for owner in owners if owner != code_hash(code)]
            if not self._replace:
                check_free(name, code, owners)
        key = self._settings.key(code, name, self._conditions)
        earlier = None if self._again else self._store.find(code, key, self._conditions)
        if earlier is not None and not replaced:
            return earlier
        verdict, examination = self._examine(code, name) if earlier is None else (earlier, None)
        if earlier is None and not verdict.reason:
            verdict = self._run(verdict, code)
        if examination and verdict.line:
            line = Parts("", {}, examination.before, examination.lines).line_of(verdict.line)
            verdict = replace(verdict, line=line)
        if verdict.valid:
            verdict = replace(verdict, replaces=tuple(replaced))
        sketch = examination.sketch if examination else None
        self._store.write(self._settings, key, code, verdict, sketch, replace=self._replace)
        return verdict

    def complete(self, file: Path) -> str:
        """Return the code of a net's file with the modules that it imports from its folder.

        Raises:
            PluginError: A file cannot be read, or reading takes too long.
        """
        return self._reader.complete(file)

    def _examine(self, code: str, name: str | None) -> tuple[Verdict, Examination | None]:
        """Return a verdict from reading the source only, and the examination if it succeeded."""
        verdict = Verdict(name or "unreadable", valid=False, step="parse")
        verdict = replace(verdict, **self._conditions.facts())
        try:
            examination = self._reader.examine(code)
        except UnreadableError as error:
            return replace(verdict, reason=str(error), limit=error.cause.value), None
        verdict = replace(
            verdict, step=examination.step, reason=examination.reason, line=examination.line
        )
        if (sketch := examination.sketch) is None:
            return verdict, examination
        verdict = replace(
            verdict,
            name=name or f"net-{sketch.tree[:12]}",
            reaches=examination.reaches,
            quality=examination.quality,
        )
        return replace(
            verdict, novelty=self._store.novelty(verdict.name, code, sketch)
        ), examination

    def _run(self, verdict: Verdict, code: str) -> Verdict:
        job = {"code": code, "name": verdict.name, "asked": self._settings.facts()}
        box = self._boxes.get()
        started = time.monotonic()
        try:
            result = box.run(job)
        finally:
            seconds = time.monotonic() - started
            self._boxes.put(box)
        settings, conditions = self._settings, self._conditions
        bounds = Bounds(
            epochs=settings.epochs,
            prm=settings.prm,
            seconds=seconds,
            # Each parameter takes at least one byte.
            parameters=None if conditions.walls == TRUST else conditions.limits.memory_bytes,
            lines=code.count("\n") + 1,
        )
        return conclude(replace(verdict, not_enforced=self.not_enforced), result, bounds)


@contextmanager
def checker(
    settings: CheckSettings,
    *,
    limits: Limits | None = None,
    trust: bool = False,
    no_walls: bool = False,
    workers: int = 1,
    threads: int | None = None,
    save: bool = True,
    again: bool = False,
    replace: bool = False,
    data: str | Path = DATA,
    db: str | Path = DEFAULT_DB,
) -> Iterator[Checker]:
    """Yield a `Checker`, and end its processes on exit.

    Args:
        settings: The settings of the checks: dataset, metric, epochs and so on.
        limits: Limits of each net; None uses the defaults.
        trust: Whether to trust the nets and run them without walls, limited in time only.
        no_walls: Whether to run untrusted nets even if bubblewrap cannot be used.
        workers: Number of nets that can be checked at once.
        threads: CPU threads of each net; None divides the cores among the workers.
        save: Whether to write verdicts and nets to the database, and compare nets with those in it.
        again: Whether to check sources again that have a verdict.
        replace: Whether a net may take over the name of another source in the database.
        data: Folder of the datasets.
        db: A database URL, or the path of an SQLite file.

    Raises:
        LemurError: The dataset, metric or transform does not exist, the database cannot be opened,
            or bubblewrap cannot be used and neither ``trust`` nor ``no_walls`` is set.
    """
    registry = installed()
    settings = settings.completed(registry)
    settings.pipeline(registry, "net", "net.py")
    data = Path(data)
    sandbox = Sandbox(
        limits or Limits(),
        readable(registry, data),
        trust,
        None if trust else find_bubblewrap(),
        no_walls=no_walls,
    )
    installed_code = {entry.name: entry.code() for _, entry in registry.entries("net")}
    with ExitStack() as stack:
        threads = threads or max(1, (os.cpu_count() or 1) // workers)
        boxes = [Box(sandbox, data, threads) for _ in range(workers)]
        for box in boxes:
            stack.callback(box.close)
            # Boxes import torch while the database is read.
            box.start()
        reader = SourceReader(workers)
        stack.callback(reader.close)
        database = stack.enter_context(code_database(db, create=True)) if save else None
        yield Checker(
            settings,
            Conditions.of(sandbox),
            VerdictStore(database, installed_code, reader.sketch),
            boxes,
            reader,
            registry,
            again=again,
            replace=replace,
        )


def check(code: str, name: str | None = None, **options: Any) -> Verdict:
    """Return the verdict on the source of a net, which is run in a sandbox.

    Args:
        code: The source, in LEMUR's template.
        name: The net's name. None derives a name from the source.
        options: The fields of `lemur_check.check_settings.CheckSettings` (``task, dataset, metric,
            transform, prm, epochs, seed``) and the arguments of `checker` (``limits, trust,
            no_walls, threads, save, again, replace, data, db``).

    Raises:
        LemurError: The settings or the machine do not allow the check. Faults of the net itself are
            reported in the verdict.
    """
    settings = {
        key: options.pop(key) for key in CheckSettings.__dataclass_fields__ if key in options
    }
    with checker(CheckSettings(**settings), **options) as run_check:
        if run_check.not_enforced:
            warnings.warn(f"{NO_WALLS} {', '.join(run_check.not_enforced)}", stacklevel=2)
        return run_check(code, name)
