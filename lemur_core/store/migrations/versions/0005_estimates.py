"""Store the predictions of estimators, and scores within epochs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("trial", sa.Column("predicted", sa.Float))
    op.add_column("trial", sa.Column("estimate", sa.Text))
    op.add_column("stat", sa.Column("within", sa.Text))
