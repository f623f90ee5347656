"""Bring a database that an older lemur wrote up to date."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.care import backup
from lemur_core.store.database import reach, sqlite_file
from lemur_core.store.tables import ADVISORY_LOCK, revision_of
from lemur_core.store.trouble import place, store_errors

_MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True)
class UpgradeResult:
    """What an upgrade did.

    Attributes:
        before: The schema that the database had; `schema.REVISION` where nothing was to be done.
        copy: The file as it was before; None where nothing was to be done, and of a server.
    """

    before: str
    copy: Path | None


def upgrade(db: str | Path) -> UpgradeResult:
    """Bring a database up to date, in one transaction; a file is copied first.

    Raises:
        NewerDatabaseError: A newer lemur wrote it.
        StoreError: It is not lemur's, or cannot be copied or written; it is as it was.
    """
    engine = reach(db)
    try:
        with store_errors(engine):
            found = revision_of(engine)
            if found is None:
                raise StoreError(f"database {place(engine)}: is empty; lemur run fills it")
            if found == schema.REVISION:
                return UpgradeResult(found, None)
            file = sqlite_file(engine.url)
            copy = None if file is None else backup(engine, _free(file, found))
            _migrate(engine)
            return UpgradeResult(found, copy)
    finally:
        engine.dispose()


def _free(file: Path, revision: str) -> Path:
    """Return a name for a copy that nothing has."""
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
        # A table is changed by putting another in its place, which references would forbid.
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
    # Alembic would interpolate a percent sign of the path.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
