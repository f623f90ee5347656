"""Keep several verdicts on the same code, one for each check."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_COLUMNS = "asked, name, nn_id, task, dataset, metric, valid, facts, checked"


def upgrade() -> None:
    """Make the time of a check part of a verdict's key."""
    op.create_table(
        "verdict_of_moment",
        sa.Column("asked", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("nn_id", sa.Integer, sa.ForeignKey("nn.id")),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("valid", sa.Boolean, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("checked", sa.Text, primary_key=True),
    )
    op.execute(
        f"insert into verdict_of_moment ({_COLUMNS}) select {_COLUMNS} from verdict"  # noqa: S608
    )
    op.drop_table("verdict")
    op.rename_table("verdict_of_moment", "verdict")
    op.create_index("ix_verdict_name", "verdict", ["name"])
