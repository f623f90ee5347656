"""Estimators: what they predicted of a trial, and scores in the middle of epochs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("trial", sa.Column("predicted", sa.Float))
    op.add_column("trial", sa.Column("estimate", sa.Text))
    op.add_column("stat", sa.Column("within", sa.Text))
