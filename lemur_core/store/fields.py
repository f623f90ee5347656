"""The fields of a trial and of an epoch.

The tables in `schema` are built from them, and the code that writes, reads, exports, imports and
merges trials is driven by them. To record another property of a trial or an epoch, add a field here
and a migration for its column. Results show the fields in the order of these tuples.
"""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Integer, String, Text

from lemur_core.codec import to_json
from lemur_core.store.field import Field, Publication, ShownColumn
from lemur_core.store.identity import canonical_json
from lemur_core.store.text import now, storable
from lemur_core.store.values import (
    finite_number,
    left_out_of,
    left_out_text,
    prediction_of,
    scores_of,
    shape_of,
    within_of,
)
from lemur_core.trial import Epoch, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED, NULLABLE, OPTIONAL = Publication.REQUIRED, Publication.NULLABLE, Publication.OPTIONAL


def _predicted(outcome: Outcome) -> float | None:
    return None if outcome.prediction is None else float(outcome.prediction.score)


def _estimate(outcome: Outcome) -> str | None:
    if outcome.prediction is None:
        return None
    return storable(canonical_json(to_json(outcome.prediction, leave_out={"score"})))


def _number_or_unknown(number: float | None) -> float | None:
    # SQLite stores NaN as NULL; a NaN loss is recorded as unknown.
    return None if number is None or number != number else float(number)


def _size_attribute(name: str, convert: Callable[[Any], Any] = int) -> Callable[[Epoch], Any]:
    """Return a function that reads an attribute of the net's size from an epoch."""
    return lambda epoch: None if epoch.size is None else convert(getattr(epoch.size, name))


def _pipeline_part(part: str, name: str) -> Field:
    return Field(
        name,
        Text,
        nullable=False,
        begin=attrgetter(f"pipeline.{part}"),
        setting=True,
        shown=(ShownColumn(name, "str"),),
    )


def _code_reference(table: str, *shown: ShownColumn) -> Field:
    return Field(f"{table}_id", ForeignKey(f"{table}.id"), shown=shown)


def _code_column(table: str) -> ShownColumn:
    return ShownColumn(f"{table}_code", "Int64", filtered=False)


def _stats_column(name: str, dtype: str = "object") -> tuple[ShownColumn]:
    return (ShownColumn(name, dtype, with_stats=True),)


# Fields that are unknown for an imported trial are NULL.
TRIAL: tuple[Field, ...] = (
    Field("id", Integer, primary_key=True),
    Field(
        "uid", String(32), nullable=False, unique=True, begin=attrgetter("uid"),
        shown=(ShownColumn("trial", "str"),),
    ),
    _pipeline_part("task", "task"),
    _pipeline_part("dataset", "dataset"),
    _pipeline_part("metric", "metric"),
    _pipeline_part("net", "nn"),
    Field(
        "prm", String(32), nullable=False,
        shown=(ShownColumn("prm", filtered=False),),
    ),
    Field(
        "state", Text, nullable=False, begin=lambda trial: str(State.RUNNING),
        end=lambda outcome: str(outcome.state), read=State,
        shown=(ShownColumn("state", "str"),), published=REQUIRED,
    ),
    # The prediction of an estimator: the final score, 0 to 1, and the rest as canonical JSON.
    Field(
        "predicted", Float, end=_predicted,
        shown=(ShownColumn("predicted", "float64"),), published=NULLABLE,
    ),
    Field(
        "estimate", Text, end=_estimate, read=lambda text: prediction_of(0.0, text),
        published=NULLABLE,
    ),
    Field("number", Integer, begin=attrgetter("number"), shown=_stats_column("number", "Int64")),
    Field(
        "dataset_id", ForeignKey("dataset.id", name="fk_trial_dataset_id"),
        shown=(ShownColumn("data", "Int64"), ShownColumn("fingerprint", "Int64", with_stats=True)),
    ),
    _code_reference("loader"),
    _code_reference("metric", _code_column("metric")),
    _code_reference("nn", _code_column("nn")),
    _code_reference("transform", _code_column("transform")),
    Field(
        "seed", Integer, begin=attrgetter("seed"), setting=True,
        shown=_stats_column("seed", "Int64"), published=NULLABLE,
    ),
    # Number of epochs requested.
    Field(
        "epochs", Integer, begin=attrgetter("epochs"), setting=True,
        shown=_stats_column("epochs", "Int64"), published=NULLABLE,
    ),
    Field(
        "device", Text, begin=attrgetter("device"), setting=True,
        shown=_stats_column("device"), published=NULLABLE,
    ),
    # Number of parameters of the net; shapes of its input and of its output for a sample, in JSON.
    Field(
        "parameters", BigInteger, epoch=_size_attribute("parameters"),
        shown=_stats_column("parameters", "Int64"), published=NULLABLE,
    ),
    Field(
        "in_shape", Text, epoch=_size_attribute("in_shape", json.dumps),
        read=shape_of, published=NULLABLE,
    ),
    Field(
        "out_shape", Text, epoch=_size_attribute("out_shape", json.dumps),
        read=shape_of, published=NULLABLE,
    ),
    # Who trained it; NULL if that is unknown or was not to be recorded.
    Field(
        "user", Text, begin=lambda trial: trial.user and storable(trial.user),
        shown=_stats_column("user"), published=OPTIONAL,
    ),
    # Samples that cannot be decoded, {split: count} in canonical JSON; NULL if there are none.
    Field(
        "left_out", Text, begin=lambda trial: left_out_text(trial.left_out), setting=True,
        changes=True, read=left_out_of, published=OPTIONAL,
    ),
    Field("versions", JSON, nullable=False, default={}, published=REQUIRED),  # by package
    # Id in the table `owner`; in trials of lemur 0.1, host, process id and start of the process.
    Field("owner", Text),
    Field("started", Text, shown=_stats_column("started"), published=REQUIRED),  # ISO 8601, UTC
    Field("seen", Text, changes=True),  # when its owner last wrote to it
    Field(
        "ended", Text, end=lambda outcome: now(),
        shown=_stats_column("ended"), published=NULLABLE,
    ),
    Field(
        "reason", Text, nullable=False, default="", end=lambda outcome: storable(outcome.reason),
        shown=_stats_column("reason"), published=REQUIRED,
    ),
    Field(
        "traceback", Text, nullable=False, default="",
        end=lambda outcome: storable(outcome.traceback),
    ),
    # Hash of the code that trains the net, apart from the net itself.
    Field(
        "recipe", String(32), begin=attrgetter("recipe"), setting=True,
        shown=_stats_column("recipe", "str"), published=OPTIONAL,
    ),
)  # fmt: skip

