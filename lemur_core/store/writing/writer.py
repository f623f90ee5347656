"""Write trials and epochs, one transaction for each thing that happened."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, bindparam, select

from lemur_core.codec import to_json
from lemur_core.errors import StoreError
from lemur_core.fact import WHOLE_TRIAL, check_facts
from lemur_core.store import schema
from lemur_core.store.database import settle
from lemur_core.store.datasets import adopt, count_elsewhere, count_unknown
from lemur_core.store.facts import write_facts
from lemur_core.store.patience import PATIENCE_S, patiently
from lemur_core.store.sqlite_file import part_from_log
from lemur_core.store.statements import Compiled
from lemur_core.store.text import now
from lemur_core.store.trouble import AwayError, LostError, place
from lemur_core.store.values import left_out_text
from lemur_core.store.writing.begin import CodeKey, NumberTakenError, begin_trial
from lemur_core.store.writing.elsewhere import TrialElsewhere, begin_elsewhere
from lemur_core.store.writing.holding import Holding
from lemur_core.store.writing.lease import TrialLostError
from lemur_core.store.writing.ledger import Ledger, NotHeldError, end_row
from lemur_core.store.writing.past_trials import PastTrial, last_number, read_past, read_prm
from lemur_core.store.writing.spill import (
    refused,
    refused_file,
    spill,
    spill_file,
    take_in,
    waiting,
    waiting_text,
)
from lemur_core.trial import Epoch, Outcome, State, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.store.writing.holders import Holder

__all__ = ["NumberTakenError", "PastTrial", "TrialLostError", "Writer", "read_prm"]

Result = TypeVar("Result")


class Writer:
    """Writes what a campaign does. Each method is one transaction, done when it returns.

    The trials that it begins or takes over are its own for as long as it has a heartbeat, which a
    thread writes; see `lemur_core.store.writing.holding`. A writer that had none for a minute, as
    it was stopped or cut off from the database, may have lost its trials to another. It goes on
    under another id, keeps those that nobody took, and raises `TrialLostError` for the others.

    A database that is busy, full or away is waited for. When it stays so, epochs and ends are kept
    in a file beside it, which this writer takes in when the database is back, or else the next.

    Attributes:
        engine: The database.
        versions: Of all that trains.
        patience_s: How long a database is waited for, in seconds.
        taken_in: How many records an earlier campaign could not write, and this one did.
        refused: How many of them this one could not write either, as they are damaged or of no
            trial of the database; they are in `refused_file`.
        holding: The trials that are its own.
    """

    def __init__(
        self, engine: Engine, versions: Mapping[str, str], patience_s: float = PATIENCE_S
    ) -> None:
        self.engine = engine
        self.versions = dict(versions)
        self.patience_s = patience_s
        self.holding = Holding(engine)
        self._ledger = Ledger(engine)
        trial = schema.trial.c
        query = select(trial.uid).where(trial.id == bindparam("this"))
        self._uid_of = Compiled(query, engine.dialect)
        self._codes: dict[CodeKey, int] = {}
        self._uids: dict[int, str] = {}
        self._file = spill_file(engine)
        before = self._count_refused()
        try:
            self.taken_in = take_in(engine, patience_s)
            self.refused = self._count_refused() - before
        except AwayError as error:
            raise StoreError(f"{error}{self._said_waiting(error)}") from error

    @property
    def owner(self) -> str:
        """This writer's id, as trials name their owner."""
        return self.holding.owner

    def close(self) -> None:
        """Let others take over at once what is left of its trials."""
        self.holding.close()

    @property
    def unwritten(self) -> int:
        """How many records wait in `unwritten_file`; the next writer takes them in."""
        return waiting(self._file) if self._file else 0

    @property
    def unwritten_file(self) -> Path | None:
        """Where records wait that the database did not take."""
        return self._file

    @property
    def refused_file(self) -> Path | None:
        """Where records are that no database took in."""
        return self._file and refused_file(self._file)

    def _count_refused(self) -> int:
        return refused(self._file) if self._file else 0

    def past(
        self,
        pipeline: Pipeline,
        epochs: int,
        known: Mapping[int, PastTrial] | None = None,
        data: DatasetRecord | None = None,
        recipe: str | None = None,
    ) -> list[PastTrial]:
        """Return the pipeline's trials of so many epochs, by this very code, by their numbers.

        Args:
            pipeline: What was trained.
            epochs: How many were asked for.
            known: Trials by id as they were before; only what changed since is read.
            data: The data that they were trained on; None takes any.
            recipe: The code that trained them; those of unknown code count too, and None takes any.
        """
        return self._insist(
            lambda found: read_past(found, pipeline, epochs, known or {}, data, recipe)
        )

    def adopt(self, pipeline: Pipeline, data: DatasetRecord) -> int:
        """Declare that trials of unknown data were trained on this data; return how many.

        Args:
            pipeline: Whose task and data set the trials have.
            data: The data.
        """
        return self._insist(lambda found: adopt(found, pipeline, data))

    def count_unknown(self, pipeline: Pipeline) -> int:
        """Return how many trials of the pipeline's data set do not say what they trained on."""
        return self._insist(lambda found: count_unknown(found, pipeline))

    def forget_data(self, trial_id: int) -> None:
        """Record that it is unknown what a trial was trained on, as its data set changed."""
        trial = schema.trial.c
        change = schema.trial.update().values(dataset_id=None).where(trial.id == trial_id)
        self._insist(lambda found: found.execute(change.where(trial.owner == self.owner)))

    def count_elsewhere(self, pipeline: Pipeline, data: DatasetRecord) -> dict[str | None, int]:
        """Return how many trials of the pipeline's data set were trained on other data.

        Args:
            pipeline: Whose task and data set the trials have.
            data: The data.

        Returns:
            Their number by the label of their data; by None if that is unknown.
        """
        return self._insist(lambda found: count_elsewhere(found, pipeline, data))

    def next_number(self, pipeline: Pipeline) -> int:
        """Return the number that the pipeline's next trial gets."""
        return self._insist(lambda found: last_number(found, pipeline)) + 1

    def begin(self, trial: Trial) -> int:
        """Record that a trial starts, with its code and prm; return its id.

        Raises:
            NumberTakenError: Its number is another trial's.
        """
        trial_id, codes = self._insist(
            lambda connection: begin_trial(
                connection, trial, self._codes, owner=self.owner, versions=self.versions
            ),
            holding=True,
        )
        # Of a transaction that was rolled back the ids are nobody's.
        self._codes.update(codes)
        self._take(trial_id, trial.uid)
        return trial_id

    def begin_elsewhere(self, trial: TrialElsewhere) -> int:
        """Record that a trial starts whose training is not lemur's; return its id."""
        trial_id = self._insist(
            lambda connection: begin_elsewhere(
                connection, trial, owner=self.owner, versions=self.versions
            ),
            holding=True,
        )
        self._take(trial_id, trial.uid)
        return trial_id

    def holder(self, past: PastTrial, patience_s: float) -> Holder | None:
        """Return what is known of the owner of a trial that runs; None if it is this writer.

        Args:
            past: The trial.
            patience_s: How long an owner that has no heartbeat may be silent.
        """
        if past.owner == self.owner:
            return None
        self.holding.start()
        with self.holding.lock:
            return self._insist(
                lambda found: self.holding.holders.holder(found, past.owner, past.seen, patience_s)
            )

    def claim(self, past: PastTrial, left_out: Mapping[str, int]) -> bool:
        """Take over a trial that its owner left; return False where another campaign was first.

        Args:
            past: The trial.
            left_out: How many samples of each split it goes on without; what it was trained without
                before stays recorded where it is none now.
        """
        trial, moment, attempts = schema.trial.c, now(), count()
        without = {"left_out": left_out_text(left_out)} if left_out else {}
        left = (trial.id == past.id, trial.owner == past.owner, trial.state == past.state)

        def take(connection: Connection) -> bool:
            mine = {"owner": self.owner, "state": State.RUNNING, "seen": moment}
            is_anothers = past.state is State.RUNNING and past.owner != self.owner
            if is_anothers and not self.holding.holders.end(connection, past.owner):
                return False
            change = schema.trial.update().where(*left)
            change = change.values(**mine, **without, reason="", ended=None)
            if connection.execute(change).rowcount == 1:
                next(attempts)
                return True
            # The commit was made, only its answer was lost.
            query = select(trial.id).filter_by(id=past.id, **mine)
            return next(attempts) > 0 and connection.scalar(query) is not None

        claimed = self._insist(take, holding=True)
        if claimed:
            self._take(past.id, past.uid)
        else:
            self.holding.beat()
        return claimed

    def record(self, trial_id: int, epoch: Epoch) -> None:
        """Record an epoch.

        Raises:
            TrialLostError: The trial is another's; nothing is recorded.
            StoreError: It is recorded already, with other values.
            FactError: A fact of it cannot be kept, or is recorded already with another value.
        """
        facts = check_facts(epoch.facts)

        def enter(connection: Connection) -> None:
            self.holding.reclaim(connection, trial_id)
            if not self._ledger.enter(connection, trial_id, self.owner, epoch):
                self.holding.check(connection, trial_id)
                if not self._ledger.holds(connection, trial_id, epoch):
                    raise StoreError(
                        f"database {place(self.engine)}: epoch {epoch.number} of trial {trial_id} "
                        "is recorded already, with other values"
                    )
            write_facts(connection, trial_id, epoch.number, facts)

        self._keep(enter, trial_id, lambda: {"epoch": to_json(epoch)})

    def record_facts(
        self,
        trial_id: int,
        facts: Mapping[str, Any],
        epoch: int = WHOLE_TRIAL,
        *,
        replace: bool = False,
    ) -> None:
        """Record named values of a trial, or of one of its epochs.

        Args:
            trial_id: The trial's id.
            facts: What `lemur_core.fact.check_facts` returned.
            epoch: Number of the epoch; `WHOLE_TRIAL` is for the trial as a whole.
            replace: Write over values that are recorded already.

        Raises:
            FactError: There is no such epoch, or a fact is recorded already with another value.
        """

        def enter(connection: Connection) -> None:
            self.holding.reclaim(connection, trial_id)
            self.holding.check(connection, trial_id)
            write_facts(connection, trial_id, epoch, facts, replace=replace)

        self._keep(
            enter,
            trial_id,
            lambda: {"facts": facts, "of": epoch, "replace": replace},
        )

    def finish(self, trial_id: int, outcome: Outcome) -> None:
        """Record how a trial ended.

        That and all before it is on the disk when this returns, so that its checkpoint may be
        removed; in an SQLite file itself, unless a reader holds that up.

        Raises:
            TrialLostError: The trial is another's; nothing is recorded.
        """
        row = end_row(outcome)

        def end(connection: Connection) -> None:
            self.holding.reclaim(connection, trial_id)
            if not self._ledger.end(connection, trial_id, self.owner, row):
                raise NotHeldError

        self._keep(end, trial_id, lambda: {"end": row})
        self.holding.release(trial_id)
        settle(self.engine)

    def _insist(self, work: Callable[[Connection], Result], *, holding: bool = False) -> Result:
        """Do a transaction; with ``holding``, one that also renews the lease."""
        try:
            self._catch_up(self.patience_s)
            if holding:
                self.holding.start()
                return self.holding.transact(work, self.patience_s)
            return patiently(self.engine, work, self.patience_s)
        except AwayError as error:
            self._part_from_log(error)
            raise type(error)(f"{error}{self._said_waiting(error)}") from error

    def _take(self, trial_id: int, uid: str) -> None:
        self._uids[trial_id] = uid
        self.holding.take(trial_id)

    def _keep(
        self,
        work: Callable[[Connection], object],
        trial_id: int,
        line: Callable[[], Mapping[str, Any]],
    ) -> None:
        # Nobody waits a minute for each epoch of a day without a database.
        patience_s = 0 if self.holding.has_waiting else self.patience_s
        try:
            self._catch_up(patience_s)
            self.holding.transact(self._of_own(trial_id, work), patience_s)
        except NotHeldError as error:
            raise self.holding.lost(trial_id) from error
        except LostError as error:
            self._part_from_log(error)
            self._spill(trial_id, line(), error)
            raise LostError(f"{error}{self._said_waiting(error)}") from error
        except AwayError as error:
            self._spill(trial_id, line(), error)
        except KeyboardInterrupt as error:
            # Whoever waits no longer must not lose what was trained.
            self._spill(trial_id, line(), error)
            raise
        else:
            self.holding.take(trial_id)

    def _part_from_log(self, error: AwayError) -> None:
        if isinstance(error, LostError) and error.is_elsewhere:
            part_from_log(self.engine)

    def _of_own(
        self, trial_id: int, work: Callable[[Connection], object]
    ) -> Callable[[Connection], object]:
        """Return a transaction that is not done in a database that was put in this one's place."""
        uid = self._uids.get(trial_id)

        def checked(connection: Connection) -> object:
            found = self._uid_of.execute(connection, {"this": trial_id}).scalar()
            if uid is not None and found != uid:
                raise LostError(
                    f"database {place(self.engine)}: was replaced by another while it was in use"
                )
            return work(connection)

        return checked

    def _catch_up(self, patience_s: float) -> None:
        if self.holding.has_waiting:
            take_in(self.engine, patience_s)
            self.holding.has_waiting = False

    def _spill(self, trial_id: int, line: Mapping[str, Any], error: BaseException) -> None:
        uid = self._uids.get(trial_id)
        if self._file is None or uid is None:
            raise error
        try:
            with self.holding.lock:
                owner = self.holding.owner_of(trial_id)
                spill(self._file, {"trial": uid, "owner": owner, **line})
                self.holding.has_waiting = True
        except OSError as trouble:
            cause, why = str(error) or "interrupted", trouble.strerror or trouble
            raise StoreError(f"{cause}; nor can it be kept in {self._file}: {why}") from error

    def _said_waiting(self, error: AwayError) -> str:
        if self._file is None or not waiting(self._file):
            return ""
        which = " with this database" if isinstance(error, LostError) else ""
        records = waiting_text(self._file)
        return f"; {records} in {self._file}: the next lemur run{which} takes them in"
