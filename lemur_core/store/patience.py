"""Retry transactions while the database is busy, full or unreachable."""

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
    describe_error,
    is_loss,
    is_transient,
    store_errors,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

PATIENCE_S = 60.0
WAIT_FOR_LOCK_S = 30.0
_MIN_LOCK_WAIT_S = 0.25
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0

# Independent of the generators that a training seeds.
_RANDOM = random.SystemRandom()

Result = TypeVar("Result")


def patiently(
    engine: Engine, work: Callable[[Connection], Result], patience_s: float = PATIENCE_S
) -> Result:
    """Run a transaction, retrying on transient errors, and return its result.

    Args:
        engine: The database.
        work: The transaction. It must be idempotent, as it is repeated if the connection fails
            during the commit.
        patience_s: Seconds to retry; 0 tries once, with a short wait for locks.

    Raises:
        AwayError: The transient error persisted for ``patience_s``.
        LostError: The file was removed, replaced or damaged.
        StoreError: Another error, which retrying does not solve.
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
                    # A commit to a file that was removed or replaced is lost.
                    check_file(connection)
                    return result
            except DBAPIError as error:
                if is_loss(error):
                    raise LostError(describe_error(engine, error)) from error
                if not is_transient(error):
                    raise
                left_s = until - time.monotonic()
                if left_s <= 0:
                    raise AwayError(describe_error(engine, error)) from error
            time.sleep(min(left_s, _pause_s(attempt)))
            left_s = max(0.0, until - time.monotonic())
    raise AssertionError("count() does not end")


def _pause_s(attempt: int) -> float:
    # Random pauses keep processes that met the same error from retrying at the same time.
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempt, 10))
    return longest * _RANDOM.uniform(0.5, 1.0)


def _wait_for_lock(connection: Connection, left_s: float) -> None:
    if connection.dialect.name != "sqlite":
        return
    wait_s = min(WAIT_FOR_LOCK_S, max(_MIN_LOCK_WAIT_S, left_s))
    if connection.info.get("wait_s", WAIT_FOR_LOCK_S) != wait_s:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait_s * 1000:.0f}")
        connection.info["wait_s"] = wait_s
