"""Allow imported results, which have unknown fields; store values of prm exactly."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MAY_BE_UNKNOWN = {
    "trial": {
        "number": sa.Integer,
        "loader_id": sa.Integer,
        "metric_id": sa.Integer,
        "nn_id": sa.Integer,
        "transform_id": sa.Integer,
        "seed": sa.Integer,
        "epochs": sa.Integer,
        "device": sa.Text,
        "owner": sa.Text,
        "started": sa.Text,
        "seen": sa.Text,
    },
    "stat": {"validation": sa.Float, "duration": sa.BigInteger},
}


def upgrade() -> None:
    """Add the sources of imported results, and make columns that may be unknown nullable."""
    op.create_table(
        "source",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("taken", sa.Text, nullable=False),
    )
    _keep_prm_as_text()
    for table, columns in _MAY_BE_UNKNOWN.items():
        with op.batch_alter_table(table) as batch:
            for name, kind in columns.items():
                batch.alter_column(name, existing_type=kind(), nullable=True)
            if table == "stat":
                batch.add_column(sa.Column("source_id", sa.Integer))
                batch.add_column(sa.Column("record", sa.String(32)))
                batch.add_column(sa.Column("extra", sa.Text))
                batch.create_foreign_key("fk_stat_source_id", "source", ["source_id"], ["id"])
                batch.create_unique_constraint("uq_stat_record", ["record"])
    op.create_index("ix_trial_dataset", "trial", ["dataset"])
    op.create_index("ix_trial_nn", "trial", ["nn"])
    op.create_index("ix_stat_epoch", "stat", ["epoch"])


def _keep_prm_as_text() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("prm", "value", type_=sa.Text, postgresql_using="value::text")
        return
    # SQLite would convert numbers to text with fifteen digits only.
    rows = op.get_bind().execute(sa.text("select uid, name, value from prm")).all()
    op.drop_table("prm")
    prm = op.create_table(
        "prm",
        sa.Column("uid", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.bulk_insert(prm, [{"uid": u, "name": n, "value": _exact(v)} for u, n, v in rows])


def _exact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
