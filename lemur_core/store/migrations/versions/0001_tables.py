"""Create the first tables: code, prm, trial, stat. New databases have the current schema instead."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: a database of this revision has the tables."""
