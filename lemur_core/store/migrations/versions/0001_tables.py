"""The first tables: code, prm, trial, stat. A database is made with today's, never with these."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: what says that it is of this revision has its tables."""
