"""Store the content of a trial's dataset."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table and the reference, which is NULL for existing trials."""
    op.create_table(
        "dataset",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("class_names", sa.Text, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.UniqueConstraint("fingerprint", name="uq_dataset_fingerprint"),
    )
    with op.batch_alter_table("trial") as batch:
        batch.add_column(sa.Column("dataset_id", sa.Integer))
        batch.create_foreign_key("fk_trial_dataset_id", "dataset", ["dataset_id"], ["id"])
