"""Store an epoch's scores of additional metrics."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; it is NULL for existing epochs."""
    op.add_column("stat", sa.Column("scores", sa.Text))
