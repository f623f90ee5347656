"""Record the loss on the validation split."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column, which is NULL for existing epochs."""
    op.add_column("stat", sa.Column("validation_loss", sa.Float))