EPOCH: tuple[Field, ...] = (
    Field("trial_id", ForeignKey("trial.id"), primary_key=True),
    Field(
        "epoch", Integer, primary_key=True, epoch=lambda epoch: int(epoch.number),
        attribute="number", shown=(ShownColumn("epoch", "int64"),),
    ),
    # Score on the test split, 0 to 1, whatever the metric.
    Field(
        "accuracy", Float, nullable=False, epoch=lambda epoch: float(epoch.accuracy),
        attribute="accuracy", shown=(ShownColumn("accuracy", "float64"),),
    ),
    # Score on the validation split, 0 to 1.
    Field(
        "validation", Float, epoch=lambda epoch: float(epoch.validation),
        attribute="validation", shown=(ShownColumn("validation", "float64"),), published=REQUIRED,
    ),
    # Mean training loss.
    Field(
        "loss", Float, epoch=lambda epoch: _number_or_unknown(epoch.loss), attribute="loss",
        shown=(ShownColumn("loss", "float64"),),
    ),
    # Mean loss on the validation split.
    Field(
        "validation_loss", Float,
        epoch=lambda epoch: _number_or_unknown(epoch.validation_loss),
        attribute="validation_loss", read=finite_number, published=OPTIONAL,
        shown=(ShownColumn("validation_loss", "float64"),),
    ),
    # Nanoseconds since the trial's training began.
    Field(
        "duration", BigInteger, epoch=lambda epoch: int(epoch.duration_ns),
        attribute="duration_ns", shown=(ShownColumn("duration", "Int64"),),
    ),
    # Scores of additional metrics, {name: [validation, test]} in canonical JSON; NULL if none.
    Field(
        "scores", Text, attribute="scores", read=scores_of, published=OPTIONAL,
        epoch=lambda epoch: (
            json.dumps(dict(epoch.scores), sort_keys=True) if epoch.scores else None
        ),
        shown=(ShownColumn("scores", filtered=False, value=scores_of),),
    ),
    # Validation scores within the epoch, [[epochs trained, score]] in JSON; NULL if none.
    Field(
        "within", Text, attribute="within", read=within_of, published=OPTIONAL,
        epoch=lambda epoch: json.dumps(epoch.within) if epoch.within else None,
        shown=(
            ShownColumn(
                "within", with_stats=True, filtered=False, value=lambda text: dict(within_of(text))
            ),
        ),
    ),
    # For imported epochs: the source, the identity of the record, and the parts of the record that
    # have no column, as canonical JSON. NULL if the epoch was trained into this database.
    Field(
        "source_id", ForeignKey("source.id", name="fk_stat_source_id"),
        shown=(ShownColumn("source", with_stats=True, filtered=False),),
    ),
    Field("record", String(32)),
    Field(
        "extra", Text,
        shown=(
            ShownColumn(
                "extra", with_stats=True, filtered=False,
                value=lambda text: json.loads(text) if text else {},
            ),
        ),
    ),
)  # fmt: skip
