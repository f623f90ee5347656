"""Convert the records that importers yield into batches to write."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from reprlib import repr as shown
from typing import Any, NamedTuple

from lemur_core.errors import LemurError, error_text
from lemur_core.kinds.importer import EpochRecord, Fault, Membership
from lemur_core.store.attached import TrialFacts
from lemur_core.store.collections import Collection, Member, canonical_text, check_collection
from lemur_core.store.identity import canonical_json, code_hash, digest
from lemur_core.store.importing.records import (
    COLUMNS,
    MEASURED,
    Batch,
    MalformedError,
    PipelineNames,
    PublishedEpoch,
    is_of_named_trial,
    of_named_trial,
)
from lemur_core.store.text import now, storable

# Maximum number of records in a batch, which is written in one transaction.
_BATCH_RECORDS = 2_500
_MOST_EPOCHS, _LONGEST_NS = 2**31 - 1, 2**63 - 1


class TrialEpoch(NamedTuple):
    """An epoch of a trial that its source names; epoch 0 is the trial as a whole."""

    uid: str
    epoch: int


class _CollectionKey(NamedTuple):
    """A collection without its members; spec and provenance are canonical JSON."""

    name: str
    kind: str
    spec: str
    provenance: str

    def collection(self, members: tuple[Member, ...]) -> Collection:
        # Derived from the contents, so that other databases recognise the same collection.
        uid = digest(f"collection {self.name}/{self.kind}/{self.spec}")
        spec, provenance = json.loads(self.spec), json.loads(self.provenance)
        return Collection(uid, self.name, self.kind, spec, provenance, now(), members)


Recorded = Callable[[Iterable[str]], Mapping[TrialEpoch, str | None]]


@dataclass
class Conversion:
    """Converts the records of one import into batches.

    Args:
        place: Where the records come from, as the user named it.
        recorded: Returns the identity of each recorded epoch of some trials.

    Attributes:
        facts: The facts to record.
        members: The trials of each collection, by role, in order.
    """

    place: str
    recorded: Recorded
    facts: dict[TrialEpoch, dict[str, Any]] = field(default_factory=dict)
    members: dict[_CollectionKey, dict[str, dict[str, None]]] = field(default_factory=dict)
    _batch: Batch | None = None
    _seen: dict[TrialEpoch, str] = field(default_factory=dict)
    _codes: dict[str, str] = field(default_factory=dict)
    _copies: Counter[str] = field(default_factory=Counter)
    _count: int = 0

    def batches(self, items: Iterable[Any]) -> Iterator[Batch | Fault]:
        """Yield batches of consecutive records of one pipeline, and faults.

        Raises:
            LemurError: ``items`` raised it before it yielded anything.
        """
        for item in self._guarded(items):
            if isinstance(item, EpochRecord):
                yield from self._add_record(item)
            else:
                yield from self._finish_batch()
                yield item
        yield from self._finish_batch()

    def trial_facts(self) -> Iterator[TrialFacts]:
        """Yield the facts to record."""
        for trial_epoch, facts in self.facts.items():
            yield TrialFacts(trial_epoch.uid, {trial_epoch.epoch: facts})

    def collections(self) -> Iterator[Collection]:
        """Yield the collections to record."""
        for key, roles in self.members.items():
            members = tuple(
                Member(role, position, uid)
                for role, uids in roles.items()
                for position, uid in enumerate(uids)
            )
            yield key.collection(members)

    def _guarded(self, items: Iterable[Any]) -> Iterator[EpochRecord | Batch | Fault]:
        """Yield what an importer yields, and a fault if the importer fails."""
        try:
            for self._count, item in enumerate(items, 1):
                # The built-in importers yield whole batches.
                if isinstance(item, EpochRecord | Batch | Fault):
                    yield item
                else:
                    yield self._fault(f"{shown(item)}: expected an EpochRecord or a Fault")
        # A third-party importer may raise anything; what it yielded before is imported.
        except (Exception, SystemExit) as error:
            if isinstance(error, LemurError) and not self._count:
                raise
            why = str(error) if isinstance(error, LemurError) else error_text(error)
            yield Fault(self.place, f"reading ended after {self._count:,} records: {why}")

    def _add_record(self, epoch: EpochRecord) -> Iterator[Batch | Fault]:
        """Add a record to the batch of its pipeline; yield the previous batch if it is complete."""
        try:
            pipeline, prm = _pipeline(epoch), _prm(epoch)
            record = self._unique(epoch, _record(pipeline, prm, epoch))
        except MalformedError as error:
            yield self._fault(str(error), epoch.place)
            return
        codes = {"nn": {epoch.nn: epoch.code}} if epoch.code else {}
        batch = self._batch
        if (
            batch is None
            or (batch.pipeline, batch.codes) != (pipeline, codes)
            or len(batch.records) >= _BATCH_RECORDS
        ):
            yield from self._finish_batch()
            batch = self._batch = Batch(pipeline, [], {}, codes)
        batch.records.append(record)
        batch.prms.setdefault(record.prm, prm)

    def _unique(self, epoch_record: EpochRecord, record: PublishedEpoch) -> PublishedEpoch:
        """Return a record with a unique identity; only exact duplicates share one."""
        if not epoch_record.trial:
            for name in ("code", "facts", "trial_facts", "memberships"):
                if getattr(epoch_record, name):
                    raise MalformedError(f"has {name}, but no trial that they belong to")
            self._copies[record.identity] += 1
            copy = self._copies[record.identity] - 1
            identity = digest(f"{record.identity} {copy}") if copy else record.identity
            return record._replace(identity=identity)
        memberships = [_collection_key(membership) for membership in epoch_record.memberships]
        trial_epoch = _trial_epoch(record)
        if self._codes.setdefault(trial_epoch.uid, epoch_record.code) != epoch_record.code:
            raise MalformedError(f"trial {epoch_record.trial!r} was given before with other code")
        if self._seen.setdefault(trial_epoch, record.identity) != record.identity:
            raise MalformedError(
                f"epoch {epoch_record.epoch} of trial {epoch_record.trial!r} was given before with "
                "other values"
            )
        for epoch, facts in (
            (epoch_record.epoch, epoch_record.facts),
            (0, epoch_record.trial_facts),
        ):
            if facts:
                self.facts.setdefault(TrialEpoch(trial_epoch.uid, epoch), {}).update(facts)
        for key, role in memberships:
            self.members.setdefault(key, {}).setdefault(role, {})[trial_epoch.uid] = None
        return record

    def _finish_batch(self) -> Iterator[Batch | Fault]:
        """Yield the batch without epochs that are already recorded with other values."""
        batch, self._batch = self._batch, None
        if batch is None:
            return
        named = {
            _trial_epoch(record): record.identity for record in batch.records if _is_named(record)
        }
        recorded = (
            self.recorded(sorted({trial_epoch.uid for trial_epoch in named})) if named else {}
        )
        conflicts = {
            trial_epoch
            for trial_epoch in named
            if recorded.get(trial_epoch, named[trial_epoch]) != named[trial_epoch]
        }
        for trial_epoch in sorted(conflicts):
            self.facts.pop(trial_epoch, None)
            epoch_name = f"epoch {trial_epoch.epoch} of trial {trial_epoch.uid[:8]}"
            yield Fault(self.place, f"{epoch_name} is already recorded with other values")
        accepted = [
            record
            for record in batch.records
            if not (_is_named(record) and _trial_epoch(record) in conflicts)
        ]
        yield batch._replace(records=accepted)

    def _fault(self, reason: str, place: str = "") -> Fault:
        return Fault(place or f"{self.place}, record {self._count:,}", reason)


def _collection_key(membership: Any) -> tuple[_CollectionKey, str]:
    if not isinstance(membership, Membership):
        raise MalformedError(f"memberships hold {shown(membership)}: expected a Membership")
    try:
        key = _CollectionKey(
            membership.collection,
            membership.kind,
            canonical_text(membership.spec),
            canonical_text(membership.provenance),
        )
        check_collection(key.collection((Member(membership.role, 0, ""),)))
    except (TypeError, ValueError, RecursionError) as error:
        why = (
            str(error)
            if isinstance(error, LemurError)
            else "contains a value that JSON cannot hold"
        )
        raise MalformedError(f"collection {shown(membership.collection)}: {why}") from None
    return key, membership.role


def _is_named(record: PublishedEpoch) -> bool:
    return is_of_named_trial(record.identity)


def _trial_epoch(record: PublishedEpoch) -> TrialEpoch:
    assert record.lemur_values is not None
    return TrialEpoch(record.lemur_values["trial"], record.epoch)


def _pipeline(epoch: EpochRecord) -> PipelineNames:
    names = PipelineNames(epoch.task, epoch.dataset, epoch.metric, epoch.nn)
    for part, name in names._asdict().items():
        if not isinstance(name, str) or not name or "_" in name or storable(name) != name:
            raise MalformedError(f"{part} {shown(name)}: expected a name without '_'")
    return names


def _prm(epoch: EpochRecord) -> dict[str, Any]:
    prm = _object("prm", epoch.prm)
    for name in prm:
        if storable(name) != name:
            raise MalformedError(f"prm {shown(name)}: contains characters that no database stores")
        if name in MEASURED:
            raise MalformedError(f"prm {name!r}: is the name of a measurement; use another name")
    return prm


def _extra(epoch: EpochRecord) -> dict[str, Any]:
    extra = _object("extra", epoch.extra)
    for name in extra:
        if name in COLUMNS:
            raise MalformedError(f"extra {name!r}: is the name of another value; use another name")
    return extra


def _record(pipeline: PipelineNames, prm: dict[str, Any], record: EpochRecord) -> PublishedEpoch:
    """Return the record to write for an epoch.

    Raises:
        MalformedError: A value is out of range.
    """
    epoch = _whole("epoch", record.epoch, 1, _MOST_EPOCHS)
    accuracy = _fraction("accuracy", record.accuracy)
    validation = None if record.validation is None else _fraction("validation", record.validation)
    loss = None if record.loss is None else _finite("loss", record.loss)
    validation_loss = (
        None
        if record.validation_loss is None
        else _finite("validation_loss", record.validation_loss)
    )
    duration = None
    if record.duration_ns is not None:
        duration = _whole("duration_ns", record.duration_ns, 0, _LONGEST_NS)
    for name, value in (("trial", record.trial), ("code", record.code), ("place", record.place)):
        if not isinstance(value, str):
            raise MalformedError(f"{name} {shown(value)}: expected text")
    for name in ("facts", "trial_facts"):
        _object(name, getattr(record, name))
    extra = canonical_json(_extra(record)) if record.extra else ""
    prm_text = canonical_json(prm)
    uid, names = digest(prm_text), "_".join(pipeline)
    lemur_values: dict[str, Any] = {}
    if validation is not None:
        lemur_values["validation"] = validation
    if validation_loss is not None:
        lemur_values["validation_loss"] = validation_loss
    if record.trial:
        lemur_values["trial"] = digest(f"{names}/{uid}/trial {record.trial}")
    values = f"{accuracy!r} {validation!r} {loss!r} {duration} {extra} {code_hash(record.code)}"
    if validation_loss is not None:
        # Otherwise, records have the identities that they had before there was this value.
        values += f" {validation_loss!r}"
    identity = digest(f"{names}/{record.trial}/{epoch}/{prm_text}{values}")
    if record.trial:
        identity = of_named_trial(identity)
    return PublishedEpoch(
        epoch,
        accuracy,
        duration,
        loss,
        uid,
        extra,
        lemur_values and _lemur_values(lemur_values),
        identity,
    )


def _lemur_values(values: dict[str, Any]) -> dict[str, Any]:
    # Columns of a trial that must have a value.
    return {"reason": "", "versions": {}, **values}


def _object(label: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise MalformedError(f"{label} {shown(value)}: expected a dictionary with names as keys")
    # Convert NumPy scalars, which come from tables, to Python's types.
    converted = {
        name: item.item() if hasattr(item, "item") else item for name, item in value.items()
    }
    try:
        canonical_json(converted)
    except (ValueError, TypeError):
        raise MalformedError(
            f"{label} {shown(converted)}: contains a value that JSON cannot hold"
        ) from None
    except RecursionError:
        raise MalformedError(f"{label}: is nested too deeply") from None
    return converted


def _whole(name: str, value: Any, least: int, most: int) -> int:
    number = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else -1
    if not least <= number <= most:
        raise MalformedError(f"{name} {shown(value)}: expected a whole number from {least}")
    return number


def _fraction(name: str, value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise MalformedError(f"{name} {shown(value)}: expected a number from 0 to 1")
    return number


def _finite(name: str, value: Any) -> float:
    number = _number(value)
    if not math.isfinite(number):
        raise MalformedError(f"{name} {shown(value)}: expected a finite number")
    return number


def _number(value: Any) -> float:
    """Return a real number as a float; return NaN for anything else."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.inf
