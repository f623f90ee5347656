"""Store verdicts on checked nets and sketches of their code, and the sizes of trained nets."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables of verdicts and sketches, and the columns of sizes."""
    with op.batch_alter_table("trial") as batch:
        batch.add_column(sa.Column("parameters", sa.BigInteger))
        batch.add_column(sa.Column("in_shape", sa.Text))
        batch.add_column(sa.Column("out_shape", sa.Text))
    op.create_table(
        "sketch",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("tree", sa.String(64), nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "verdict",
        sa.Column("asked", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("nn_id", sa.Integer, sa.ForeignKey("nn.id")),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("valid", sa.Boolean, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("checked", sa.Text, nullable=False),
    )
    op.create_index("ix_verdict_name", "verdict", ["name"])
