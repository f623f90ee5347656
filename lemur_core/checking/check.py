"""Check nets that machines, or strangers, write."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue
from typing import Any

from lemur_core.checking.asked import Asked
from lemur_core.checking.box import Box
from lemur_core.checking.names import called
from lemur_core.checking.quality import quality
from lemur_core.checking.reach import reaches
from lemur_core.checking.record import Record
from lemur_core.checking.sandbox import Limits, Sandbox, find_bubblewrap, readable
from lemur_core.checking.template import TemplateError, check_template, parse
from lemur_core.checking.told import concluded
from lemur_core.checking.verdict import Verdict
from lemur_core.registry import Registry, installed
from lemur_core.sources.text import parts_of
from lemur_core.store.database import DEFAULT_DB, opened
from lemur_core.store.sketch import Sketch, sketch

DATA = Path("data")
NO_WALLS = "bubblewrap 0.8 cannot be used here; without it nets are not kept from"


class Checker:
    """Checks one net after another, in processes that stay warm; several threads may share it.

    Attributes:
        not_enforced: What nets are not kept from.

    Args:
        asked: What nets are to be tried with.
        record: The nets that are known.
        boxes: What they are run in, each by one thread at a time.
        registry: What is installed.
    """

    def __init__(
        self, asked: Asked, record: Record, boxes: Sequence[Box], registry: Registry
    ) -> None:
        self._asked, self._record = asked, record
        self.not_enforced = boxes[0].not_enforced
        self._boxes: Queue[Box] = Queue()
        for box in boxes:
            self._boxes.put(box)
        self._installed = {entry.name: entry for _, entry in registry.entries("net")}

    def __call__(self, code: str, name: str | None = None) -> Verdict:
        """Return the verdict on a source; one that was given before is given again.

        Args:
            code: The source.
            name: The net's; None names it after its source.

        Raises:
            NameTakenError: It cannot be called so.
            MissingDataError: The data to try it with is not there.
            WorkerError: No process to run it in starts.
            StoreError: The verdict cannot be written.
        """
        name = None if name is None else called(name, code, self._installed)
        key = self._asked.key(code, name)
        before = self._record.find(key)
        if before is not None:
            return before
        verdict, one = self._examined(code, name)
        if not verdict.reason:
            verdict = self._run(verdict, code)
        if verdict.line:
            verdict = replace(verdict, line=parts_of(code).line_of(verdict.line))
        self._record.write(self._asked, key, code, verdict, one)
        return verdict

    def _examined(self, code: str, name: str | None) -> tuple[Verdict, Sketch | None]:
        """Return what can be said of a source that is not run."""
        verdict = Verdict(name or "unreadable", valid=False, step="parse")
        try:
            tree = parse(code)
            one = sketch(tree)
        except TemplateError as error:
            return replace(verdict, reason=error.reason, line=error.line), None
        except RecursionError:
            return replace(verdict, reason="is nested too deeply"), None
        verdict = replace(
            verdict,
            name=name or f"net-{one.tree[:12]}",
            step="template",
            reaches=tuple(reaches(tree)),
            quality=quality(code),
        )
        verdict = replace(verdict, novelty=self._record.novelty(verdict.name, code, one))
        try:
            check_template(tree)
        except TemplateError as error:
            verdict = replace(verdict, reason=error.reason, line=error.line)
        return verdict, one

    def _run(self, verdict: Verdict, code: str) -> Verdict:
        box = self._boxes.get()
        try:
            told = box.run({"code": code, "name": verdict.name, "asked": self._asked.facts()})
        finally:
            self._boxes.put(box)
        return concluded(replace(verdict, not_enforced=self.not_enforced), told)


@contextmanager
def checker(
    asked: Asked,
    *,
    limits: Limits | None = None,
    trust: bool = False,
    workers: int = 1,
    threads: int | None = None,
    save: bool = True,
    data: str | Path = DATA,
    db: str | Path = DEFAULT_DB,
) -> Iterator[Checker]:
    """Give something that checks nets, and end its process after use.

    Args:
        asked: What nets are to be tried with.
        limits: What each may take.
        trust: Whether they are one's own, and may do what they want.
        workers: How many nets can be checked at once.
        threads: CPU threads of each; None shares the cores among them.
        save: Whether verdicts and nets are written, and compared with those that were.
        data: Folder of the data sets.
        db: A database URL, or the path of an SQLite file.

    Raises:
        LemurError: There is no such data set, metric or transform, or the database is none.
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
        no_walls=True,
    )
    others = {entry.name: entry.code() for _, entry in registry.entries("net")}
    with ExitStack() as stack:
        threads = threads or max(1, (os.cpu_count() or 1) // workers)
        boxes = [Box(sandbox, data, threads) for _ in range(workers)]
        for box in boxes:
            stack.callback(box.close)
            # They import torch while the database is read.
            box.start()
        engine = stack.enter_context(opened(db, create=True)) if save else None
        record = Record(engine, others)
        yield Checker(asked, record, boxes, registry)


def check(code: str, name: str | None = None, **options: Any) -> Verdict:
    """Return the verdict on the source of a net, which is run where it can do no harm.

    Args:
        code: The source, in LEMUR's template.
        name: The net's; None names it after its source.
        options: What it is tried with, as `lemur_core.checking.asked.Asked` has it
            (``task, dataset, metric, transform, prm, epochs, seed``), and how, as `checker` has
            it (``limits, trust, threads, save, data, db``).

    Raises:
        LemurError: It cannot be checked so. What is wrong with the net is said in the verdict.
    """
    asked = {key: options.pop(key) for key in Asked.__dataclass_fields__ if key in options}
    with checker(Asked(**asked), **options) as one:
        if one.not_enforced:
            warnings.warn(f"{NO_WALLS} {', '.join(one.not_enforced)}", stacklevel=2)
        return one(code, name)
