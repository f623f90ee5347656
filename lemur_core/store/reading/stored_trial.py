"""Everything recorded of one trial."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, select

from lemur_core.error_metric import Errors
from lemur_core.fact import WHOLE_TRIAL
from lemur_core.store import fields, schema
from lemur_core.store.artefacts import Artefact, read_artefacts
from lemur_core.store.code import CODE_TABLES, read_codes
from lemur_core.store.datasets import read_datasets
from lemur_core.store.facts import read_facts
from lemur_core.store.reading.links import Link, read_links
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
    if any(column.with_stats and column.name == field.name for column in field.shown)
]


@dataclass(frozen=True)
class StoredEpoch:
    """An epoch as recorded; unknown values are None."""

    number: int
    accuracy: float
    validation: float | None
    loss: float | None
    duration_ns: int | None
    scores: Mapping[str, tuple[float, float]]
    source: str | None
    extra: dict[str, Any]
    validation_loss: float | None = None


_EPOCH_FIELDS = {field.name for field in dataclass_fields(StoredEpoch)} - {"source", "extra"}


@dataclass(frozen=True)
class StoredTrial:
    """A trial as recorded.

    Attributes:
        facts: The columns of `schema.trial`, by name.
        prm: Hyperparameters.
        codes: Sources of the code that produced the trial, by table; unknown ones are left out.
        epochs: The epochs, in order.
        data: Content of the dataset; None if unknown.
        attached: Values of the trial's own facts, by name.
        epochs_attached: Values of the epochs' facts, by epoch and name.
        artefacts: The artefacts; their files are not checked.
        links: The trials that it continues or repeats, or that continue or repeat it.
    """

    facts: dict[str, Any]
    prm: dict[str, Any]
    codes: dict[str, str]
    epochs: Sequence[StoredEpoch]
    data: DatasetRecord | None = None
    attached: Mapping[str, Any] = field(default_factory=dict)
    epochs_attached: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    artefacts: Sequence[Artefact] = ()
    links: Sequence[Link] = ()

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return "_".join(self.facts[name] for name in ("task", "dataset", "metric", "nn"))

    @property
    def settings(self) -> dict[str, Any]:
        """The training settings other than hyperparameters, data and code."""
        return {field.name: self.facts[field.name] for field in fields.TRIAL if field.setting}

    @property
    def summary(self) -> dict[str, Any]:
        """The state and the columns that ``with_stats`` adds to results, without unknown values."""
        names = ["state", *_SUMMARY]
        return {name: self.facts[name] for name in names if self.facts[name] not in (None, "")}

    @property
    def best(self) -> StoredEpoch | None:
        """The best epoch, as `lemur_core.store.ranking` ranks; None without epochs."""
        return max(self.epochs, key=_rank, default=None)

    def errors(self, epoch: StoredEpoch) -> Errors | None:
        """Return the errors of an epoch; None if the metric gives scores."""
        return Errors.among(self.epochs_attached.get(epoch.number, {}), self.facts["metric"])

    @property
    def left_out(self) -> dict[str, int]:
        """Number of samples of each split that could not be used for training or scoring."""
        return left_out_of(self.facts["left_out"])

    @property
    def prediction(self) -> Prediction | None:
        """The prediction of an estimator; None if there is none."""
        return prediction_of(self.facts["predicted"], self.facts["estimate"])


def _rank(epoch: StoredEpoch) -> tuple[bool, float, int]:
    if epoch.validation is None or math.isnan(epoch.validation):
        return False, epoch.accuracy, epoch.number
    return True, epoch.validation, epoch.number


def read_stored_trial(connection: Connection, uid: str) -> StoredTrial:
    """Return everything recorded of the trial whose unique id starts with ``uid``.

    Raises:
        UnknownNameError: There is no such trial, or there are several.
    """
    trial = find_trial(connection, uid, only=True)
    query = select(schema.trial).where(schema.trial.c.id == trial.id)
    facts = dict(connection.execute(query).mappings().one())
    attached = read_facts(connection, [trial.id]).get(trial.id, {})
    prm, own = read_prm(connection, facts["prm"]), attached.pop(WHOLE_TRIAL, {})
    codes = {
        table.name: _code(connection, table, facts[f"{table.name}_id"]) for table in CODE_TABLES
    }
    return StoredTrial(
        facts,
        prm,
        {name: code for name, code in codes.items() if code is not None},
        _epochs(connection, facts["id"]),
        read_datasets(connection, [facts["dataset_id"]]).get(facts["dataset_id"]),
        own,
        attached,
        read_artefacts(connection, [trial.id]),
        read_links(connection, trial.uid, prm, own),
    )


def _code(connection: Connection, table: Table, code_id: int | None) -> str | None:
    codes_by_id = read_codes(connection, table, [code_id])
    return None if code_id not in codes_by_id else codes_by_id[code_id].code.text


def _epochs(connection: Connection, trial_id: int) -> list[StoredEpoch]:
    stat = schema.stat.c
    query = (
        select(schema.stat, schema.source.c.place)
        .join_from(schema.stat, schema.source, isouter=True)
        .where(stat.trial_id == trial_id)
        .order_by(stat.epoch)
    )
    epochs = []
    for row in connection.execute(query):
        values = vars(epoch_of(row._asdict()))
        epochs.append(
            StoredEpoch(
                **{name: values[name] for name in _EPOCH_FIELDS},
                source=row.place,
                extra=json.loads(row.extra) if row.extra else {},
            )
        )
    return epochs
