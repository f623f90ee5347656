"""Upgrade a database that was written by an older version of lemur."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.care import backup
from lemur_core.store.database import sqlite_file, unchecked_engine
from lemur_core.store.tables import ADVISORY_LOCK, revision_of
from lemur_core.store.trouble import place, store_errors

_MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class UpgradeResult:
    """The result of an upgrade.

    Attributes:
        before: Schema revision before the upgrade; `schema.REVISION` if it was up to date.
        copy: Copy of the file before the upgrade; None if it was up to date or is on a server.
    """

    before: str
    copy: Path | None


def upgrade(db: str | Path) -> UpgradeResult:
    """Upgrade a database to the current schema in one transaction, after copying its file.

    Raises:
        NewerDatabaseError: The database was written by a newer version of lemur.
        StoreError: The database was not written by lemur, or cannot be copied or written. It is
            left unchanged.
    """
    engine = unchecked_engine(db)
    try:
        with store_errors(engine):
            revision = revision_of(engine)
            if revision is None:
                raise StoreError(f"database {place(engine)}: is empty; lemur run fills it")
            if revision == schema.REVISION:
                return UpgradeResult(revision, None)
            file = sqlite_file(engine.url)
            copy = None if file is None else backup(engine, _free(file, revision))
            _migrate(engine)
            return UpgradeResult(revision, copy)
    finally:
        engine.dispose()


def _free(file: Path, revision: str) -> Path:
    """Return an unused path for a copy."""
    stem = f"{file.name}.{revision}"
    names = chain([f"{stem}.bak"], (f"{stem}-{number}.bak" for number in count(2)))
    return next(path for path in map(file.with_name, names) if not path.exists())


def _migrate(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            _run(connection)
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # A migration replaces a table by another, which foreign keys would forbid.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            _run(connection)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken:
                raise StoreError(
                    f"database {place(engine)}: table {broken[0]} refers to rows of {broken[2]} "
                    "that are not there; lemur db check says more"
                )
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic interpolates percent signs.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
