"""Record who trained a trial."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column, which is NULL for existing trials."""
    op.add_column("trial", sa.Column("user", sa.Text))
