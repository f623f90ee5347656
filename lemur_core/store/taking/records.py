"""What LEMUR publishes of one epoch: its score, its hyperparameters, and whatever else it says.

LEMUR keeps all of it side by side in one JSON object. What is measured is told from what was chosen
by its name; a name that is not known here is a hyperparameter, as it is to LEMUR.
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
from lemur_core.store.identity import digest, exact
from lemur_core.store.text import storable
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lemur_core.dataset import DatasetRecord
    from lemur_core.store.code import StoredCode

# What newer records of LEMUR's measure beside the score; kept, for lemur has no column for it.
_MEASURED = frozenset({
    "best_accuracy", "best_epoch", "cpu_count", "cpu_type", "cpu_usage_percent", "epoch_max",
    "gpu_memory_kb", "gpu_memory_usage_percent", "gpu_total_memory_kb", "gpu_type",
    "gradient_norm", "lr_now", "occupied_gpu_memory_kb", "occupied_ram_kb", "ram_usage_percent",
    "samples_per_second", "test_loss", "total_ram_kb", "train_accuracy", "uid",
})  # fmt: skip
_LONGEST_NS = 2**63 - 1
_UID = re.compile("[0-9a-f]{32}")
LOSS, OWN = "train_loss", "lemur"
# No digit of a hash, so that it tells the identities that begin with it apart.
_NAMED = "t"
_TRIAL, _DATA, _STATE, _EXTRA = "trial", "data", "state", "extra"
# What lemur says of its own trials beside that.
_OWN_FIELDS = [(schema.stat.c[field.name], field) for field in fields.EPOCH if field.published] + [
    (schema.trial.c[field.name], field) for field in fields.TRIAL if field.published
]
OWN_COLUMNS = [column for column, _ in _OWN_FIELDS]
"""The columns that `own_of` needs, beside those of the trial's uid and data set."""


COLUMNS = frozenset({"accuracy", "duration", LOSS, OWN})
"""Names in LEMUR's records of what has a column of its own."""
MEASURED = _MEASURED | COLUMNS
"""Names in LEMUR's records that are no hyperparameters."""


class PipelineNames(NamedTuple):
    """The names of a pipeline."""

    task: str
    dataset: str
    metric: str
    nn: str


class PublishedEpoch(NamedTuple):
    """What was published of one epoch.

    Attributes:
        epoch: Its number, from 1.
        accuracy: The score, 0 to 1, whatever the metric.
        duration: Nanoseconds since the trial began; None where it is not told.
        loss: Mean training loss; None where it is not told.
        prm: The uid of the hyperparameters.
        extra: The rest of the record, in canonical JSON; empty where there is none.
        own: What lemur knew of it, where lemur wrote it.
        identity: The same for the same record, and for no other.
    """

    epoch: int
    accuracy: float
    duration: int | None
    loss: float | None
    prm: str
    extra: str
    own: dict[str, Any] | None
    identity: str


class Batch(NamedTuple):
    """Records of one pipeline.

    Attributes:
        pipeline: Whose they are.
        records: They.
        prms: Their hyperparameters, by uid.
        codes: The sources that came with them, by table and name.
    """

    pipeline: PipelineNames
    records: list[PublishedEpoch]
    prms: dict[str, dict[str, Any]]
    codes: Mapping[str, Mapping[str, str | StoredCode]] = {}


def of_named_trial(identity: str) -> str:
    """Return the identity of a record whose source tells its trial apart from others."""
    return f"{_NAMED}{identity[1:]}"


def is_of_named_trial(identity: str | None) -> bool:
    """Return whether a record's source tells its trial apart from others."""
    return identity is not None and identity.startswith(_NAMED)


class MalformedError(ValueError):
    """A record that cannot be one, and why."""


