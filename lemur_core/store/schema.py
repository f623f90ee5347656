"""The tables, in LEMUR's words.

Code (`nn`, `metric`, `transform`, `loader`) is kept by the hash of its text, so that a result keeps
pointing to the code that produced it, whatever its name stands for later.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Revisions sort as text; a database knows its own, in the table that Alembic reads.
REVISION = "0002"

metadata = MetaData()

revision = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))


def _code(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        Column("code", Text, nullable=False),
        Column("hash", String(64), nullable=False),  # SHA-256 of the code, hexadecimal
        UniqueConstraint("name", "hash"),
    )


nn = _code("nn")
metric = _code("metric")
transform = _code("transform")
loader = _code("loader")

prm = Table(
    "prm",
    metadata,
    Column("uid", String(32), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)

trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("task", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("nn", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("loader_id", ForeignKey("loader.id"), nullable=False),
    Column("metric_id", ForeignKey("metric.id"), nullable=False),
    Column("nn_id", ForeignKey("nn.id"), nullable=False),
    Column("transform_id", ForeignKey("transform.id"), nullable=False),
    Column("prm", String(32), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("epochs", Integer, nullable=False),  # asked for
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("traceback", Text, nullable=False, default=""),
    Column("device", Text, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("owner", Text, nullable=False),  # the process that trains it: host, id, when it began
    Column("started", Text, nullable=False),  # ISO 8601, UTC
    Column("seen", Text, nullable=False),  # when its owner last wrote of it
    Column("ended", Text),
    UniqueConstraint("task", "dataset", "metric", "nn", "number"),
)

stat = Table(
    "stat",
    metadata,
    Column("trial_id", ForeignKey("trial.id"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("accuracy", Float, nullable=False),  # score on test, 0 to 1, whatever the metric
    Column("validation", Float, nullable=False),  # score on validation, 0 to 1
    Column("loss", Float),  # mean training loss
    Column("duration", BigInteger, nullable=False),  # nanoseconds since the trial's training began
    # By other metrics, {name: [validation, test]} in canonical JSON; NULL where there is none.
    Column("scores", Text),
)

Index("ix_trial_prm", trial.c.prm)
