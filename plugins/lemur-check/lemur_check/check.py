"""Check nets that machines, or strangers, write."""

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
from lemur_check.names import called, check_free
from lemur_check.reader import SourceReader, UnreadableError
from lemur_check.run_result import Bounds, concluded
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
    """Checks one net after another, in processes that stay warm; several threads may share it.

    Attributes:
        not_enforced: What nets are not kept from.

    Args:
        asked: What nets are to be tried with.
        conditions: How they are run.
        record: The nets that are known.
        boxes: What they are run in, each by one thread at a time.
        reader: What reads them.
        registry: What is installed.
        again: Whether what was checked before is checked again.
        replace: Whether a net may take over the name of another source in the database.
    """

    def __init__(
        self,
        asked: CheckSettings,
        conditions: Conditions,
        record: VerdictStore,
        boxes: Sequence[Box],
        reader: SourceReader,
        registry: Registry,
        *,
        again: bool = False,
        replace: bool = False,
    ) -> None:
        self._asked, self._conditions, self._record = asked, conditions, record
        self._reader, self._again, self._replace = reader, again, replace
        self.not_enforced = boxes[0].not_enforced
        self._boxes: Queue[Box] = Queue()
        for box in boxes:
            self._boxes.put(box)
        self._installed = {entry.name: entry for _, entry in registry.entries("net")}

    def __call__(self, code: str, name: str | None = None) -> Verdict:
        """Return the verdict on a source; one that was given before is given again.

        One that a limit of the machine led to is only given again where no limit is greater.

        Args:
            code: The source.
            name: The net's; None names it after its source.

        Raises:
            NameTakenError: It cannot be called so.
            MissingDataError: The data to try it with is not there.
            WorkerError: No process to read it or to run it in starts.
            StoreError: The verdict cannot be written.
        """
        replaced: list[str] = []
        if name is not None:
            name = called(name, code, self._installed)
            owners = self._record.owners(name)
            replaced = [one for one in owners if one != code_hash(code)]
            if not self._replace:
                check_free(name, code, owners)
        key = self._asked.key(code, name, self._conditions)
        before = None if self._again else self._record.find(code, key, self._conditions)
        if before is not None and not replaced:
            return before
        verdict, found = self._examined(code, name) if before is None else (before, None)
        if before is None and not verdict.reason:
            verdict = self._run(verdict, code)
        if found and verdict.line:
            line = Parts("", {}, found.before, found.lines).line_of(verdict.line)
            verdict = replace(verdict, line=line)
        if verdict.valid:
            verdict = replace(verdict, replaces=tuple(replaced))
        one = found.sketch if found else None
        self._record.write(self._asked, key, code, verdict, one, replace=self._replace)
        return verdict

    def complete(self, file: Path) -> str:
        """Return the code of a net's file with the modules that it imports from its folder.

        Raises:
            PluginError: A file cannot be read, or takes too long.
        """
        return self._reader.complete(file)

    def _examined(self, code: str, name: str | None) -> tuple[Verdict, Examination | None]:
        """Return what can be said of a source that is not run."""
        verdict = Verdict(name or "unreadable", valid=False, step="parse")
        verdict = replace(verdict, **self._conditions.facts())
        try:
            found = self._reader.examine(code)
        except UnreadableError as error:
            return replace(verdict, reason=str(error), limit=error.cause.value), None
        verdict = replace(verdict, step=found.step, reason=found.reason, line=found.line)
        if (one := found.sketch) is None:
            return verdict, found
        verdict = replace(
            verdict,
            name=name or f"net-{one.tree[:12]}",
            reaches=found.reaches,
            quality=found.quality,
        )
        return replace(verdict, novelty=self._record.novelty(verdict.name, code, one)), found

    def _run(self, verdict: Verdict, code: str) -> Verdict:
        job = {"code": code, "name": verdict.name, "asked": self._asked.facts()}
        box = self._boxes.get()
        began = time.monotonic()
        try:
            told = box.run(job)
        finally:
            seconds = time.monotonic() - began
            self._boxes.put(box)
        asked, conditions = self._asked, self._conditions
        bounds = Bounds(
            epochs=asked.epochs,
            prm=asked.prm,
            seconds=seconds,
            # Each takes a byte at least.
            parameters=None if conditions.walls == TRUST else conditions.limits.memory_bytes,
            lines=code.count("\n") + 1,
        )
        return concluded(replace(verdict, not_enforced=self.not_enforced), told, bounds)


@contextmanager
def checker(
    asked: CheckSettings,
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
    """Give something that checks nets, and end its process after use.

    Args:
        asked: What nets are to be tried with.
        limits: What each may take.
        trust: Whether they are one's own, and may do what they want.
        no_walls: Whether others' nets are run even where bubblewrap cannot be used.
        workers: How many nets can be checked at once.
        threads: CPU threads of each; None shares the cores among them.
        save: Whether verdicts and nets are written, and compared with those that were.
        again: Whether what was checked before is checked again.
        replace: Whether a net may take over the name of another source in the database.
        data: Folder of the data sets.
        db: A database URL, or the path of an SQLite file.

    Raises:
        LemurError: There is no such data set, metric or transform, the database is none, or
            bubblewrap cannot be used and neither ``trust`` nor ``no_walls`` is set.
    """
    registry = installed()
    asked = asked.completed(registry)
    asked.pipeline(registry, "net", "net.py")
    data = Path(data)
    sandbox = Sandbox(
        limits or Limits(),
        readable(registry, data),
        trust,
        None if trust else find_bubblewrap(),
        no_walls=no_walls,
    )
    others = {entry.name: entry.code() for _, entry in registry.entries("net")}
    with ExitStack() as stack:
        threads = threads or max(1, (os.cpu_count() or 1) // workers)
        boxes = [Box(sandbox, data, threads) for _ in range(workers)]
        for box in boxes:
            stack.callback(box.close)
            # They import torch while the database is read.
            box.start()
        reader = SourceReader(workers)
        stack.callback(reader.close)
        known = stack.enter_context(code_database(db, create=True)) if save else None
        yield Checker(
            asked,
            Conditions.of(sandbox),
            VerdictStore(known, others, reader.sketch),
            boxes,
            reader,
            registry,
            again=again,
            replace=replace,
        )


def check(code: str, name: str | None = None, **options: Any) -> Verdict:
    """Return the verdict on the source of a net, which is run where it can do no harm.

    Args:
        code: The source, in LEMUR's template.
        name: The net's; None names it after its source.
        options: What it is tried with, as `lemur_check.check_settings.CheckSettings` has it
            (``task, dataset, metric, transform, prm, epochs, seed``), and how, as `checker` has
            it (``limits, trust, no_walls, threads, save, again, replace, data, db``).

    Raises:
        LemurError: It cannot be checked so. What is wrong with the net is said in the verdict.
    """
    asked = {key: options.pop(key) for key in CheckSettings.__dataclass_fields__ if key in options}
    with checker(CheckSettings(**asked), **options) as one:
        if one.not_enforced:
            warnings.warn(f"{NO_WALLS} {', '.join(one.not_enforced)}", stacklevel=2)
        return one(code, name)
