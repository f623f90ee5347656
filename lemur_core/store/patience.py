"""Try a transaction again while the database is busy, full or away."""

from __future__ import annotations

import random
import time
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from lemur_core.store.sqlite_file import check_file
from lemur_core.store.trouble import (
    AwayError,
    LostError,
    is_loss,
    is_transient,
    said,
    store_errors,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

PATIENCE_S = 60.0
WAIT_FOR_LOCK_S = 30.0
_SHORT_S = 0.25
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0

# Not the generator that a training seeded.
_CHANCE = random.SystemRandom()

Result = TypeVar("Result")


def patiently(
    engine: Engine, work: Callable[[Connection], Result], patience_s: float = PATIENCE_S
) -> Result:
    """Do a transaction, again and again where need be, and return what it gives.

    Args:
        engine: The database.
        work: The transaction; one that was committed, but whose commit was never answered, is done
            again, so doing it twice must be as good as once.
        patience_s: How long to try; 0 tries once, shortly.

    Raises:
        AwayError: What may pass did not pass for so long.
        LostError: The file was removed, replaced or damaged.
        StoreError: It cannot be done, however long one waits.
    """
    until = time.monotonic() + patience_s
    left_s = patience_s
    with store_errors(engine):
        for attempt in count():
            try:
                with engine.connect() as connection:
                    with connection.begin():
                        _wait_for_lock(connection, left_s)
                        result = work(connection)
                    # What was committed to a file that is gone was not.
                    check_file(connection)
                    return result
            except DBAPIError as error:
                if is_loss(error):
                    raise LostError(said(engine, error)) from error
                if not is_transient(error):
                    raise
                left_s = until - time.monotonic()
                if left_s <= 0:
                    raise AwayError(said(engine, error)) from error
            time.sleep(min(left_s, _pause_s(attempt)))
            left_s = max(0.0, until - time.monotonic())
    raise AssertionError("count() does not end")


def _pause_s(attempt: int) -> float:
    # Processes that were stopped by the same thing must not come back at the same moment.
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempt, 10))
    return longest * _CHANCE.uniform(0.5, 1.0)


def _wait_for_lock(connection: Connection, left_s: float) -> None:
    if connection.dialect.name != "sqlite":
        return
    wait_s = min(WAIT_FOR_LOCK_S, max(_SHORT_S, left_s))
    if connection.info.get("wait_s", WAIT_FOR_LOCK_S) != wait_s:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait_s * 1000:.0f}")
        connection.info["wait_s"] = wait_s
