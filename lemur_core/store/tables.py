"""Make a database's tables, or see that those that are there are lemur's and of a known schema."""

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
    """Look at a database's tables, and make them where there are none.

    Args:
        engine: The database.
        create: Whether they may be made.

    Raises:
        NewerDatabaseError: A newer lemur wrote it.
        StoreError: It holds something else, or nothing.
    """
    found = revision_of(engine)
    if found is None:
        if not create:
            raise StoreError(f"database {place(engine)}: is empty; lemur run fills it")
        _create(engine)
    elif found < schema.REVISION:
        raise StoreError(
            f"database {place(engine)}: was written by an older lemur (schema {found}; "
            f"this one writes {schema.REVISION}); lemur db upgrade keeps a copy and brings it up "
            "to date, or name another with --db"
        )


def revision_of(engine: Engine) -> str | None:
    """Return the schema that a database has; None where it is empty.

    Raises:
        NewerDatabaseError: A newer lemur wrote it.
        StoreError: It holds something else.
    """
    tables = set(inspect(engine).get_table_names())
    if not tables:
        return None
    if schema.revision.name not in tables or schema.trial.name not in tables:
        raise StoreError(f"database {place(engine)}: holds tables, but none of lemur's")
    with engine.connect() as connection:
        found = connection.scalar(select(schema.revision.c.version_num)) or schema.REVISION
    if found > schema.REVISION:
        raise NewerDatabaseError(
            f"database {place(engine)}: was written by a newer lemur (schema {found}; "
            f"this one knows {schema.REVISION}); upgrade lemur-core, or name another --db"
        )
    return found


# Another campaign may make the same tables at this moment; the second finds them made.
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
    # SQLite does not wait for a lock here, as it does elsewhere.
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if "locked" not in str(error) or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return
