"""Everything that is known of one trial."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, select

from lemur_core.fact import WHOLE_TRIAL
from lemur_core.store import fields, schema
from lemur_core.store.artefacts import Artefact, read_artefacts
from lemur_core.store.code import CODE_TABLES, read_codes
from lemur_core.store.datasets import read_datasets
from lemur_core.store.facts import read_facts
from lemur_core.store.trials import find_trial
from lemur_core.store.values import left_out_of, prediction_of
from lemur_core.store.writing.past_trials import epoch_of, read_prm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core.dataset import DatasetRecord
    from lemur_core.trial import Prediction

_SUMMARY = [
    field.name
    for field in fields.TRIAL
    if any(one.with_stats and one.name == field.name for one in field.shown)
]


@dataclass(frozen=True)
class StoredEpoch:
    """What was recorded of an epoch; what is not known of it is None."""

    number: int
    accuracy: float
    validation: float | None
    loss: float | None
    duration_ns: int | None
    scores: Mapping[str, tuple[float, float]]
    source: str | None
    extra: dict[str, Any]


_RECORDED = {one.name for one in dataclass_fields(StoredEpoch)} - {"source", "extra"}


@dataclass(frozen=True)
class StoredTrial:
    """What was recorded of a trial.

    Attributes:
        facts: The columns of `schema.trial`, by name.
        prm: Its hyperparameters.
        codes: The sources that produced it, by table; those that are not known are left out.
        epochs: Its epochs, in their order.
        data: The content of its data set; None if that is unknown.
        attached: The values of its own facts, by name.
        epochs_attached: Those of its epochs' facts, by epoch and name.
        artefacts: Its artefacts, whose files were not looked at.
    """

    facts: dict[str, Any]
    prm: dict[str, Any]
    codes: dict[str, str]
    epochs: Sequence[StoredEpoch]
    data: DatasetRecord | None = None
    attached: Mapping[str, Any] = field(default_factory=dict)
    epochs_attached: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    artefacts: Sequence[Artefact] = ()

    @property
    def pipeline(self) -> str:
        """The name of its pipeline."""
        return "_".join(self.facts[name] for name in ("task", "dataset", "metric", "nn"))

    @property
    def settings(self) -> dict[str, Any]:
        """What says how it was trained, beside its hyperparameters, data and code."""
        return {field.name: self.facts[field.name] for field in fields.TRIAL if field.setting}

    @property
    def summary(self) -> dict[str, Any]:
        """Its state, and what results show with ``with_stats``, as far as it is known."""
        names = ["state", *_SUMMARY]
        return {name: self.facts[name] for name in names if self.facts[name] not in (None, "")}

    @property
    def best(self) -> StoredEpoch | None:
        """Its best epoch, as `lemur_core.store.reading.ranking` says; None without epochs."""
        return max(self.epochs, key=_rank, default=None)

    @property
    def left_out(self) -> dict[str, int]:
        """How many samples of each split it was trained and scored without."""
        return left_out_of(self.facts["left_out"])

    @property
    def prediction(self) -> Prediction | None:
        """What an estimator settled on; None where none did."""
        return prediction_of(self.facts["predicted"], self.facts["estimate"])


def _rank(epoch: StoredEpoch) -> tuple[bool, float, int]:
    if epoch.validation is None or math.isnan(epoch.validation):
        return False, epoch.accuracy, epoch.number
    return True, epoch.validation, epoch.number


def read_stored_trial(connection: Connection, uid: str) -> StoredTrial:
    """Return what is known of the trial whose unique id begins so.

    Raises:
        UnknownNameError: There is none, or there are several.
    """
    found = find_trial(connection, uid, only=True)
    query = select(schema.trial).where(schema.trial.c.id == found.id)
    facts = dict(connection.execute(query).mappings().one())
    attached = read_facts(connection, [found.id]).get(found.id, {})
    codes = {
        table.name: _code(connection, table, facts[f"{table.name}_id"]) for table in CODE_TABLES
    }
    return StoredTrial(
        facts,
        read_prm(connection, facts["prm"]),
        {name: code for name, code in codes.items() if code is not None},
        _epochs(connection, facts["id"]),
        read_datasets(connection, [facts["dataset_id"]]).get(facts["dataset_id"]),
        attached.pop(WHOLE_TRIAL, {}),
        attached,
        read_artefacts(connection, [found.id]),
    )


def _code(connection: Connection, table: Table, row: int | None) -> str | None:
    named = read_codes(connection, table, [row])
    return None if row not in named else named[row].code.text


def _epochs(connection: Connection, trial_id: int) -> list[StoredEpoch]:
    stat = schema.stat.c
    query = (
        select(schema.stat, schema.source.c.place)
        .join_from(schema.stat, schema.source, isouter=True)
        .where(stat.trial_id == trial_id)
        .order_by(stat.epoch)
    )
    told = []
    for row in connection.execute(query):
        known = vars(epoch_of(row._asdict()))
        told.append(
            StoredEpoch(
                **{name: known[name] for name in _RECORDED},
                source=row.place,
                extra=json.loads(row.extra) if row.extra else {},
            )
        )
    return told
