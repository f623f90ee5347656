"""The records that LEMUR publishes for an epoch: score, hyperparameters and other values.

LEMUR stores all of them side by side in one JSON object. Measurements are distinguished from
hyperparameters by name; an unknown name is a hyperparameter, as in LEMUR itself.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.codec import DECODING_ERRORS
from lemur_core.store import fields, schema
from lemur_core.store.datasets import data_of, data_text
from lemur_core.store.field import Publication
from lemur_core.store.identity import canonical_json, digest
from lemur_core.store.text import storable
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lemur_core.dataset import DatasetRecord
    from lemur_core.store.code import StoredCode

# Measurements in newer records of LEMUR's, kept as extra values: lemur has no columns for them.
_MEASUREMENTS = frozenset({
    "best_accuracy", "best_epoch", "cpu_count", "cpu_type", "cpu_usage_percent", "epoch_max",
    "gpu_memory_kb", "gpu_memory_usage_percent", "gpu_total_memory_kb", "gpu_type",
    "gradient_norm", "lr_now", "occupied_gpu_memory_kb", "occupied_ram_kb", "ram_usage_percent",
    "samples_per_second", "test_loss", "total_ram_kb", "train_accuracy", "uid",
})  # fmt: skip
_LONGEST_NS = 2**63 - 1
_UID = re.compile("[0-9a-f]{32}")
LOSS, OWN = "train_loss", "lemur"
# Not a hexadecimal digit, so it marks the identities that start with it.
_NAMED_TRIAL_MARK = "t"
_TRIAL, _DATA, _STATE, _EXTRA = "trial", "data", "state", "extra"
# Further values that lemur publishes for its own trials.
_OWN_FIELDS = [(schema.stat.c[field.name], field) for field in fields.EPOCH if field.published] + [
    (schema.trial.c[field.name], field) for field in fields.TRIAL if field.published
]
OWN_COLUMNS = [column for column, _ in _OWN_FIELDS]
"""Columns that `lemur_values_of` needs, in addition to the trial's uid and dataset."""


COLUMNS = frozenset({"accuracy", "duration", LOSS, OWN})
"""Names in LEMUR's records that have their own column."""
MEASURED = _MEASUREMENTS | COLUMNS
"""Names in LEMUR's records that are not hyperparameters."""


class PipelineNames(NamedTuple):
    """The names of a pipeline."""

    task: str
    dataset: str
    metric: str
    nn: str


class PublishedEpoch(NamedTuple):
    """The published record of one epoch.

    Attributes:
        epoch: Number of the epoch, starting at 1.
        accuracy: Score, 0 to 1, whatever the metric.
        duration: Nanoseconds since the trial started; None if unknown.
        loss: Mean training loss; None if unknown.
        prm: The uid of the hyperparameters.
        extra: The other values of the record as canonical JSON; empty if there are none.
        lemur_values: Further values if lemur wrote the record; None otherwise.
        identity: Identity of the record; equal records have equal identities.
    """

    epoch: int
    accuracy: float
    duration: int | None
    loss: float | None
    prm: str
    extra: str
    lemur_values: dict[str, Any] | None
    identity: str


class Batch(NamedTuple):
    """Records of one pipeline.

    Attributes:
        pipeline: Names of the pipeline.
        records: The records.
        prms: Hyperparameters of the records, by uid.
        codes: Sources that came with the records, by table and name.
    """

    pipeline: PipelineNames
    records: list[PublishedEpoch]
    prms: dict[str, dict[str, Any]]
    codes: Mapping[str, Mapping[str, str | StoredCode]] = {}


def of_named_trial(identity: str) -> str:
    """Return the identity that marks a record whose source names its trial."""
    return f"{_NAMED_TRIAL_MARK}{identity[1:]}"


def is_of_named_trial(identity: str | None) -> bool:
    """Return whether an identity marks a record whose source names its trial."""
    return identity is not None and identity.startswith(_NAMED_TRIAL_MARK)


class MalformedError(ValueError):
    """An invalid record; the text says why."""


def record_of(batch: Batch, epoch: int, facts: Any, copy: int = 0) -> PublishedEpoch:
    """Return the record in a JSON object, and add its hyperparameters to the batch.

    Args:
        batch: Batch of the record's pipeline.
        epoch: Number of the epoch, starting at 1.
        facts: The JSON object.
        copy: Number of identical records before this one.

    Raises:
        MalformedError: The object is not a valid record.
    """
    if type(facts) is not dict:
        raise MalformedError(f"{_shown(facts)}: expected an object")
    prm = facts.copy()
    extra = {name: prm.pop(name) for name in _MEASUREMENTS.intersection(prm)}
    accuracy = _score(prm)
    duration = _duration(prm, extra)
    loss = _loss(prm, extra)
    lemur_values = _lemur_values(prm)
    if lemur_values is not None:
        extra |= lemur_values.pop(_EXTRA, {})
    for name in prm:
        if storable(name) != name:
            raise MalformedError(f"{_shown(name)}: contains characters that no database stores")
    try:
        prm_text = canonical_json(prm)
        extra_text = canonical_json(extra) if extra else ""
        lemur_text = "" if lemur_values is None else canonical_json(lemur_values)
    except ValueError:
        raise MalformedError("contains NaN, an infinity or a value that JSON cannot hold") from None
    except RecursionError:
        raise MalformedError("is nested too deeply") from None
    measured = f"{accuracy!r} {duration} {loss!r} {extra_text}"
    identity = digest(f"{'_'.join(batch.pipeline)}/{epoch}/{copy}{prm_text}{measured}{lemur_text}")
    if lemur_values is not None and lemur_values[_STATE] == State.IMPORTED:
        identity = of_named_trial(identity)
    uid = digest(prm_text)
    batch.prms.setdefault(uid, prm)
    return PublishedEpoch(epoch, accuracy, duration, loss, uid, extra_text, lemur_values, identity)


