"""Add facts, artefacts, collections and recipes, and store each code once."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NAMES = ("nn", "metric", "transform", "loader")


def upgrade() -> None:
    """Add the empty tables and the column of recipes, which is NULL for existing trials."""
    op.add_column("trial", sa.Column("recipe", sa.String(32)))
    op.create_table(
        "fact",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("trial.id"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "artefact",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("trial.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "collection",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
    )
    op.create_table(
        "member",
        sa.Column("collection_id", sa.Integer, sa.ForeignKey("collection.id"), primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("trial.id"), nullable=False),
    )
    op.create_index("ix_member_trial", "member", ["trial_id"])
    _keep_code_once()


def _keep_code_once() -> None:
    op.create_table(
        "code",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    for table in _NAMES:
        op.execute(
            f"insert into code (hash, text) select hash, min(code) from {table}"  # noqa: S608
            " where hash not in (select hash from code) group by hash"
        )
    _prefer_what_was_hashed()
    for table in _NAMES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("code")
            batch.create_foreign_key(f"fk_{table}_hash", "code", ["hash"], ["hash"])


def _prefer_what_was_hashed() -> None:
    """If several texts have one hash because one was altered, keep the text that matches it."""
    connection = op.get_bind()
    texts = " union ".join(f"select hash, code from {table}" for table in _NAMES)  # noqa: S608
    several = sa.text(f"select hash from ({texts}) as each_text group by hash having count(*) > 1")  # noqa: S608
    of_hash = sa.text(f"select code from ({texts}) as each_text where hash = :hash")  # noqa: S608
    keep = sa.text("update code set text = :text where hash = :hash")
    for identity in connection.scalars(several).all():
        for text in connection.scalars(of_hash, {"hash": identity}).all():
            if hashlib.sha256(text.encode()).hexdigest() == identity:
                connection.execute(keep, {"hash": identity, "text": text})
