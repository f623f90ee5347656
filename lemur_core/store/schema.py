"""The tables, in LEMUR's words.

Code is kept once, by the hash of its text. `nn`, `metric`, `transform` and `loader` say which names
it had, so that a result keeps pointing to the code that produced it, whatever its name stands for
later.
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

# Revisions sort as text; a database knows its own, in the table that Alembic reads.
REVISION = "0011"

metadata = MetaData()


_encode = json.JSONEncoder(allow_nan=False).encode
_SPELT: dict[type, Callable[[Any], str]] = {
    # As that one writes them, only sooner: they are nearly all there is.
    int: int.__repr__,
    str: encode_basestring_ascii,
    float: lambda value: float.__repr__(value) if value - value == 0 else _encode(value),
}


class JsonText(TypeDecorator[Any]):
    """A value as the text of its JSON: in a column of numbers SQLite would make 1 of 1.0."""

    impl = Text
    cache_ok = True

    @staticmethod
    def text(value: Any) -> str:
        """Return what is kept of a value, in characters that every database takes."""
        return _SPELT.get(type(value), _encode)(value)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return what is kept of a value."""
        return self.text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a value from what is kept."""
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

# Where results came from that were taken in from elsewhere.
source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("place", Text, nullable=False),  # as it was named
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

# The content of a data set, whatever it is called.
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

# Writers of trials; a trial names its own in the column `owner`.
owner = Table(
    "owner",
    metadata,
    Column("id", String(32), primary_key=True),  # 128 random bits, hexadecimal
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),  # as `lemur_core.store.writing.owner` identifies it
    Column("beat", String(16), nullable=False),  # changes with each heartbeat; empty once over
    Column("seen", Text, nullable=False),  # when it last wrote, ISO 8601, by the database's clock
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

# Named values of a trial, or of one of its epochs.
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

# Named values of a net's source, which need not be recorded itself.
code_fact = Table(
    "code_fact",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", String(64), primary_key=True),  # as in `code`; empty if the source is not known
    Column("key", Text, primary_key=True),  # tells apart facts of one name and source code
    Column("value", JsonText, nullable=False),
    # Where it was taken in from; NULL where it was recorded here.
    Column("source_id", ForeignKey("source.id", name="fk_code_fact_source_id")),
)

Index("ix_member_trial", member.c.trial_id)
Index("ix_trial_prm", trial.c.prm)
Index("ix_trial_dataset", trial.c.dataset)
Index("ix_trial_nn", trial.c.nn)
Index("ix_stat_epoch", stat.c.epoch)
