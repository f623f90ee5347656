"""Create the first tables: code, prm, trial, stat. New databases get the current schema."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: a database of this revision has the tables."""
