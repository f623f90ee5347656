"""A trial says which samples it was trained and scored without."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; of what was recorded before, nothing is known."""
    op.add_column("trial", sa.Column("left_out", sa.Text))
