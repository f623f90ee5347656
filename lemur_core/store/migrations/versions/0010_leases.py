"""Store the heartbeat of each writer of trials, which shows that it is alive."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the empty table; owners of existing trials remain identified by host and process."""
    op.create_table(
        "owner",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("beat", sa.String(16), nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
    )