def record_of(batch: Batch, epoch: int, facts: Any, copy: int = 0) -> PublishedEpoch:
    """Return the record that a JSON object holds; its hyperparameters are entered in the batch.

    Args:
        batch: Of the pipeline whose it is.
        epoch: Its epoch, from 1.
        facts: What was published.
        copy: How many times the very same came before it.

    Raises:
        MalformedError: It is no record.
    """
    if type(facts) is not dict:
        raise MalformedError(f"{_shown(facts)}: expected an object")
    prm = facts.copy()
    extra = {name: prm.pop(name) for name in _MEASURED.intersection(prm)}
    accuracy = _score(prm)
    duration = _duration(prm, extra)
    loss = _loss(prm, extra)
    own = _own(prm)
    if own is not None:
        extra |= own.pop(_EXTRA, {})
    for name in prm:
        if storable(name) != name:
            raise MalformedError(f"{_shown(name)}: no database keeps such a name as it is")
    try:
        chosen = exact(prm)
        rest = exact(extra) if extra else ""
        known = "" if own is None else exact(own)
    except ValueError:
        raise MalformedError("holds NaN, an infinity, or what no JSON has") from None
    except RecursionError:
        raise MalformedError("is nested too deep") from None
    measured = f"{accuracy!r} {duration} {loss!r} {rest}"
    identity = digest(f"{'_'.join(batch.pipeline)}/{epoch}/{copy}{chosen}{measured}{known}")
    if own is not None and own[_STATE] == State.IMPORTED:
        identity = of_named_trial(identity)
    uid = digest(chosen)
    batch.prms.setdefault(uid, prm)
    return PublishedEpoch(epoch, accuracy, duration, loss, uid, rest, own, identity)


def facts_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what LEMUR publishes of an epoch, its names in order.

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
    """Return whether LEMUR's own words say all that is known of an epoch and its trial.

    Args:
        row: Of `schema.stat` and `schema.trial`, by their columns.
    """
    stat = schema.stat.c
    is_imported = row[schema.trial.c.state] == State.IMPORTED
    named = is_of_named_trial(row[stat.record])
    return is_imported and not named and row[stat.validation] is None


def published(
    row: Mapping[Any, Any], data: DatasetRecord | None, *, named: bool = False
) -> dict[str, Any]:
    """Return what a record says beside its score, loss, duration and hyperparameters.

    Args:
        row: Of `schema.stat` and `schema.trial`, by their columns.
        data: The content of its data set; None if that is unknown.
        named: Whether the trial must be told apart from others of its hyperparameters.
    """
    known = json.loads(row[schema.stat.c.extra]) if row[schema.stat.c.extra] else {}
    # LEMUR would take any other name for that of a hyperparameter.
    extra = {name: value for name, value in known.items() if name in MEASURED}
    others = {name: value for name, value in known.items() if name not in MEASURED}
    if others or named or not is_plain(row):
        extra[OWN] = own_of(row, data) | ({_EXTRA: others} if others else {})
    if row[schema.trial.c.state] != State.IMPORTED:
        extra["uid"] = row[schema.trial.c.prm]
    return extra


def own_of(row: Mapping[Any, Any], data: DatasetRecord | None) -> dict[str, Any]:
    """Return what lemur says of an epoch and its trial beside what LEMUR does.

    Args:
        row: Of `schema.stat` and `schema.trial`, by their columns.
        data: The content of its data set; None if that is unknown.
    """
    own = {_TRIAL: row[schema.trial.c.uid]}
    for column, field in _OWN_FIELDS:
        if row[column] is not None or field.published is not Publication.OPTIONAL:
            own[field.name] = row[column]
    return own if data is None else {**own, _DATA: data_text(data)}


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


def _own(facts: dict[str, Any]) -> dict[str, Any] | None:
    own = facts.pop(OWN, None)
    if own is None:
        return None
    if type(own) is not dict or not _UID.fullmatch(str(own.get(_TRIAL))):
        raise MalformedError(f"lemur {_shown(own)}: expected what lemur writes of a trial")
    if type(own.get(_EXTRA, {})) is not dict:
        raise MalformedError(f"lemur: extra {_shown(own[_EXTRA])}: is not what lemur writes")
    for name, check in _CHECKS.items():
        # Of a trial that was trained elsewhere, most is unknown.
        if own.get(name) is None and own.get(_STATE) == State.IMPORTED:
            continue
        try:
            check(own.get(name))
        except DECODING_ERRORS:
            shown = _shown(own.get(name))
            raise MalformedError(f"lemur: {name} {shown}: is not what lemur writes") from None
    return own


def _check_data(text: Any) -> None:
    if text is not None and (type(text) is not str or storable(text) != text):
        raise ValueError(text)
    data_of(text)


# One text that cannot be read would fail whoever reads it, so that each is read here.
_CHECKS: dict[str, Callable[[Any], object]] = {
    **{field.name: field.check for _, field in _OWN_FIELDS},
    _DATA: _check_data,
}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
