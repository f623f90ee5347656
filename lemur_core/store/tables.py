"""Create the tables of a database, or check that existing ones have the current schema."""

from __future__ import annotations

import time

from sqlalchemy import Connection, Engine, func, inspect, select
from sqlalchemy.exc import OperationalError

from lemur_core.errors import NewerDatabaseError, StoreError
from lemur_core.store import schema
from lemur_core.store.trouble import place

_WAL_ATTEMPTS = 100
ADVISORY_LOCK = int.from_bytes(b"lemur")


def check_tables(engine: Engine, create: bool) -> None:
    """Check the tables of a database, and create them if the database is empty.

    Args:
        engine: The database.
        create: Whether to create the tables.

    Raises:
        NewerDatabaseError: The database was written by a newer version of lemur.
        StoreError: The database was written by an older version, contains tables that are not
            lemur's, or is empty and ``create`` is False.
    """
    revision = revision_of(engine)
    if revision is None:
        if not create:
            raise StoreError(f"database {place(engine)}: is empty; lemur run fills it")
        _create(engine)
    elif revision < schema.REVISION:
        raise StoreError(
            f"database {place(engine)}: was written by an older lemur (schema {revision}; "
            f"this one writes {schema.REVISION}); lemur db upgrade keeps a copy and brings it up "
            "to date, or name another with --db"
        )


def revision_of(engine: Engine) -> str | None:
    """Return the schema revision of a database; None if the database is empty.

    Raises:
        NewerDatabaseError: The database was written by a newer version of lemur.
        StoreError: The database contains tables that are not lemur's.
    """
    tables = set(inspect(engine).get_table_names())
    if not tables:
        return None
    if schema.revision.name not in tables or schema.trial.name not in tables:
        raise StoreError(f"database {place(engine)}: holds tables, but none of lemur's")
    with engine.connect() as connection:
        revision = connection.scalar(select(schema.revision.c.version_num)) or schema.REVISION
    if revision > schema.REVISION:
        raise NewerDatabaseError(
            f"database {place(engine)}: was written by a newer lemur (schema {revision}; "
            f"this one knows {schema.REVISION}); upgrade lemur-core, or name another --db"
        )
    return revision


# Another campaign may create the same tables concurrently; a lock makes the second one wait.
def _create(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            _create_tables(connection)
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _switch_on_wal(connection)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _create_tables(connection)
        connection.exec_driver_sql("COMMIT")


def _create_tables(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    if connection.scalar(select(schema.revision.c.version_num)) is None:
        connection.execute(schema.revision.insert().values(version_num=schema.REVISION))


def _switch_on_wal(connection: Connection) -> None:
    # Unlike for other statements, SQLite does not wait for a lock here.
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if "locked" not in str(error) or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return