def facts_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that LEMUR publishes for an epoch, sorted by name.

    Args:
        record: ``accuracy``, ``duration``, ``loss``, ``prm`` and ``extra``.
    """
    facts = {**record["prm"], **record["extra"], "accuracy": record["accuracy"]}
    if record["duration"] is not None:
        facts["duration"] = record["duration"]
    if record["loss"] is not None:
        facts[LOSS] = record["loss"]
    return dict(sorted(facts.items()))


def is_plain(row: Mapping[Any, Any]) -> bool:
    """Return whether LEMUR's record format can express everything known of an epoch and its trial.

    Args:
        row: Row of `schema.stat` and `schema.trial`, by column.
    """
    stat = schema.stat.c
    is_imported = row[schema.trial.c.state] == State.IMPORTED
    named = is_of_named_trial(row[stat.record])
    is_measured = row[stat.validation] is not None or row[stat.validation_loss] is not None
    return is_imported and not named and not is_measured


def published(
    row: Mapping[Any, Any], data: DatasetRecord | None, *, named: bool = False
) -> dict[str, Any]:
    """Return the values of a record other than score, loss, duration and hyperparameters.

    Args:
        row: Row of `schema.stat` and `schema.trial`, by column.
        data: Content of the trial's dataset; None if unknown.
        named: Whether the record must name its trial, to distinguish it from others with the same
            hyperparameters.
    """
    recorded_extra = json.loads(row[schema.stat.c.extra]) if row[schema.stat.c.extra] else {}
    # LEMUR would interpret any other name as a hyperparameter.
    extra = {name: value for name, value in recorded_extra.items() if name in MEASURED}
    other_values = {name: value for name, value in recorded_extra.items() if name not in MEASURED}
    if other_values or named or not is_plain(row):
        extra[OWN] = lemur_values_of(row, data) | ({_EXTRA: other_values} if other_values else {})
    if row[schema.trial.c.state] != State.IMPORTED:
        extra["uid"] = row[schema.trial.c.prm]
    return extra


def lemur_values_of(row: Mapping[Any, Any], data: DatasetRecord | None) -> dict[str, Any]:
    """Return the values of an epoch and its trial that only lemur's records have.

    Args:
        row: Row of `schema.stat` and `schema.trial`, by column.
        data: Content of the trial's dataset; None if unknown.
    """
    values = {_TRIAL: row[schema.trial.c.uid]}
    for column, field in _OWN_FIELDS:
        if row[column] is not None or field.published is not Publication.OPTIONAL:
            values[field.name] = row[column]
    return values if data is None else {**values, _DATA: data_text(data)}


def _score(facts: dict[str, Any]) -> float:
    value = facts.pop("accuracy", None)
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise MalformedError(f"accuracy {_shown(value)}: expected a number from 0 to 1")
    return float(value)


def _duration(facts: dict[str, Any], extra: dict[str, Any]) -> int | None:
    if "duration" not in facts:
        return None
    value = facts.pop("duration")
    if value is None:
        extra["duration"] = None
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= _LONGEST_NS:
        raise MalformedError(f"duration {_shown(value)}: expected whole nanoseconds below 2**63")
    return value


def _loss(facts: dict[str, Any], extra: dict[str, Any]) -> float | None:
    if LOSS not in facts:
        return None
    value = facts.pop(LOSS)
    if type(value) is float and math.isfinite(value):
        return value
    extra[LOSS] = value
    return None


def _lemur_values(facts: dict[str, Any]) -> dict[str, Any] | None:
    values = facts.pop(OWN, None)
    if values is None:
        return None
    if type(values) is not dict or not _UID.fullmatch(str(values.get(_TRIAL))):
        raise MalformedError(
            f"lemur {_shown(values)}: expected the values that lemur writes for a trial"
        )
    if type(values.get(_EXTRA, {})) is not dict:
        raise MalformedError(f"lemur: extra {_shown(values[_EXTRA])}: is not what lemur writes")
    for name, check in _CHECKS.items():
        # Most values are unknown for a trial that was trained elsewhere.
        if values.get(name) is None and values.get(_STATE) == State.IMPORTED:
            continue
        try:
            check(values.get(name))
        except DECODING_ERRORS:
            shown = _shown(values.get(name))
            raise MalformedError(f"lemur: {name} {shown}: is not what lemur writes") from None
    return values


def _check_data(text: Any) -> None:
    if text is not None and (type(text) is not str or storable(text) != text):
        raise ValueError(text)
    data_of(text)


# Every text is parsed here, because an invalid one would fail whoever reads it later.
_CHECKS: dict[str, Callable[[Any], object]] = {
    **{field.name: field.check for _, field in _OWN_FIELDS},
    _DATA: _check_data,
}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
