"""Write trials and epochs, one transaction per event."""

from __future__ import annotations

from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, bindparam, select

from lemur_core.codec import to_json
from lemur_core.errors import StoreError
from lemur_core.fact import WHOLE_TRIAL, check_facts
from lemur_core.store import schema
from lemur_core.store.database import sync_to_disk
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
from lemur_core.store.writing.past_trials import (
    PastTrial,
    count_lacking_scores,
    count_other_code,
    last_number,
    read_past,
    read_prm,
)
from lemur_core.store.writing.spill import (
    import_waiting,
    refused,
    refused_file,
    spill,
    spill_file,
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
    """Writes the results of a campaign. Each method is one transaction, committed when it returns.

    The writer owns the trials that it starts or takes over as long as it has a heartbeat, which a
    thread writes; see `lemur_core.store.writing.holding`. A writer without a heartbeat for a
    minute, because it was suspended or cut off from the database, may have lost trials to another
    writer. It continues under another id, keeps the trials that nobody took over, and raises
    `TrialLostError` for the others.

    If a database is busy, full or unavailable, the writer waits. If the database stays so, epochs
    and ends of trials are kept in a file beside it, which this writer, or else the next one,
    imports when the database is available again.

    Attributes:
        engine: The database.
        versions: Versions of all software that takes part in training.
        patience_s: How long to wait for a database, in seconds.
        imported: Number of records that this writer imported because an earlier campaign could not
            write them.
        refused: Number of records of earlier campaigns that this writer could not write either,
            because they are damaged or their trial is not in the database; see `refused_file`.
        holding: The trials that the writer owns.
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
            self.imported = import_waiting(engine, patience_s)
            self.refused = self._count_refused() - before
        except AwayError as error:
            raise StoreError(f"{error}{self._waiting_message(error)}") from error

    @property
    def owner(self) -> str:
        """Id of this writer, which trials name as their owner."""
        return self.holding.owner

    def close(self) -> None:
        """Let other writers take over unfinished trials at once."""
        self.holding.close()

    @property
    def unwritten(self) -> int:
        """Number of records that wait in `unwritten_file`; the next writer imports them."""
        return waiting(self._file) if self._file else 0

    @property
    def unwritten_file(self) -> Path | None:
        """File of the records that could not be written yet; None if there cannot be one."""
        return self._file

    @property
    def refused_file(self) -> Path | None:
        """File of the records that could not be imported; None if there cannot be one."""
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
        """Return the pipeline's trials with this number of epochs and this code, by trial number.

        Args:
            pipeline: The pipeline.
            epochs: Number of requested epochs.
            known: Trials from an earlier call, by id; only trials that changed since are read.
            data: The data they must be trained on; None for any.
            recipe: Identity of the training code; trials of unknown recipe match too. None for any.
        """
        return self._transact(
            lambda connection: read_past(connection, pipeline, epochs, known or {}, data, recipe)
        )

    def adopt(self, pipeline: Pipeline, data: DatasetRecord) -> int:
        """Declare that trials of unknown data were trained on this data; return their number.

        Args:
            pipeline: Pipeline whose task and dataset the trials must have.
            data: The data.
        """
        return self._transact(lambda connection: adopt(connection, pipeline, data))

    def count_unknown(self, pipeline: Pipeline) -> int:
        """Return the number of trials on the pipeline's dataset whose data is unknown."""
        return self._transact(lambda connection: count_unknown(connection, pipeline))

    def forget_data(self, trial_id: int) -> None:
        """Record that a trial's data is unknown, because its dataset changed."""
        trial = schema.trial.c
        change = schema.trial.update().values(dataset_id=None).where(trial.id == trial_id)
        self._transact(
            lambda connection: connection.execute(change.where(trial.owner == self.owner))
        )

    def count_elsewhere(self, pipeline: Pipeline, data: DatasetRecord) -> dict[str | None, int]:
        """Return how many trials on the pipeline's dataset were trained on other data.

        Args:
            pipeline: Pipeline whose task and dataset the trials must have.
            data: The data.

        Returns:
            The number of trials by the label of their data; None is the label of unknown data.
        """
        return self._transact(lambda connection: count_elsewhere(connection, pipeline, data))

    def count_other_code(self, pipeline: Pipeline) -> int:
        """Return how many trials used another version of the pipeline's loader or metric file."""
        return self._transact(lambda connection: count_other_code(connection, pipeline))

    def count_lacking_scores(self, pipeline: Pipeline) -> int:
        """Return how many trials were not scored by all metrics of the pipeline."""
        return self._transact(lambda connection: count_lacking_scores(connection, pipeline))

    def next_number(self, pipeline: Pipeline) -> int:
        """Return the number of the pipeline's next trial."""
        return self._transact(lambda connection: last_number(connection, pipeline)) + 1

    def begin(self, trial: Trial, facts: Mapping[str, Any] = MappingProxyType({})) -> int:
        """Record that a trial starts, with its code, prm and facts; return its id.

        Raises:
            NumberTakenError: The trial's number is already used.
        """

        def enter(connection: Connection) -> tuple[int, dict[CodeKey, int]]:
            trial_id, codes = begin_trial(
                connection,
                trial,
                self._codes,
                owner=self.owner,
                versions={**trial.versions, **self.versions},
            )
            write_facts(connection, trial_id, WHOLE_TRIAL, facts)
            return trial_id, codes

        trial_id, codes = self._transact(enter, holding=True)
        # Kept only after the commit: ids from a transaction that was rolled back are invalid.
        self._codes.update(codes)
        self._hold(trial_id, trial.uid)
        return trial_id

    def begin_elsewhere(self, trial: TrialElsewhere) -> int:
        """Record the start of a trial that is trained outside lemur; return its id."""
        trial_id = self._transact(
            lambda connection: begin_elsewhere(
                connection, trial, owner=self.owner, versions=self.versions
            ),
            holding=True,
        )
        self._hold(trial_id, trial.uid)
        return trial_id

    def holder(self, past: PastTrial, patience_s: float) -> Holder | None:
        """Return the state of a running trial's owner; None if it is this writer.

        Args:
            past: The trial.
            patience_s: How long an owner without heartbeats may be silent, in seconds.
        """
        if past.owner == self.owner:
            return None
        self.holding.start()
        with self.holding.lock:
            return self._transact(
                lambda connection: self.holding.holders.holder(
                    connection, past.owner, past.seen, patience_s
                )
            )

    def claim(
        self,
        past: PastTrial,
        left_out: Mapping[str, int],
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> bool:
        """Take over a trial that its owner left; return False if another campaign was faster.

        Args:
            past: The trial.
            left_out: Number of samples of each split that it continues without; if empty, the
                recorded numbers stay unchanged.
            facts: Facts of the trial that are recorded if it is taken over.
        """
        trial, moment, attempts = schema.trial.c, now(), count()
        left_out_columns = {"left_out": left_out_text(left_out)} if left_out else {}
        conditions = (trial.id == past.id, trial.owner == past.owner, trial.state == past.state)

        def take(connection: Connection) -> bool:
            ownership = {"owner": self.owner, "state": State.RUNNING, "seen": moment}
            is_anothers = past.state is State.RUNNING and past.owner != self.owner
            if is_anothers and not self.holding.holders.end(connection, past.owner):
                return False
            change = schema.trial.update().where(*conditions)
            change = change.values(**ownership, **left_out_columns, reason="", ended=None)
            if connection.execute(change).rowcount == 1:
                write_facts(connection, past.id, WHOLE_TRIAL, facts)
                next(attempts)
                return True
            # The commit succeeded, but its confirmation was lost.
            query = select(trial.id).filter_by(id=past.id, **ownership)
            return next(attempts) > 0 and connection.scalar(query) is not None

        claimed = self._transact(take, holding=True)
        if claimed:
            self._hold(past.id, past.uid)
        else:
            self.holding.beat()
        return claimed

    def record(self, trial_id: int, epoch: Epoch) -> None:
        """Record an epoch.

        Raises:
            TrialLostError: Another writer owns the trial; nothing is recorded.
            StoreError: The epoch is already recorded with other values.
            FactError: A fact of the epoch cannot be stored, or is already recorded with another
                value.
        """
        facts = check_facts(epoch.facts)

        def enter(connection: Connection) -> None:
            self.holding.reclaim(connection, trial_id)
            if not self._ledger.enter(connection, trial_id, self.owner, epoch):
                self.holding.check(connection, trial_id)
                if not self._ledger.holds(connection, trial_id, epoch):
                    raise StoreError(
                        f"database {place(self.engine)}: epoch {epoch.number} of trial {trial_id} "
                        "is already recorded with other values"
                    )
            write_facts(connection, trial_id, epoch.number, facts)

        self._write_or_spill(enter, trial_id, lambda: {"epoch": to_json(epoch)})

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
            trial_id: Id of the trial.
            facts: The values, as `lemur_core.fact.check_facts` returned them.
            epoch: Number of the epoch; `WHOLE_TRIAL` for the trial as a whole.
            replace: Whether to overwrite recorded values.

        Raises:
            FactError: The epoch does not exist, or a fact is already recorded with another value.
        """

        def enter(connection: Connection) -> None:
            self.holding.reclaim(connection, trial_id)
            self.holding.check(connection, trial_id)
            write_facts(connection, trial_id, epoch, facts, replace=replace)

        self._write_or_spill(
            enter,
            trial_id,
            lambda: {"facts": facts, "of": epoch, "replace": replace},
        )

    def finish(self, trial_id: int, outcome: Outcome) -> None:
        """Record how a trial ended.

        When this returns, the end and all earlier records are on the disk, so the trial's
        checkpoint may be removed. In an SQLite database they are in the main file, unless a reader
        delays that.

        Raises:
            TrialLostError: Another writer owns the trial; nothing is recorded.
        """
        row = end_row(outcome)

        def end(connection: Connection) -> None:
            self.holding.reclaim(connection, trial_id)
            if not self._ledger.end(connection, trial_id, self.owner, row):
                raise NotHeldError

        self._write_or_spill(end, trial_id, lambda: {"end": row})
        self.holding.release(trial_id)
        sync_to_disk(self.engine)

    def _transact(self, work: Callable[[Connection], Result], *, holding: bool = False) -> Result:
        """Execute a transaction; with ``holding``, it also renews the lease."""
        try:
            self._catch_up(self.patience_s)
            if holding:
                self.holding.start()
                return self.holding.transact(work, self.patience_s)
            return patiently(self.engine, work, self.patience_s)
        except AwayError as error:
            self._part_from_log(error)
            raise type(error)(f"{error}{self._waiting_message(error)}") from error

    def _hold(self, trial_id: int, uid: str) -> None:
        self._uids[trial_id] = uid
        self.holding.take(trial_id)

    def _write_or_spill(
        self,
        work: Callable[[Connection], object],
        trial_id: int,
        line: Callable[[], Mapping[str, Any]],
    ) -> None:
        # If records already wait, do not wait again for the database at each epoch.
        patience_s = 0 if self.holding.has_waiting else self.patience_s
        try:
            self._catch_up(patience_s)
            self.holding.transact(self._with_identity_check(trial_id, work), patience_s)
        except NotHeldError as error:
            raise self.holding.lost(trial_id) from error
        except LostError as error:
            self._part_from_log(error)
            self._spill(trial_id, line(), error)
            raise LostError(f"{error}{self._waiting_message(error)}") from error
        except AwayError as error:
            self._spill(trial_id, line(), error)
        except KeyboardInterrupt as error:
            # A user who does not want to wait must not lose the epoch that was trained.
            self._spill(trial_id, line(), error)
            raise
        else:
            self.holding.take(trial_id)

    def _part_from_log(self, error: AwayError) -> None:
        if isinstance(error, LostError) and error.is_elsewhere:
            part_from_log(self.engine)

    def _with_identity_check(
        self, trial_id: int, work: Callable[[Connection], object]
    ) -> Callable[[Connection], object]:
        """Return a transaction that fails if another database replaced this one."""
        uid = self._uids.get(trial_id)

        def checked(connection: Connection) -> object:
            recorded_uid = self._uid_of.execute(connection, {"this": trial_id}).scalar()
            if uid is not None and recorded_uid != uid:
                raise LostError(
                    f"database {place(self.engine)}: was replaced by another while it was in use"
                )
            return work(connection)

        return checked

    def _catch_up(self, patience_s: float) -> None:
        if self.holding.has_waiting:
            import_waiting(self.engine, patience_s)
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
            raise StoreError(
                f"{cause}; and the record cannot be kept in {self._file}: {why}"
            ) from error

    def _waiting_message(self, error: AwayError) -> str:
        if self._file is None or not waiting(self._file):
            return ""
        which = " with this database" if isinstance(error, LostError) else ""
        records = waiting_text(self._file)
        return f"; {records} in {self._file}: the next lemur run{which} imports them"
