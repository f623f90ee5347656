"""Check the database before a long command, which records its results at its end."""

from __future__ import annotations


def check_database(db: str) -> None:
    """Create a database if it does not exist.

    Raises:
        StoreError: The database cannot be opened or created, or needs an upgrade.
    """
    from lemur_core.code_facts import code_database

    with code_database(db, create=True):
        pass
