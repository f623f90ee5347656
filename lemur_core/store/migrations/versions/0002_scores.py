"""An epoch keeps what the metrics beside the first gave."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; of what was recorded before, no other metric is known."""
    op.add_column("stat", sa.Column("scores", sa.Text))
