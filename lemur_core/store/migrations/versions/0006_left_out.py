"""Store how many samples were left out of a trial."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; it is NULL for existing trials."""
    op.add_column("trial", sa.Column("left_out", sa.Text))
