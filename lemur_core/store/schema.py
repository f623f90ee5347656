"""The tables of the database, with LEMUR's names.

Code is stored once, by the hash of its text. `nn`, `metric`, `transform` and `loader` map names to
code. A result refers to such a row, and hence to the code that produced it, even if the name refers
to other code later.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from lemur_core.store import fields

if TYPE_CHECKING:
    from collections.abc import Callable

# Revisions sort as text. Alembic reads the revision of a database from the table `revision`.
REVISION = "0013"

metadata = MetaData()


_encode = json.JSONEncoder(allow_nan=False).encode
_FAST_ENCODERS: dict[type, Callable[[Any], str]] = {
    # The most frequent types; the result is the same as that of the encoder, but faster.
    int: int.__repr__,
    str: encode_basestring_ascii,
    float: lambda value: float.__repr__(value) if value - value == 0 else _encode(value),
}


class JsonText(TypeDecorator[Any]):
    """A value as JSON text; in a numeric column, SQLite would convert 1.0 to 1."""

    impl = Text
    cache_ok = True

    @staticmethod
    def text(value: Any) -> str:
        """Return the JSON of a value, in ASCII, which every database can store."""
        return _FAST_ENCODERS.get(type(value), _encode)(value)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Convert a value to its stored text."""
        return self.text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Convert a stored text to its value."""
        return json.loads(value)


revision = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))


code = Table(
    "code",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the code, hexadecimal
    Column("text", Text, nullable=False),
)


def _named_code(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        Column("hash", ForeignKey("code.hash", name=f"fk_{name}_hash"), nullable=False),
        UniqueConstraint("name", "hash"),
    )


nn = _named_code("nn")
metric = _named_code("metric")
transform = _named_code("transform")
loader = _named_code("loader")

# Sources of imported results.
source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("place", Text, nullable=False),  # path or URL, as the user gave it
    Column("form", Text, nullable=False),
    Column("taken", Text, nullable=False),  # ISO 8601, UTC
)

prm = Table(
    "prm",
    metadata,
    Column("uid", String(32), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JsonText, nullable=False),
)

# The content of a dataset, independent of its name.
dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(32), nullable=False),  # as `lemur_core.dataset` computes it
    Column("folder", Text, nullable=False),  # name of the folder it was first read from
    Column("class_names", Text, nullable=False),  # JSON
    Column("parts", Text, nullable=False),  # {part: [count, SHA-256]} in JSON
    UniqueConstraint("fingerprint", name="uq_dataset_fingerprint"),
)

# Writers of trials; the column `owner` of a trial refers to its writer.
owner = Table(
    "owner",
    metadata,
    Column("id", String(32), primary_key=True),  # 128 random bits, hexadecimal
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),  # as `lemur_core.store.writing.owner` identifies it
    Column("beat", String(16), nullable=False),  # changes with each heartbeat; empty after the end
    Column(
        "seen", Text, nullable=False
    ),  # time of its last write by the database's clock, ISO 8601
)

trial = Table(
    "trial",
    metadata,
    *(field.column() for field in fields.TRIAL),
    UniqueConstraint("task", "dataset", "metric", "nn", "number"),
)

stat = Table(
    "stat",
    metadata,
    *(field.column() for field in fields.EPOCH),
    UniqueConstraint("record", name="uq_stat_record"),
)

# Named values of a trial or of one of its epochs.
fact = Table(
    "fact",
    metadata,
    Column("trial_id", ForeignKey("trial.id"), primary_key=True),
    Column("epoch", Integer, primary_key=True),  # 0 for the trial as a whole
    Column("name", Text, primary_key=True),
    Column("value", JsonText, nullable=False),
)

# Files of a trial, in the folder of artefacts beside the database.
artefact = Table(
    "artefact",
    metadata,
    Column("trial_id", ForeignKey("trial.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),  # relative to that folder, with forward slashes
    Column("sha256", String(64), nullable=False),  # hexadecimal
    Column("bytes", BigInteger, nullable=False),
)

# Named sets of trials: a zoo, a pair, a study over a design space.
collection = Table(
    "collection",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("spec", Text, nullable=False),  # canonical JSON
    Column("provenance", Text, nullable=False),  # canonical JSON
    Column("created", Text, nullable=False),  # ISO 8601, UTC
)

member = Table(
    "member",
    metadata,
    Column("collection_id", ForeignKey("collection.id"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("position", Integer, primary_key=True),  # from 0 within the role
    Column("trial_id", ForeignKey("trial.id"), nullable=False),
)

# Named values that describe the code of a net; the code itself need not be recorded.
code_fact = Table(
    "code_fact",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", String(64), primary_key=True),  # as in `code`; empty if the code is unknown
    Column("key", Text, primary_key=True),  # distinguishes facts with the same name and code
    Column("value", JsonText, nullable=False),
    # Source of an imported fact; NULL if it was recorded in this database.
    Column("source_id", ForeignKey("source.id", name="fk_code_fact_source_id")),
)

Index("ix_member_trial", member.c.trial_id)
Index("ix_trial_prm", trial.c.prm)
Index("ix_trial_dataset", trial.c.dataset)
Index("ix_trial_nn", trial.c.nn)
Index("ix_stat_epoch", stat.c.epoch)
