"""Turn what importers yield into the batches that are written."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from reprlib import repr as shown
from typing import Any, NamedTuple

from lemur_core.errors import LemurError
from lemur_core.kinds.importer import EpochRecord, Fault, Membership
from lemur_core.store.attached import TrialFacts
from lemur_core.store.collections import Collection, Member, canonical_text, check_collection
from lemur_core.store.identity import code_hash, digest, exact
from lemur_core.store.taking.records import (
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

# Records of a batch, which are written at once.
_AT_ONCE = 2_500
_MOST_EPOCHS, _LONGEST_NS = 2**31 - 1, 2**63 - 1


class TrialEpoch(NamedTuple):
    """An epoch of a trial that its source tells apart from others; 0 is the trial as a whole."""

    uid: str
    epoch: int


class _Made(NamedTuple):
    """A collection without its members; spec and provenance are canonical JSON."""

    name: str
    kind: str
    spec: str
    provenance: str

    def collection(self, members: tuple[Member, ...]) -> Collection:
        # The same collection is recognised in another database that took it in.
        uid = digest(f"collection {self.name}/{self.kind}/{self.spec}")
        spec, provenance = json.loads(self.spec), json.loads(self.provenance)
        return Collection(uid, self.name, self.kind, spec, provenance, now(), members)


Recorded = Callable[[Iterable[str]], Mapping[TrialEpoch, str | None]]


@dataclass
class Conversion:
    """Turns the records of one import into batches.

    Args:
        place: Where they come from, as it was named.
        recorded: Returns the identity of each epoch that is recorded of some trials.

    Attributes:
        facts: Facts to record.
        members: Trials by role, by collection; the trials are in order.
    """

    place: str
    recorded: Recorded
    facts: dict[TrialEpoch, dict[str, Any]] = field(default_factory=dict)
    members: dict[_Made, dict[str, dict[str, None]]] = field(default_factory=dict)
    _batch: Batch | None = None
    _seen: dict[TrialEpoch, str] = field(default_factory=dict)
    _codes: dict[str, str] = field(default_factory=dict)
    _copies: Counter[str] = field(default_factory=Counter)
    _count: int = 0

    def batches(self, found: Iterable[Any]) -> Iterator[Batch | Fault]:
        """Yield the records of each pipeline together, and what cannot be taken in.

        Raises:
            LemurError: ``found`` raised it before it gave anything.
        """
        for one in self._survived(found):
            if isinstance(one, EpochRecord):
                yield from self._take(one)
            else:
                yield from self._finished()
                yield one
        yield from self._finished()

    def trial_facts(self) -> Iterator[TrialFacts]:
        """Yield the facts to record."""
        for at, facts in self.facts.items():
            yield TrialFacts(at.uid, {at.epoch: facts})

    def collections(self) -> Iterator[Collection]:
        """Yield the collections to record."""
        for made, roles in self.members.items():
            members = tuple(
                Member(role, position, uid)
                for role, uids in roles.items()
                for position, uid in enumerate(uids)
            )
            yield made.collection(members)

    def _survived(self, found: Iterable[Any]) -> Iterator[EpochRecord | Batch | Fault]:
        """Yield what an importer gives, and a fault where it fails."""
        try:
            for self._count, one in enumerate(found, 1):
                # The built-in importers give whole batches.
                if isinstance(one, EpochRecord | Batch | Fault):
                    yield one
                else:
                    yield self._fault(f"{shown(one)}: expected an EpochRecord or a Fault")
        # A stranger's importer may raise anything; what it gave before is taken in.
        except (Exception, SystemExit) as error:
            if isinstance(error, LemurError) and not self._count:
                raise
            why = str(error) if isinstance(error, LemurError) else _in_one_line(error)
            yield Fault(self.place, f"reading ended after {self._count:,} records: {why}")

    def _take(self, one: EpochRecord) -> Iterator[Batch | Fault]:
        """Add a record to the batch of its pipeline; yield the batch before if that is another."""
        try:
            pipeline, prm = _pipeline(one), _prm(one)
            record = self._unique(one, _record(pipeline, prm, one))
        except MalformedError as error:
            yield self._fault(str(error), one.place)
            return
        codes = {"nn": {one.nn: one.code}} if one.code else {}
        batch = self._batch
        if (
            batch is None
            or (batch.pipeline, batch.codes) != (pipeline, codes)
            or len(batch.records) >= _AT_ONCE
        ):
            yield from self._finished()
            batch = self._batch = Batch(pipeline, [], {}, codes)
        batch.records.append(record)
        batch.prms.setdefault(record.prm, prm)

    def _unique(self, one: EpochRecord, record: PublishedEpoch) -> PublishedEpoch:
        """Return a record with an identity that none before it has, unless it is the very same."""
        if not one.trial:
            for name in ("code", "facts", "trial_facts", "memberships"):
                if getattr(one, name):
                    raise MalformedError(f"has {name}, but no trial that they belong to")
            self._copies[record.identity] += 1
            copy = self._copies[record.identity] - 1
            identity = digest(f"{record.identity} {copy}") if copy else record.identity
            return record._replace(identity=identity)
        memberships = [_made(membership) for membership in one.memberships]
        at = _at(record)
        if self._codes.setdefault(at.uid, one.code) != one.code:
            raise MalformedError(f"trial {one.trial!r} was given before with other code")
        if self._seen.setdefault(at, record.identity) != record.identity:
            raise MalformedError(
                f"epoch {one.epoch} of trial {one.trial!r} was given before with other values"
            )
        for epoch, facts in ((one.epoch, one.facts), (0, one.trial_facts)):
            if facts:
                self.facts.setdefault(TrialEpoch(at.uid, epoch), {}).update(facts)
        for made, role in memberships:
            self.members.setdefault(made, {}).setdefault(role, {})[at.uid] = None
        return record

    def _finished(self) -> Iterator[Batch | Fault]:
        """Yield the batch without the epochs that are recorded with other values."""
        batch, self._batch = self._batch, None
        if batch is None:
            return
        named = {_at(one): one.identity for one in batch.records if _is_named(one)}
        recorded = self.recorded(sorted({at.uid for at in named})) if named else {}
        wrong = {at for at in named if recorded.get(at, named[at]) != named[at]}
        for at in sorted(wrong):
            self.facts.pop(at, None)
            what = f"epoch {at.epoch} of trial {at.uid[:8]}"
            yield Fault(self.place, f"{what} is recorded already with other values")
        kept = [one for one in batch.records if not (_is_named(one) and _at(one) in wrong)]
        yield batch._replace(records=kept)

    def _fault(self, reason: str, place: str = "") -> Fault:
        return Fault(place or f"{self.place}, record {self._count:,}", reason)


def _made(one: Any) -> tuple[_Made, str]:
    if not isinstance(one, Membership):
        raise MalformedError(f"memberships hold {shown(one)}: expected a Membership")
    try:
        made = _Made(
            one.collection, one.kind, canonical_text(one.spec), canonical_text(one.provenance)
        )
        check_collection(made.collection((Member(one.role, 0, ""),)))
    except (TypeError, ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, LemurError) else "holds what JSON cannot hold"
        raise MalformedError(f"collection {shown(one.collection)}: {why}") from None
    return made, one.role


def _is_named(record: PublishedEpoch) -> bool:
    return is_of_named_trial(record.identity)


def _at(record: PublishedEpoch) -> TrialEpoch:
    assert record.own is not None
    return TrialEpoch(record.own["trial"], record.epoch)


def _pipeline(one: EpochRecord) -> PipelineNames:
    names = PipelineNames(one.task, one.dataset, one.metric, one.nn)
    for part, name in names._asdict().items():
        if not isinstance(name, str) or not name or "_" in name or storable(name) != name:
            raise MalformedError(f"{part} {shown(name)}: expected a name without '_'")
    return names


def _prm(one: EpochRecord) -> dict[str, Any]:
    prm = _object("prm", one.prm)
    for name in prm:
        if storable(name) != name:
            raise MalformedError(f"prm {shown(name)}: no database keeps such a name as it is")
        if name in MEASURED:
            raise MalformedError(f"prm {name!r}: is the name of something measured; use another")
    return prm


def _extra(one: EpochRecord) -> dict[str, Any]:
    extra = _object("extra", one.extra)
    for name in extra:
        if name in COLUMNS:
            raise MalformedError(f"extra {name!r}: is the name of another value; use another")
    return extra


def _record(pipeline: PipelineNames, prm: dict[str, Any], one: EpochRecord) -> PublishedEpoch:
    """Return the record that is written of an epoch.

    Raises:
        MalformedError: A value is out of range.
    """
    epoch = _whole("epoch", one.epoch, 1, _MOST_EPOCHS)
    accuracy = _share("accuracy", one.accuracy)
    validation = None if one.validation is None else _share("validation", one.validation)
    loss = None if one.loss is None else _finite("loss", one.loss)
    duration = None
    if one.duration_ns is not None:
        duration = _whole("duration_ns", one.duration_ns, 0, _LONGEST_NS)
    for name, value in (("trial", one.trial), ("code", one.code), ("place", one.place)):
        if not isinstance(value, str):
            raise MalformedError(f"{name} {shown(value)}: expected text")
    for name in ("facts", "trial_facts"):
        _object(name, getattr(one, name))
    extra = exact(_extra(one)) if one.extra else ""
    chosen = exact(prm)
    uid, names = digest(chosen), "_".join(pipeline)
    own: dict[str, Any] = {}
    if validation is not None:
        own["validation"] = validation
    if one.trial:
        own["trial"] = digest(f"{names}/{uid}/trial {one.trial}")
    values = f"{accuracy!r} {validation!r} {loss!r} {duration} {extra} {code_hash(one.code)}"
    identity = digest(f"{names}/{one.trial}/{epoch}/{chosen}{values}")
    if one.trial:
        identity = of_named_trial(identity)
    return PublishedEpoch(epoch, accuracy, duration, loss, uid, extra, own and _own(own), identity)


def _own(known: dict[str, Any]) -> dict[str, Any]:
    # What the columns of a trial cannot lack.
    return {"reason": "", "versions": {}, **known}


def _object(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise MalformedError(f"{what} {shown(value)}: expected a dictionary with names as keys")
    # Scalars of NumPy, which tables give, become Python's.
    found = {name: one.item() if hasattr(one, "item") else one for name, one in value.items()}
    try:
        exact(found)
    except (ValueError, TypeError):
        raise MalformedError(f"{what} {shown(found)}: holds what JSON cannot hold") from None
    except RecursionError:
        raise MalformedError(f"{what}: is nested too deep") from None
    return found


def _whole(what: str, value: Any, least: int, most: int) -> int:
    number = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else -1
    if not least <= number <= most:
        raise MalformedError(f"{what} {shown(value)}: expected a whole number from {least}")
    return number


def _share(what: str, value: Any) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise MalformedError(f"{what} {shown(value)}: expected a number from 0 to 1")
    return number


def _finite(what: str, value: Any) -> float:
    number = _number(value)
    if not math.isfinite(number):
        raise MalformedError(f"{what} {shown(value)}: expected a finite number")
    return number


def _number(value: Any) -> float:
    """Return a real number as a float; NaN for anything else."""
    try:
        return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.inf


def _in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
